"""Alerts of one account, or of one wallet, become cases of a day: numbered by a stage like any other."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from support.alone import Alone, no_facts
from support.models import STAGE, make_batch

from detector.contract.batch import Batch, origin_of
from detector.contract.vocabulary import WALLET_EVENTS
from detector.core.events import Events
from detector.core.pipeline import Pipeline
from detector.core.stage import CASE_OFFSET, CASE_ORIGIN, CASE_UPDATE, RECEIVED_MS, YEN_DEBITED, YEN_LEFT, Chain
from detector.core.stages.cases import CASE_MS, CASES
from detector.core.topology import topology_of
from detector.core.triage import YEN_STEP

DAY_MS = 24 * 3_600_000
T = 1_598_886_300_000
NEVER_MS = 10**15


class Alerting(NamedTuple):
    """An alert on a source record: whose it is, the record's offset, event time."""

    account: int
    offset: int
    at_ms: int
    wallet: int = 9
    origin: int = 0


def batch_of(alerts: list[Alerting], first: int = 0) -> Batch:
    """The alerts as they come out of a hop; no event id is the same."""
    offsets = np.arange(first, first + len(alerts))
    columns = np.array(alerts, np.int64).reshape(-1, 5).T
    names = ("account", "origin_offset", "occurred_at_ms", "wallet", "origin")
    return make_batch(len(alerts), offset=offsets, event_id=offsets + 1, **dict(zip(names, columns, strict=True)))


def growing(n: int, first: int = 0) -> npt.NDArray[np.int64]:
    """Facts of alerts that all have news: each of 30,000 yen more."""
    facts = no_facts(n)
    facts[:, YEN_DEBITED] = YEN_STEP * np.arange(first + 1, first + n + 1)
    return facts


def pipeline(ttl_ms: int = NEVER_MS) -> Alone:
    return Alone(CASES, ttl_ms=ttl_ms)


def cases(machine: Alone, alerts: list[Alerting], first: int = 0) -> list[tuple[int, int]]:
    """(offset of the case's first alert, update) of each alert."""
    facts = machine.process(batch_of(alerts, first), growing(len(alerts), first)).events.facts
    return list(zip(facts[:, CASE_OFFSET].tolist(), facts[:, CASE_UPDATE].tolist(), strict=True))


def test_a_case_is_a_day_from_its_first_alert() -> None:
    assert CASE_MS == DAY_MS


A, B = 1, 2
GROUPS = {
    "updates count from 0": ([(0, 0), (7, 0), (0, 1)], [Alerting(A, 0, T), Alerting(B, 7, T), Alerting(A, 8, T + 1)]),
    "the case's first offset may be 0": ([(0, 0), (0, 1), (0, 2)], [Alerting(A, i, T) for i in range(3)]),
    "a day after the first a new case opens": ([(3, 0), (4, 0)], [Alerting(A, 3, T), Alerting(A, 4, T + DAY_MS)]),
    "a day after the first, not after the last": (
        [(3, 0), (3, 1), (5, 0)],
        [Alerting(A, 3, T), Alerting(A, 4, T + DAY_MS - 1), Alerting(A, 5, T + DAY_MS)],
    ),
    "a late alert joins the open case": ([(3, 0), (3, 1)], [Alerting(A, 3, T), Alerting(A, 4, T - 3 * DAY_MS)]),
    "whatever the wallet": ([(3, 0), (3, 1)], [Alerting(A, 3, T, wallet=5), Alerting(A, 4, T, wallet=6)]),
    "a wallet's alerts where there is no account": (
        [(3, 0), (4, 0), (3, 1)],
        [Alerting(0, 3, T, wallet=5), Alerting(0, 4, T, wallet=6), Alerting(0, 5, T, wallet=5)],
    ),
}


@pytest.mark.parametrize("why", GROUPS)
def test_alerts_of_an_account_are_grouped(why: str) -> None:
    expected, alerts = GROUPS[why]
    assert expected == cases(pipeline(), alerts)


@pytest.mark.parametrize("why", GROUPS)
def test_a_batch_of_n_equals_n_batches_of_one(why: str) -> None:
    _, alerts = GROUPS[why]
    together, alone = pipeline(), pipeline()
    expected = together.process(batch_of(alerts), growing(len(alerts)))
    facts = [alone.process(batch_of([alert], i), growing(1, i)).events.facts for i, alert in enumerate(alerts)]
    assert expected.events.facts.tobytes() == np.concatenate(facts).tobytes()
    assert together.rows.snapshot().tobytes() == alone.rows.snapshot().tobytes()


def test_a_case_is_named_by_topic_partition_and_offset_of_its_first_alert() -> None:
    first = origin_of(WALLET_EVENTS, 3)
    alerts = [Alerting(A, 41, T, origin=first), Alerting(A, 7, T, origin=origin_of(0, 1))]
    facts = pipeline().process(batch_of(alerts), growing(2)).events.facts
    assert [[first, 41, 0], [first, 41, 1]] == facts[:, [CASE_ORIGIN, CASE_OFFSET, CASE_UPDATE]].tolist()


def test_other_facts_and_features_go_through() -> None:
    X = np.array([[1.5, np.nan, 3, np.nan]], np.float32)
    facts = no_facts(1)
    facts[0, [YEN_LEFT, RECEIVED_MS]] = 110_000, T
    topology = topology_of(Chain((STAGE,)))
    machine = Pipeline(topology, topology.node("cases"), None, ttl_ms=NEVER_MS)
    numbered = machine.process(Events(batch_of([Alerting(A, 41, T)]), X.copy(), facts)).events
    np.testing.assert_array_equal(X, numbered.X)
    assert [110_000, T] == numbered.facts[0, [YEN_LEFT, RECEIVED_MS]].tolist()
    assert 0 == facts[0, CASE_OFFSET], "what was given stays as it was"


def test_a_replayed_alert_is_not_numbered_again() -> None:
    machine = pipeline()
    cases(machine, [Alerting(A, 3, T), Alerting(A, 4, T)])
    assert [] == machine.process(batch_of([Alerting(A, 3, T), Alerting(A, 4, T)])).applied.tolist()
    assert [(3, 2)] == cases(machine, [Alerting(A, 5, T)], first=2)


def test_an_account_forgotten_begins_a_new_case() -> None:
    alerts = [Alerting(A, 3, T), Alerting(B, 4, T + 2_000), Alerting(A, 5, T)]
    assert [(3, 0), (4, 0), (5, 0)] == cases(pipeline(ttl_ms=1_000), alerts)


def test_update_numbers_stop_where_they_no_longer_fit() -> None:
    found = cases(pipeline(), [Alerting(A, 5, T)] * 65_540)
    assert [(5, 0), (5, 65_534), (5, 65_535), (5, 65_535)] == [found[k] for k in (0, 65_534, 65_535, 65_539)]
