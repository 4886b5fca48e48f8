"""Days drawn again from a history: who lives on them, how much happens, and that every event is valid and new."""

import datetime as dt
from collections import Counter

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from support.small_town import NEWCOMERS, UNKNOWN, small_town

from detector.errors import UserError
from detector.jst import day_of
from models.worlds.resampled.days import Donors, kind_of
from models.worlds.resampled.play import play
from models.worlds.world import EVENTS, LABELS, Life, Size
from producers.batches import to_batches

KINDS = {"2020-09-01": "month's turn", "2020-08-25": "pay-day", "2020-08-27": "pay-day", "2020-08-29": "weekend",
         "2020-08-28": "ordinary", "2020-08-02": "month's turn"}  # fmt: skip
JUDGED_DAYS = 31


@pytest.fixture(scope="module")
def quiet() -> Life:
    return play(small_town(), Size(days=1, judged_days=JUDGED_DAYS, cases=0, seed=3))


@pytest.fixture(scope="module")
def robbed() -> Life:
    return play(small_town(), Size(days=1, judged_days=JUDGED_DAYS, cases=60, seed=3))


def frame(table: pa.Table) -> pd.DataFrame:
    events: pd.DataFrame = table.to_pandas()
    for name in events.columns[events.dtypes == "category"]:
        events[name] = events[name].astype(object)
    return events.assign(day=day_of(events["occurred_at_ms"].to_numpy()))


def day(text: str) -> int:
    return (dt.date.fromisoformat(text) - dt.date(1970, 1, 1)).days


@pytest.mark.parametrize(("date", "kind"), KINDS.items())
def test_a_day_is_of_the_kind_that_the_calendar_gives_it(date: str, kind: str) -> None:
    assert kind == kind_of(day(date))


def test_special_days_repeat_the_same_day_of_the_month_and_others_their_kind() -> None:
    days = np.arange(day("2020-07-12"), day("2020-08-21"))
    coming = np.array([day("2020-08-25"), day("2020-09-01"), day("2020-08-22")])
    drawn = Donors(days, coming).each(200, np.random.default_rng(1))
    assert [{day("2020-07-25")}, {day("2020-08-01")}] == [set(column) for column in drawn[:, :2].T.tolist()]
    assert {"weekend"} == {kind_of(other) for other in drawn[:, 2].tolist()}


def test_without_a_pay_day_in_the_history_a_pay_day_is_drawn_from_its_usual_days() -> None:
    days = np.arange(day("2020-09-01"), day("2020-09-08"))
    drawn = Donors(days, np.array([day("2020-09-25")])).each(200, np.random.default_rng(1))
    assert {"weekend", "ordinary"} == {kind_of(other) for other in drawn.ravel().tolist()}


def test_days_drawn_for_everybody_take_turns() -> None:
    days = np.arange(day("2020-08-03"), day("2020-08-08"))
    drawn = Donors(days, days + 7).shared(np.random.default_rng(1))
    assert set(days.tolist()) == set(drawn.tolist())


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(robbed: Life) -> None:
    again = play(small_town(), Size(days=1, judged_days=JUDGED_DAYS, cases=60, seed=3))
    other = play(small_town(), Size(days=1, judged_days=JUDGED_DAYS, cases=60, seed=4))
    assert robbed.judged.equals(again.judged)
    assert robbed.labels.equals(again.labels)
    assert not robbed.judged.equals(other.judged)


def test_all_events_are_valid_under_the_contract(robbed: Life) -> None:
    assert (EVENTS, LABELS) == (robbed.judged.schema, robbed.labels.schema)
    assert robbed.judged.num_rows == sum(batch.size for batch in to_batches(robbed.judged, 5_000, which="all"))


def test_the_history_is_the_given_one_and_days_drawn_from_it_as_the_judged_ones_are(quiet: Life) -> None:
    given, drawn = quiet.history.slice(0, small_town().num_rows), quiet.history.slice(small_town().num_rows)
    assert frame(small_town()).equals(frame(given))
    assert {frame(small_town())["day"].max() + 1} == set(frame(drawn)["day"])
    assert 0 == quiet.labels.num_rows


def test_the_days_follow_the_history_and_none_is_empty(quiet: Life) -> None:
    last = frame(quiet.history)["day"].max()
    assert [last + 1 + number for number in range(JUDGED_DAYS)] == sorted(set(frame(quiet.judged)["day"]))


def test_each_kind_of_day_has_as_many_events_as_in_the_history(quiet: Life) -> None:
    before, after = (frame(table).groupby("day").size() for table in (small_town(), quiet.judged))
    usual = before.groupby(kind_of).mean().to_dict()
    assert set(KINDS.values()) == set(usual)
    assert usual == pytest.approx(after.groupby(kind_of).mean().to_dict(), rel=0.15)


def test_as_many_wallets_are_opened_a_day_as_in_the_history(quiet: Life) -> None:
    opened = frame(quiet.judged).query("kind == 'open'").drop_duplicates("event_id")
    assert NEWCOMERS == pytest.approx(len(opened) / JUDGED_DAYS, rel=0.1)
    assert not set(opened["wallet"]) & set(frame(quiet.history)["wallet"])


def test_newcomers_bring_new_accounts_as_often_as_in_the_history(quiet: Life) -> None:
    shares = []
    for events, before in ((frame(small_town()), set()), (frame(quiet.judged), set(frame(quiet.history)["account"]))):
        links = events.query("kind == 'link' and result == 'ok'")
        first = ~links["account"].isin(before)
        if not before:  # known before: an account of which the first event is not a link
            beginnings = events.dropna(subset=["account"]).drop_duplicates("account").query("kind == 'link'")
            first = links["account"].isin(set(beginnings["account"]))
        shares.append(first.mean())
    assert shares[0] == pytest.approx(shares[1], abs=0.05)


def test_no_event_comes_again_from_the_history_and_a_repeat_is_the_same_event(robbed: Life) -> None:
    events = frame(robbed.judged)
    assert not set(events["event_id"]) & set(frame(robbed.history)["event_id"])
    repeats = events[events["event_id"].duplicated()]
    assert len(repeats)
    assert len(events.drop_duplicates()) == len(events) - len(repeats)


def test_events_come_late_and_twice_as_often_as_in_the_history(quiet: Life) -> None:
    for column in ("late", "twice"):
        shares = [_shares(table)[column] for table in (small_town(), quiet.judged)]
        assert shares[0] == pytest.approx(shares[1], rel=0.2)


def _shares(table: pa.Table) -> dict[str, float]:
    events = frame(table)
    at_ms = events["occurred_at_ms"]
    return {"late": (at_ms.cummax() - at_ms > 60_000).mean(), "twice": events["event_id"].duplicated().mean()}


def test_sources_are_unknown_as_often_as_in_the_history(quiet: Life) -> None:
    assert UNKNOWN == pytest.approx((frame(quiet.judged)["source"] == "").mean(), abs=0.01)


def test_known_wallets_come_from_sources_of_the_history_but_for_a_few(quiet: Life) -> None:
    history, events = frame(small_town()), frame(quiet.judged)
    old = events[events["wallet"].isin(set(history["wallet"]))]
    assert 0.97 < old["source"].isin(set(history["source"])).mean() < 1


def test_an_account_is_not_debited_after_it_was_unlinked(quiet: Life) -> None:
    unlinked: set[tuple[str, str]] = set()
    both = pd.concat([frame(quiet.history), frame(quiet.judged)]).sort_values("occurred_at_ms", kind="stable")
    judged, debits = set(quiet.judged["event_id"].to_pylist()), Counter[bool]()
    for event in both.itertuples():
        pair = (str(event.account), f"{event.service}/{event.wallet}")
        if event.kind == "unlink":
            unlinked.add(pair)
        elif event.kind == "link" and event.result == "ok":
            unlinked.discard(pair)
        elif event.kind == "debit" and event.event_id in judged:
            debits[pair in unlinked] += 1
    assert debits[False]
    assert 0 == debits[True]


def test_a_wallet_is_charged_at_most_the_cap_of_a_month(quiet: Life) -> None:
    both = pd.concat([frame(quiet.history), frame(quiet.judged)]).query("kind == 'debit' and result == 'ok'")
    month = pd.to_datetime(both["day"], unit="D").dt.month
    sums = (
        both.assign(month=month).drop_duplicates("event_id").groupby(["service", "wallet", "month"])["amount_yen"].sum()
    )
    assert 300_000 >= sums.max() > 100_000


def test_amounts_stay_as_round_as_they_were(quiet: Life) -> None:
    usual, charges = (frame(table).query("kind == 'debit'")["amount_yen"] for table in (small_town(), quiet.judged))
    assert (charges % 100 == 0).all()
    assert 0.1 < (~charges.isin(set(usual))).mean() < 0.3


def test_a_life_played_on_from_a_life_has_ids_of_its_own(quiet: Life) -> None:
    further = play(quiet.judged, Size(days=1, judged_days=5, cases=0, seed=3))
    assert not set(frame(further.judged)["event_id"]) & set(frame(quiet.judged)["event_id"])


def test_an_empty_history_and_one_without_a_column_are_refused_with_the_reason() -> None:
    with pytest.raises(UserError, match="no events"):
        play(small_town().slice(0, 0), Size())
    with pytest.raises(UserError, match="no column source"):
        play(small_town().drop_columns(["source"]), Size())
