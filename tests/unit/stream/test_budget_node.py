"""The controller in a worker's nodes: what it lets through, live and in memory alike, and that off means off."""

from dataclasses import replace
from functools import cache

from support.chains import mixed_records, model_of, one_log, source_records
from support.nodes import TTL_MS, Nodes
from support.source_logs import TOPICS, run

from detector.contract.alerts import Alert, decode_alert
from detector.contract.vocabulary import ACCOUNT_EVENTS
from detector.core.chains import ACCOUNT_CHAIN, CHAINS
from detector.core.memory import MemoryRun, Played
from detector.core.model import Model
from detector.core.stages.budget import BUDGET
from detector.core.topology import topology_for
from detector.stream.processor import ALERTS, Wiring

EVENTS = 20_000
#: Some twenty-five groups a day alert at this limit, which the controller takes for drift.
LIMIT = 10.0


@cache
def model() -> Model:
    return replace(model_of(ACCOUNT_CHAIN), budget=LIMIT).with_controller()


def ran(model: Model, size: int = 1000, partitions: int = 1) -> Nodes:
    """A topology's nodes after the account events of ten days, in chunks of so many records."""
    made = Nodes(Wiring(topology_for(model), model, partitions, TOPICS))
    records = source_records(EVENTS, partitions)
    run(made, {source: found for source, found in records.items() if source[0] == ACCOUNT_EVENTS}, size)
    return made


def alerts_of(made: Nodes) -> list[Alert]:
    return [decode_alert(output.value) for output in made.outputs if output.topic == ALERTS]


def in_memory(model: Model) -> Played:
    events = one_log(tuple(one for one in mixed_records(EVENTS, 1) if one.source == ACCOUNT_EVENTS))
    return MemoryRun(topology_for(model), model, ttl_ms=TTL_MS).process(events.batch)


def test_live_and_in_memory_the_same_events_alert_and_the_controller_makes_a_difference() -> None:
    on, off = in_memory(model()), in_memory(replace(model(), controlled=False))
    raised = on.cases.events.batch.origin_offset[on.cases.raised].tolist()
    assert raised == [alert.position.offset for alert in alerts_of(ran(model()))]
    assert 10 < on.alert.sum() < off.alert.sum()
    through, without = (set(found.last.events.batch.origin_offset[found.alert].tolist()) for found in (on, off))
    assert through < without


def test_in_chunks_of_any_size_or_sent_again_alerts_and_rows_are_the_same() -> None:
    whole, parts = ran(model(), 10**6), ran(model(), 333)
    parts.again()
    assert [output.value for output in whole.outputs] == [output.value for output in parts.outputs]
    (one,), (other,) = whole.rows(BUDGET.name), parts.rows(BUDGET.name)
    for row in (one, other):  # where in the hop an event lies is another matter
        row["last_offset"], row["last_index"] = 0, 0
    assert one.tobytes() == other.tobytes()
    assert 1 == len(one)
    assert 0.5 < one["multiplier"][0] < 1


def test_the_budget_is_one_row_however_many_partitions_there_are() -> None:
    rows = ran(model(), partitions=3).rows(BUDGET.name)
    assert [0, 0, 1] == sorted(len(found) for found in rows)
    # Partitions come one after another here, days late: within its bounds the controller decides otherwise than in
    # order.
    assert 0.5 < max(float(found["multiplier"][0]) for found in rows if len(found)) <= 2


def test_a_model_without_a_controller_has_the_topology_it_had() -> None:
    for chain in CHAINS:
        off, on = topology_for(model_of(chain)), topology_for(model_of(chain).with_controller())
        names, last = [node.name for node in off.nodes], chain.stages[-1].name
        assert [*names[:-2], BUDGET.name, "cases", "campaigns"] == [node.name for node in on.nodes]
        assert (False, True) == (off.controlled, on.controlled)
        assert ((last,), (BUDGET.name,)) == (off.upstreams("cases"), on.upstreams("cases"))
        assert (last,) == on.upstreams(BUDGET.name)
        assert ["cases", "campaigns"] == [edge.target for edge in off.node(last).edges]
        assert [BUDGET.name, "campaigns"] == [edge.target for edge in on.node(last).edges]
