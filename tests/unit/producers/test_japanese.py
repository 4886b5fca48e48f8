"""Times and amounts as Japanese systems write them, and what is none."""

import datetime as dt

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.mapping.japanese import local_times, plain_amounts

TIMES = {
    "2020/09/01 14:05:06": "2020-09-01T14:05:06",
    "2020/9/1 4:05": "2020-09-01T04:05:00",
    "2020-09-01T14:05:06.789": "2020-09-01T14:05:06.789",
    "２０２０／０９／０１　１４：０５": "2020-09-01T14:05:00",
    "2020年9月1日": "2020-09-01T00:00:00",
    "令和2年9月1日 14時05分06秒": "2020-09-01T14:05:06",
    "令和２年９月１日（火） 14時5分": "2020-09-01T14:05:00",
    "令和元年5月1日": "2019-05-01T00:00:00",
    "㋿元年5月1日": "2019-05-01T00:00:00",
    "平成31年4月30日": "2019-04-30T00:00:00",
    "H31.04.30": "2019-04-30T00:00:00",
    "R02.9.1": "2020-09-01T00:00:00",
    "r2/9/1 9:05": "2020-09-01T09:05:00",
    "R020901": "2020-09-01T00:00:00",
    "R020901 140506": "2020-09-01T14:05:06",
    "20200901": "2020-09-01T00:00:00",
    "20200901140506": "2020-09-01T14:05:06",
    "20200901 1405": "2020-09-01T14:05:00",
    "2020/09/01 24:10": "2020-09-02T00:10:00",
    "令和2年12月31日 25時30分": "2021-01-01T01:30:00",
    "2020/9/1 午後2時5分": "2020-09-01T14:05:00",
    "2020/9/1 午前12時5分": "2020-09-01T00:05:00",
    "2020/9/1 午後12時5分": "2020-09-01T12:05:00",
    "2020.02.29": "2020-02-29T00:00:00",
}
NO_TIMES = (
    "",
    "きのう",
    "2020/13/01",
    "令和2年13月1日",
    "2019/02/29",
    "2020/09/31",
    "2020/09/01 48:00",
    "2020/09/01 14:60",
    "2020/9/1 午後13時0分",
    "20/09/01",  # of which century, or era
    "R0.9.1",
    "2020/09/01 506",  # 5:06 or 0:05:06
    "20200901 90506",
    "2020/09/01 14:05 or so",
    "元年5月1日",
)


@pytest.mark.parametrize(("text", "expected"), TIMES.items())
def test_a_time_is_that_of_the_clock_on_the_wall(text: str, expected: str) -> None:
    ms, good = local_times(pa.array([text]))
    assert good.all()
    at = dt.datetime.fromisoformat(expected).replace(tzinfo=dt.UTC)
    assert round(at.timestamp() * 1000) == int(ms[0])


def test_what_is_no_time_is_told_apart_from_what_is() -> None:
    texts = [*NO_TIMES, None, "2020/09/01"]
    _, good = local_times(pa.array(texts))
    assert ["2020/09/01"] == [text for text, one in zip(texts, good, strict=True) if one]


@given(st.integers(946_684_800, 4_102_444_799))  # the years 2000 to 2099
def test_every_form_of_a_time_is_the_same_time(seconds: int) -> None:
    at = dt.datetime.fromtimestamp(seconds, dt.UTC)
    era, first = ("令和", 2018) if at.year > 2018 else ("平成", 1988)
    forms = [
        f"{at:%Y/%m/%d %H:%M:%S}",
        f"{at:%Y%m%d%H%M%S}",
        f"{at.year}年{at.month}月{at.day}日 {at.hour}時{at.minute}分{at.second}秒",
        f"{era}{at.year - first}年{at.month}月{at.day}日 {at:%H:%M:%S}",
        f"{'R' if era == '令和' else 'H'}{at.year - first:02}.{at.month:02}.{at.day:02} {at:%H%M%S}",
    ]
    ms, good = local_times(pa.array(forms))
    assert good.all()
    assert {seconds * 1000} == set(ms.tolist())


AMOUNTS = {
    "1000": "1000",
    "1,000": "1000",
    "1,234,567.50": "1234567.50",
    "￥1,000": "1000",
    "\\1,000": "1000",  # how CP932 keeps a yen sign
    "1,000円": "1000",
    "▲1,000": "-1000",
    "△1,000": "-1000",
    "▲￥５，０００": "-5000",
    "－１００": "-100",
    "(1,000)": "-1000",
    " 1,000 円 ": "1000",
}


@pytest.mark.parametrize(("text", "expected"), AMOUNTS.items())
def test_an_amount_is_a_plain_number(text: str, expected: str) -> None:
    assert [expected] == plain_amounts(pa.array([text])).to_pylist()


@pytest.mark.parametrize("text", ["", "円", "1,00", "12-34", "(1,000", "1,000)", "3万円", "1 000", "▲", "--5"])
def test_what_is_no_amount_is_none(text: str) -> None:
    assert [None] == plain_amounts(pa.array([text])).to_pylist()
