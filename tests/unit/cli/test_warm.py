"""What `kozamori state warm` tells people; what it does is tested on a real Kafka."""

import pytest

from detector.cli.warm import text_of
from detector.jst import DAY_MS
from detector.ops.warm import Fill, StageFill

FIRST_MS = 1_598_886_300_000  # 1 September 2020, 00:05 in Japan
STAGES = (
    StageFill("account", "account-events", True, {0: 1_200, 1: 34}, {0: 5, 1: 7}),
    StageFill("wallet", "kozamori.hop.wallet", False, {0: 0, 1: 50}, {0: 0, 1: 0}),
    StageFill("cases", "kozamori.hop.cases", False, {0: 0, 1: 0}, {}),
)


def filled(*, left_out: int = 0, again: bool = False) -> Fill:
    return Fill("kozamori.default", 9_000, left_out, FIRST_MS, FIRST_MS + 10 * DAY_MS, again, STAGES)


def test_what_was_done_is_told_stage_by_stage() -> None:
    expected = [
        "played 9,000 events of the history, 2020-09-01 00:05 JST to 2020-09-11 00:05 JST",
        "stage account has 1,234 rows",
        "stage wallet has 50 rows",
        "workers of group kozamori.default begin at the latest event of account-events (0: 5, 1: 7)",
    ]
    assert expected == text_of(filled(), "latest", 10, done_now=True).splitlines()


@pytest.mark.parametrize(
    ("expected", "done_now"),
    [("removed what an interrupted one had left", True), ("would remove what an interrupted one had left", False)],
)
def test_what_an_interrupted_one_left_is_told_of(expected: str, done_now: bool) -> None:
    told = text_of(filled(left_out=77, again=True), "earliest", 10, done_now=done_now).splitlines()
    assert expected in told
    assert "left out 77 events that the log has itself" in told
    assert done_now != (told[-1] == "nothing was changed: run again with --yes (see --help)")


@pytest.mark.parametrize(("burn_in_days", "told"), [(10, False), (10.5, True)])
def test_a_history_shorter_than_the_burn_in_is_told_of(burn_in_days: float, told: bool) -> None:
    text = text_of(filled(), "earliest", burn_in_days, done_now=True)
    assert told == (f"10.0 days, the model's burn-in is {burn_in_days:g}: until the state is as old" in text)
