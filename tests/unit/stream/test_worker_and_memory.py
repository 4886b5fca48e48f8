"""One log through a worker's nodes and through a run in memory: the very same alerts, whatever is held builds none."""

from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from itertools import groupby

import numpy as np
import numpy.typing as npt
import pytest
from support.chains import Sourced, mixed_records, model_of, one_log
from support.events import START_MS, debit, key, message
from support.hops import record
from support.nodes import TTL_MS, Nodes
from support.source_logs import TOPICS

from detector.contract.alerts import Alert, encode_alert
from detector.contract.bulletins import encode_bulletin
from detector.contract.vocabulary import ACCOUNT_EVENTS
from detector.core.alerting import Explainer
from detector.core.bulletins import bulletins
from detector.core.chains import ACCOUNT_CHAIN, CHAINS
from detector.core.events import Events
from detector.core.memory import MemoryRun, Played
from detector.core.model import Model
from detector.core.stage import JUDGED_BY, Chain
from detector.core.topology import topology_for
from detector.stream.processor import ALERTS, BULLETINS, Processed, Wiring

EVENTS = 2_000


def log_of(chain: Chain) -> tuple[Sourced, ...]:
    """What a worker with a model of this chain reads, with one partition each."""
    return tuple(one for one in mixed_records(EVENTS, 1) if chain.reads_wallet_events or one.source == ACCOUNT_EVENTS)


@cache
def made(chain: Chain, *, controlled: bool) -> Model:
    model = model_of(chain)
    return replace(model, budget=20.0).with_controller() if controlled else model


@cache
def by_worker(chain: Chain, *, controlled: bool) -> tuple[Nodes, list[tuple[str, Processed]]]:
    """Each stretch of one source as a chunk, and at once all that comes of it."""
    model = made(chain, controlled=controlled)
    nodes = Nodes(Wiring(topology_for(model), model, 1, TOPICS))
    names = {node.source: node.name for node in nodes.wiring.topology.nodes}
    steps: list[tuple[str, Processed]] = []
    for source, stretch in groupby(log_of(chain), lambda one: one.source):
        steps += nodes.follow(names[source], 0, [one.record for one in stretch])
    return nodes, steps


@cache
def in_memory(chain: Chain, *, controlled: bool) -> tuple[MemoryRun, Played]:
    model, events = made(chain, controlled=controlled), one_log(log_of(chain))
    run = MemoryRun(topology_for(model), model, ttl_ms=TTL_MS)
    return run, run.process(events.batch, events.strings)


@pytest.mark.parametrize("controlled", [False, True], ids=["", "controlled"])
@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.name)
def test_alerts_are_the_same_to_the_last_byte(chain: Chain, controlled: bool) -> None:
    nodes, _ = by_worker(chain, controlled=controlled)
    cases = in_memory(chain, controlled=controlled)[1].cases
    explainer = Explainer(made(chain, controlled=controlled), chain, TOPICS)
    expected = [encode_alert(one) for one in explainer.explain(cases.events, cases.raised)]
    assert expected == [output.value for output in nodes.outputs if output.topic == ALERTS]
    assert len(expected) > 10
    assert cases.held > 0


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.name)
def test_bulletins_are_the_same_to_the_last_byte(chain: Chain) -> None:
    nodes, _ = by_worker(chain, controlled=False)
    played = in_memory(chain, controlled=False)[1].outcomes["campaigns"]
    expected = [encode_bulletin(one.bulletin) for one in bulletins(played, TOPICS, banks=())]
    assert expected == [output.value for output in nodes.outputs if output.topic == BULLETINS]
    assert len(expected) > 1


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.name)
def test_every_event_has_the_same_status_alarm_and_rows_in_every_node(chain: Chain) -> None:
    nodes, steps = by_worker(chain, controlled=False)
    run, played = in_memory(chain, controlled=False)
    number = made(chain, controlled=False).number
    for node in nodes.wiring.topology.nodes:
        outcomes = [processed.outcome for name, processed in steps if name == node.name]
        expected = played.outcomes[node.name]
        assert expected.status.tobytes() == b"".join(outcome.status.tobytes() for outcome in outcomes)
        assert expected.held == sum(outcome.held for outcome in outcomes)
        if expected.judgement is not None:
            alarms = [outcome.judgement.alarm for outcome in outcomes if outcome.judgement is not None]
            assert expected.judgement.alarm.tobytes() == np.concatenate(alarms).tobytes()
            judged_by = np.concatenate([outcome.events.facts[:, JUDGED_BY] for outcome in outcomes])
            assert {0, number} == set(judged_by.tolist()) | {0}
            assert np.isfinite(expected.judgement.alarm).tolist() == (judged_by == number).tolist()
    last = chain.stages[-1].name
    (rows,) = nodes.rows(last)
    memory = run.pipelines[last].rows.snapshot()
    for found in (rows, memory):  # where in its log an event lies is another matter
        found["last_offset"], found["last_index"] = 0, 0
    assert memory.tobytes() == rows.tobytes()
    assert len(rows) > 100


class CountingExplainer:
    """Builds alerts as the real one, and counts the events that it is asked about."""

    def __init__(self, real: Explainer) -> None:
        self.asked = 0
        self._real = real

    def explain(self, events: Events, raised: npt.NDArray[np.int64]) -> Iterator[Alert]:
        self.asked += len(raised)
        return self._real.explain(events, raised)


def test_what_is_held_is_counted_and_no_alert_is_built_of_it() -> None:
    # A budget that large lets everything that is scored alert; of one account almost nothing tells anything new.
    model = replace(model_of(ACCOUNT_CHAIN), budget=1e300)
    wiring = Wiring(topology_for(model), model, 1, TOPICS)
    counting = CountingExplainer(wiring.explainer)
    wiring.explainer = counting  # type: ignore[assignment]
    nodes = Nodes(wiring)
    many = [debit(event_id=f"e-{i}", amount_yen=1, occurred_at_ms=START_MS + i) for i in range(1_000)]
    chunk = [record(message(one), i, key(one), one["occurred_at_ms"]) for i, one in enumerate(many)]
    judged, cases, _ = (processed for _, processed in nodes.follow("account", 0, chunk))
    assert len(many) == len(judged.outcome.alerting)
    assert (judged.outcome.held, judged.alerts) == (0, [])
    assert len(cases.outcome.raised) == len(cases.alerts) == counting.asked
    assert len(cases.alerts) == sum(output.topic == ALERTS for output in nodes.outputs)
    assert len(many) == cases.outcome.held + len(cases.alerts)
    assert 0 < len(cases.alerts) < 50
