"""The controller in a worker's nodes: what it lets through, live and in memory alike, and that off means off."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from support.chains import TOPICS, TTL_MS, Nodes, model_of, source_records

from detector.contract.alerts import Alert, decode_alert
from detector.contract.batch import ACCOUNT_EVENTS
from detector.contract.codec import decode_account_events
from detector.core.budget_controller import desk_of
from detector.core.chain import ChainRun, Scored
from detector.core.chains import ACCOUNT_CHAIN, CHAINS
from detector.core.model import Model
from detector.core.pipeline import Pipeline
from detector.core.stage import CASE_UPDATE
from detector.core.stages.cases import CASES, HELD
from detector.core.topology import topology_for
from detector.stream.processor import ALERTS, Wiring

EVENTS = 20_000
#: Some thirty groups a day come at this limit, so that the desk takes it for life that has drifted.
BUDGET = 20.0


@cache
def model() -> Model:
    return replace(model_of(ACCOUNT_CHAIN), budget=BUDGET).with_controller()


@cache
def log() -> list[Any]:
    """Account events of ten days."""
    return source_records(EVENTS, 1)[ACCOUNT_EVENTS, 0]


def ran(model: Model, size: int = 1000, partitions: int = 1) -> Nodes:
    """A flow's nodes after the log, in chunks of so many records."""
    made = Nodes(Wiring(topology_for(model), model, partitions, TOPICS))
    records = source_records(EVENTS, partitions)
    made.run({place: found if place[0] == ACCOUNT_EVENTS else [] for place, found in records.items()}, size)
    return made


def alerts_of(made: Nodes) -> list[Alert]:
    return [decode_alert(output.value) for output in made.outputs if output.topic == ALERTS]


def in_memory(model: Model) -> Scored:
    values, keys = [one.value for one in log()], [one.key for one in log()]
    batch = decode_account_events(values, keys, np.arange(len(values))).batch
    return ChainRun(ACCOUNT_CHAIN, model, ttl_ms=TTL_MS, desk=desk_of(model)).process(batch)


def test_live_and_in_memory_the_same_events_alert_and_the_controller_makes_a_difference() -> None:
    judged, outcome = in_memory(model())
    expected = judged.origin_offset[outcome.alerting].tolist()
    cases = Pipeline(CASES, None, ttl_ms=TTL_MS)
    facts = cases.process(judged.select(outcome.alerting), outcome.carried.select(outcome.alerting)).carried.facts
    raised = outcome.alerting[facts[:, CASE_UPDATE] != HELD]
    assert judged.origin_offset[raised].tolist() == [alert.position.offset for alert in alerts_of(ran(model()))]
    off = in_memory(replace(model(), controlled=False))
    assert len(expected) < len(off.outcome.alerting)
    assert set(expected) < set(off.batch.origin_offset[off.outcome.alerting].tolist())


def test_in_chunks_of_any_size_or_sent_again_alerts_and_rows_are_the_same() -> None:
    whole, parts = ran(model(), 10**6), ran(model(), 333)
    parts.again()
    assert [output.value for output in whole.outputs] == [output.value for output in parts.outputs]
    (node,) = (node for node in whole.wiring.flow.nodes if node.decides)
    one, other = (made.processor(node, 0).pipeline.rows.snapshot() for made in (whole, parts))
    for row in (one, other):  # where in the hop an event lies is another matter
        row["last_offset"], row["last_index"] = 0, 0
    assert one.tobytes() == other.tobytes()
    assert 1 == len(one)
    assert 0.5 < one["multiplier"][0] < 1


def test_the_desk_is_one_row_however_many_partitions_there_are() -> None:
    made = ran(model(), partitions=3)
    (node,) = (node for node in made.wiring.flow.nodes if node.decides)
    rows = [made.processor(node, partition).pipeline.rows.snapshot() for partition in range(3)]
    assert [0, 0, 1] == sorted(len(found) for found in rows)
    # Partitions come one after another here, days late: within its bounds the desk decides otherwise than in order.
    assert 0.5 < max(float(found["multiplier"][0]) for found in rows if len(found)) <= 2


def test_a_model_without_a_controller_has_the_flow_it_had() -> None:
    for chain in CHAINS:
        off, on = topology_for(model_of(chain)), topology_for(model_of(chain).with_controller())
        names = [node.name for node in off.nodes]
        assert [*names[:-1], "desk", "cases"] == [node.name for node in on.nodes]
        assert not off.controlled
        assert [chain.stages[-1].name] == list(off.node("cases").upstreams)
        assert [("desk", ("desk",))] == [(on.node("desk").name, on.node("cases").upstreams)]
        assert off.node(chain.stages[-1].name).target == "cases"
        assert on.node(chain.stages[-1].name).target == "desk"
