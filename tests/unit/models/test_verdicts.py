"""Verdicts of analysts: what each means for training, and that fraud called wrong is not learnt as normal life."""

import datetime as dt

import numpy as np
import pytest
from support.alerts import make_alert
from support.models import FIRST_DAY, STAGE, make_batch, make_history

from detector.contract.hashing import hash64, hash64_many
from detector.contract.vocabulary import DEBIT
from detector.core.stages.cases import CASE_MS
from detector.errors import UserError
from models.burn_in import NO_BURN_IN
from models.datasets import CLEARED, DOUBTFUL, FRAUD, NORMAL, Dataset
from models.guard_rail import guard_rail
from models.inject import Cases
from models.training import Plan, train
from models.verdicts import Verdict, followed, said_of

T = 1_598_936_706_000
#: Of each case the first alert; "one" has a second.
ALERTS = [
    make_alert(0, account="a", case_id="one", occurred_at_ms=T),
    make_alert(1, account="a", case_id="one", occurred_at_ms=T + 60_000),
    make_alert(2, account="b", case_id="two", occurred_at_ms=T),
    make_alert(3, account="c", case_id="three", occurred_at_ms=T),
    make_alert(4, account="d", case_id="four", occurred_at_ms=T),
]
ID = [alert.alert_id for alert in ALERTS]
NINE, TEN = (dt.datetime(2020, 9, 2, hour, tzinfo=dt.UTC) for hour in (9, 10))
PLAN = Plan(trees=20, max_samples=64, turns=60)


def test_right_is_fraud_wrong_is_cleared_and_unsure_is_as_if_nothing_was_said() -> None:
    said = said_of(ALERTS, [Verdict(ID[1], "right"), Verdict(ID[2], "wrong"), Verdict(ID[3], "unsure")])
    guard = guard_rail(ALERTS, life=said.life)
    expected = {"a": FRAUD, "b": CLEARED, "c": DOUBTFUL, "d": DOUBTFUL, "nobody": NORMAL}
    events = make_batch(5, account=hash64_many(list(expected)), occurred_at_ms=[T + 1] * 5)
    assert list(expected.values()) == guard.life(events).tolist()
    assert ({"right": 1, "wrong": 1, "unsure": 1}, (ID[2],)) == (said.cases, said.cleared)


@pytest.mark.parametrize(
    ("expected", "verdicts"),
    [
        ("right", [(0, "right", TEN), (1, "wrong", NINE)]),
        ("wrong", [(0, "right", NINE), (1, "wrong", TEN)]),
        ("wrong", [(1, "wrong", NINE), (0, "right", None)]),
        ("unsure", [(1, "wrong", None), (0, "right", None), (0, "unsure", None)]),
        ("right", [(0, "wrong", TEN), (0, "right", TEN.astimezone(dt.timezone(dt.timedelta(hours=9))))]),
    ],
)
def test_of_contradictory_verdicts_on_a_case_the_last_by_time_counts(
    expected: str, verdicts: list[tuple[int, str, dt.datetime | None]]
) -> None:
    said = said_of(ALERTS, [Verdict(ID[alert], word, at) for alert, word, at in verdicts])  # type: ignore[arg-type]
    assert [expected] == [word for word, cases in said.cases.items() if cases]


def test_a_verdict_on_an_unknown_alert_is_refused_with_its_id() -> None:
    with pytest.raises(UserError, match="account-account-events-0-99"):
        said_of(ALERTS, [Verdict("account-account-events-0-99", "wrong")])


def test_where_cases_of_an_account_overlap_fraud_goes_before_doubt_and_doubt_before_a_verdict_wrong() -> None:
    alerts = [
        make_alert(number, account="a", case_id=str(number), occurred_at_ms=T + number * CASE_MS // 4)
        for number in range(3)
    ]
    life = guard_rail(alerts, life={"0": CLEARED, "2": FRAUD}).life
    times = [T, T + CASE_MS // 4, T + CASE_MS // 2, T + CASE_MS, T + CASE_MS * 5 // 4]
    events = make_batch(5, account=[hash64("a")] * 5, occurred_at_ms=times)
    assert [CLEARED, DOUBTFUL, FRAUD, FRAUD, FRAUD] == life(events).tolist()


def test_labelled_fraud_stays_fraud_whatever_an_analyst_says() -> None:
    guard = guard_rail(ALERTS, hash64_many(["e-2"]), said_of(ALERTS, [Verdict(ID[2], "wrong")]).life)
    events = make_batch(1, event_id=hash64_many(["e-2"]), account=[hash64("b")], occurred_at_ms=[T])
    assert [FRAUD] == guard.life(events).tolist()


def drains(n: int, rng: np.random.Generator) -> np.ndarray:
    """Features of `n` debits of a thief: a young wallet, a large sum, at once after another."""
    columns = [np.full(n, np.nan), rng.uniform(60, 900, n), rng.uniform(2e5, 3e5, n), rng.uniform(5, 60, n)]
    return np.stack(columns, axis=1).astype(np.float32)


def attacks(data: Dataset) -> Cases:
    """Eighty simulated cases of one drain each, a quarter of them held out."""
    rng, n = np.random.default_rng(3), 80
    number = np.arange(n)
    days = FIRST_DAY + number % len(np.unique(data.day))
    kind = np.full(n, DEBIT, np.int8)
    return Cases(drains(n, rng), kind, number, 0 * kind, number % 4 == 0, days, 0 * number, ("T1",))


FRAUDS, HONEST = (np.arange(12 * 500) % 10 == rest for rest in (0, 1))  # of the events of `poisoned`


def poisoned() -> Dataset:
    """A history one event in ten of which is a drain, and one in ten an honest event; all of these are called wrong."""
    data = make_history(days=12, a_day=500)
    data.X[FRAUDS], data.kind[FRAUDS] = drains(int(FRAUDS.sum()), np.random.default_rng(7)), DEBIT
    data.life[FRAUDS | HONEST] = CLEARED - np.arange((FRAUDS | HONEST).sum())
    return data


def test_fraud_called_wrong_is_not_learnt_and_honest_life_called_wrong_is() -> None:
    data = poisoned()
    found = followed(data, STAGE, PLAN, attacks(data), NO_BURN_IN)
    assert {DOUBTFUL} == set(found.data.life[FRAUDS].tolist())
    assert {NORMAL} == set(found.data.life[HONEST].tolist())
    assert (CLEARED - data.life[FRAUDS]).tolist() == list(found.refused)


def test_a_thief_who_calls_every_alert_wrong_blinds_no_model_that_checks() -> None:
    data, score = poisoned(), {}
    checked = followed(data, STAGE, PLAN, attacks(data), NO_BURN_IN).data
    for name, given in {"checked": checked, "believed": data._replace(life=np.zeros_like(data.life))}.items():
        (trees, *_) = train(given, STAGE, PLAN, "", attacks(data)).detectors
        score[name] = np.median(trees.score_many(drains(200, np.random.default_rng(9)), np.full(200, DEBIT, np.int8)))
    assert score["checked"] > 0.95
    assert score["believed"] < 0.85


def test_one_event_like_an_attack_keeps_its_whole_case_from_being_learnt() -> None:
    data = poisoned()
    data.life[data.life <= CLEARED] = CLEARED
    assert (0,) == followed(data, STAGE, PLAN, attacks(data), NO_BURN_IN).refused


def test_without_simulated_attacks_no_verdict_wrong_is_learnt_from() -> None:
    data = poisoned()
    found = followed(data, STAGE, PLAN, None, NO_BURN_IN)
    assert int((data.life <= CLEARED).sum()) == len(found.refused) == int((found.data.life == DOUBTFUL).sum())


def test_without_verdicts_nothing_changes() -> None:
    data = make_history()
    found = followed(data, STAGE, PLAN, None, NO_BURN_IN)
    assert ((), data.life.tolist()) == (found.refused, found.data.life.tolist())
    assert {} == said_of(ALERTS, []).life
