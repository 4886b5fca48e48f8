"""`kozamori cases` as people and programs see it, on alerts that a list hands over."""

import json
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Any, Self

import pytest
from click.testing import CliRunner
from msgspec import structs
from support.alerts import make_alert

from detector.cli import cases as command
from detector.contract.alerts import Alert

START_MS = 1_598_936_706_000
ALERTS = (
    make_alert(7, yen_at_risk=20_000, rank_yen=20_000, seconds_to_cap=12),
    make_alert(8, bank="0001", yen_at_risk=300_000, urgency=0.75, seconds_to_cap=None, yen_debited=0, severity="high"),
    structs.replace(make_alert(9), case_id="account-account-events-0-7", update=1, events=4, yen_at_risk=0, urgency=0),
)


class Handed:
    """A subscriber whose alerts are there; `asked` is what it was built with."""

    asked: dict[str, Any]

    def __init__(self, _bootstrap: object, **asked: Any) -> None:
        Handed.asked = asked

    def __iter__(self) -> Iterator[Alert]:
        bank = self.asked["bank"]
        return iter([alert for alert in ALERTS if bank in (None, alert.bank)])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass


def said(monkeypatch: pytest.MonkeyPatch, *options: str) -> str:
    monkeypatch.setattr(command, "AlertSubscriber", Handed)
    monkeypatch.setenv("COLUMNS", "200")
    result = CliRunner().invoke(command.cases, list(options), catch_exceptions=False)
    assert 0 == result.exit_code, result.output
    return result.output


def objects(lines: Iterable[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines]


def test_the_table_has_a_line_for_each_case_in_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    title, head, first, second = said(monkeypatch).splitlines()
    assert "2 open cases, 2020-09-01 14:05 JST" == title.strip()
    assert ["rank", "at", "risk", "to", "cap"] == head.split()[:5]
    assert ["225,000", "300,000", "0", "0001", "docomo_account", "00112233", "09-01", "14:05", "1"] == (
        first.split()[:9]
    )
    assert ["0", "0", "0:00:40", "190,000", "0116"] == second.split()[:5]
    assert "3 debits within 10 minutes, usually 0" in second


def test_top_and_bank_and_language_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 3 == len(said(monkeypatch, "--top", "1").splitlines())
    found = said(monkeypatch, "--bank", "0116", "--lang", "ja")
    assert ("0116", False) == (Handed.asked["bank"], "0001" in found)
    assert "10 分間に 3 回の引落" in found


def test_programs_get_the_cases_in_their_order_a_line_each(monkeypatch: pytest.MonkeyPatch) -> None:
    found = objects(said(monkeypatch, "--json").splitlines())
    assert [225_000, 0] == [case["rank_yen"] for case in found]
    assert [1, 5] == [case["events"] for case in found]
    assert {"case_id", "rank_yen", "urgency", "seconds_to_cap", "began_at_ms", "events", "last"} == set(found[0])
    assert "0001" == found[0]["last"]["bank"]
    assert (True, True) == (Handed.asked["from_beginning"], Handed.asked["until_end"])


def test_followers_get_a_line_for_each_change(monkeypatch: pytest.MonkeyPatch) -> None:
    found = objects(said(monkeypatch, "--json", "--follow").splitlines())
    changes = [(case["case_id"].rpartition("-")[2], case["events"]) for case in found]
    assert [("7", 1), ("8", 1), ("7", 5)] == changes
    assert not Handed.asked["until_end"]


def test_where_there_is_no_terminal_followers_read_a_line_for_each_change(monkeypatch: pytest.MonkeyPatch) -> None:
    costs = [line.split()[0] for line in said(monkeypatch, "--follow").splitlines()]
    assert ["20,000", "225,000", "0"] == costs


def test_control_characters_never_reach_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Handed, "__iter__", lambda _: iter([make_alert(7, account="\x1b[2J\x07", service="\x9b1m")]))
    assert not {"\x1b", "\x07", "\x9b"} & set(said(monkeypatch))


@pytest.mark.parametrize("bank", ["116", "01167", "abcd", "\uff10\uff11\uff11\uff16"])
def test_what_is_no_bank_is_refused(bank: str) -> None:
    result = CliRunner().invoke(command.cases, ["--bank", bank])
    assert 2 == result.exit_code
    assert "four digits" in result.output
