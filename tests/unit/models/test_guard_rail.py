"""The guard rail: which events of a history are not learnt from, and which are no normal life at all."""

import numpy as np
from support.alerts import make_alert
from support.histories import TTL_MS, history
from support.models import STAGE, make_batch, make_history

from detector.artifact import pack, unpack
from detector.contract.hashing import hash64, hash64_many
from detector.core.chains import WALLET_CHAIN
from detector.core.memory import MemoryRun
from detector.core.stages.cases import CASE_MS
from detector.core.topology import topology_of
from models.datasets import DOUBTFUL, FRAUD, NORMAL, Dataset, collect
from models.guard_rail import guard_rail
from models.span import held_out_of
from models.training import Plan, train

T = 1_598_936_706_000
ALERTS = [
    make_alert(1, occurred_at_ms=T + 60_000, account="a", case_id="one"),
    make_alert(2, occurred_at_ms=T, account="a", case_id="one"),  # arrived later, happened before
    make_alert(3, occurred_at_ms=T + 5 * CASE_MS, account="a", case_id="two"),
    make_alert(4, occurred_at_ms=T, account="", wallet="w", case_id="three"),
]

#: (expected, event id, account, wallet, time)
EVENTS = [
    (DOUBTFUL, "e-1", "a", "x", T + 60_000),
    (DOUBTFUL, "e-2", "a", "x", T),
    (NORMAL, "other", "a", "x", T - 1),
    (DOUBTFUL, "other", "a", "x", T + CASE_MS - 1),
    (NORMAL, "other", "a", "x", T + CASE_MS),
    (DOUBTFUL, "other", "a", "x", T + 5 * CASE_MS),
    (NORMAL, "other", "b", "w", T),
    (DOUBTFUL, "other", "", "docomo_account/w", T),
    (NORMAL, "other", "", "paypay/w", T),
    (DOUBTFUL, "e-4", "b", "w", T + 9 * CASE_MS),
    (FRAUD, "labelled", "a", "x", T),
    (FRAUD, "labelled", "b", "x", T),
]


def test_an_alert_s_event_and_the_rest_of_its_case_are_doubtful_and_what_is_labelled_is_fraud() -> None:
    columns = zip(*EVENTS, strict=True)
    expected, event_id, account, wallet, at_ms = (list(column) for column in columns)
    batch = make_batch(
        len(EVENTS),
        event_id=hash64_many(event_id),
        account=hash64_many(account),
        wallet=hash64_many(wallet),
        occurred_at_ms=at_ms,
    )
    guard = guard_rail(ALERTS, hash64_many(["labelled", "not in the history"]))
    assert expected == guard.life(batch).tolist()


def test_without_alerts_and_labels_all_is_normal_life() -> None:
    assert [NORMAL] * 3 == guard_rail().life(make_batch(3, event_id=[1, 2, 3], account=[1, 2, 3])).tolist()


def test_what_is_left_out_stays_in_the_state() -> None:
    whole = collect([history()], WALLET_CHAIN, TTL_MS)
    bad = np.unique(history().event_id)[::7]
    rail = guard_rail(fraud=np.sort(bad))
    marked = collect([history()], WALLET_CHAIN, TTL_MS, life=rail.life)
    assert whole.X.tobytes() == marked.X.tobytes()
    own = MemoryRun(topology_of(WALLET_CHAIN), None, ttl_ms=TTL_MS).process(history()).last.events.batch
    assert 0 < (marked.life == FRAUD).sum() <= np.isin(own.event_id, bad).sum()


def poisoned(life: int) -> Dataset:
    """A history one part in fifty of which is drains, known as what `life` says."""
    data = make_history(days=12, a_day=1000)
    rng = np.random.default_rng(7)
    bad = (rng.random(len(data.kind)) < 0.02) & ~np.isnan(data.X[:, 2])
    data.X[bad] = [np.nan, 600, 300_000, 10]
    data.life[bad] = life
    return data


def trained(data: Dataset) -> dict[str, object]:
    model = unpack(pack(train(data, STAGE, Plan(trees=20, max_samples=64), "")), STAGE)
    drains = data.X[:, 2] == 300_000
    alarm = model.judge(data.X, data.kind, data.bank).alarm[drains]
    return {**model.manifest["training"], "alarm": float(alarm.max()), "usual": model.usual.tolist()}


def test_labelled_fraud_is_no_normal_life_and_then_it_alerts() -> None:
    known, unknown = trained(poisoned(FRAUD)), trained(poisoned(NORMAL))
    assert known["alarm"] < unknown["alarm"] / 3  # type: ignore[operator]
    assert known["events"] == unknown["events"] - known["fraud_left_out"]  # type: ignore[operator]
    assert (0, 0) == (unknown["fraud_left_out"], unknown["not_learnt_from"])


def test_alerted_events_are_not_learnt_from_and_still_count_as_false_alarms() -> None:
    data, left = poisoned(DOUBTFUL), poisoned(DOUBTFUL)
    held_out = np.isin(data.day, held_out_of(np.unique(data.day)))
    clean = data.select(held_out | (data.life == NORMAL))
    doubtful = train(data, STAGE, Plan(trees=20, max_samples=64), "")
    without = train(clean, STAGE, Plan(trees=20, max_samples=64), "")
    for name, array in doubtful.detectors[0].arrays().items():
        np.testing.assert_array_equal(array, without.detectors[0].arrays()[name])
    for one, other in zip(doubtful.calibrations, without.calibrations, strict=True):
        np.testing.assert_array_equal(one.rates, other.rates)
    assert int((left.life == DOUBTFUL).sum()) == doubtful.training["not_learnt_from"]


def test_an_alert_of_an_event_without_an_account_is_of_its_wallet_at_its_service() -> None:
    assert {hash64("a"), hash64("docomo_account/w")} == set(guard_rail(ALERTS).cases)
