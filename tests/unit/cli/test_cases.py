"""`kozamori cases` as people and programs see it, on a list of alerts."""

import json
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec import structs
from support.alerts import make_alert

from detector.cli.cases import cases, print_json, print_table
from detector.contract.alerts import Alert
from detector.languages import Language

START_MS = 1_598_936_706_000
ALERTS = (
    make_alert(7, yen_at_risk=20_000, rank_yen=20_000, seconds_to_cap=12),
    make_alert(8, bank="0001", yen_at_risk=300_000, urgency=0.75, seconds_to_cap=None, yen_debited=0, severity="high"),
    structs.replace(make_alert(9), case_id="account-account-events-0-7", update=1, events=4, yen_at_risk=0, urgency=0),
)


class Printed:
    """What the command prints of alerts, in a terminal of 200 columns or as JSON lines."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def table(self, *alerts: Alert, top: int = 20, lang: Language = "en", follow: bool = False) -> str:
        print_table(alerts or ALERTS, top, lang, follow=follow)
        return self._capsys.readouterr().out

    def objects(self, *, follow: bool = False) -> list[dict[str, Any]]:
        print_json(ALERTS, 20, follow=follow)
        return [json.loads(line) for line in self._capsys.readouterr().out.splitlines()]


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Printed:
    monkeypatch.setenv("COLUMNS", "200")
    return Printed(capsys)


def test_the_table_has_a_line_for_each_case_in_its_order(printed: Printed) -> None:
    title, head, first, second = printed.table().splitlines()
    assert "2 open cases, 2020-09-01 14:05 JST" == title.strip()
    assert ["rank", "at", "risk", "to", "cap"] == head.split()[:5]
    assert ["225,000", "300,000", "0", "0001", "docomo_account", "00112233", "09-01", "14:05", "1"] == (
        first.split()[:9]
    )
    assert ["0", "0", "0:00:40", "190,000", "0116"] == second.split()[:5]
    assert "3 debits within 10 minutes, usually 0" in second


def test_the_table_has_as_many_cases_and_the_language_that_are_wanted(printed: Printed) -> None:
    assert 3 == len(printed.table(top=1).splitlines())
    assert "10 分間に 3 回の引落" in printed.table(lang="ja")


def test_programs_get_the_cases_in_their_order_a_line_each(printed: Printed) -> None:
    found = printed.objects()
    assert [225_000, 0] == [case["rank_yen"] for case in found]
    assert [1, 5] == [case["events"] for case in found]
    assert {"case_id", "rank_yen", "urgency", "seconds_to_cap", "began_at_ms", "events", "last"} == set(found[0])
    assert "0001" == found[0]["last"]["bank"]


def test_followers_get_a_line_for_each_change(printed: Printed) -> None:
    found = printed.objects(follow=True)
    changes = [(case["case_id"].rpartition("-")[2], case["events"]) for case in found]
    assert [("7", 1), ("8", 1), ("7", 5)] == changes


def test_where_there_is_no_terminal_followers_read_a_line_for_each_change(printed: Printed) -> None:
    costs = [line.split()[0] for line in printed.table(follow=True).splitlines()]
    assert ["20,000", "225,000", "0"] == costs


def test_control_characters_never_reach_the_terminal(printed: Printed) -> None:
    found = printed.table(make_alert(7, account="\x1b[2J\x07", service="\x9b1m"))
    assert "1 open cases" in found
    assert not {"\x1b", "\x07", "\x9b"} & set(found)


@pytest.mark.parametrize("bank", ["116", "01167", "abcd", "\uff10\uff11\uff11\uff16"])
def test_what_is_no_bank_is_refused(bank: str) -> None:
    result = CliRunner().invoke(cases, ["--bank", bank])
    assert 2 == result.exit_code
    assert "four digits" in result.output
