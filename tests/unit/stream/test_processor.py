"""A chunk's way through the nodes: what goes on, what becomes a dead letter, what is told to whom."""

import json
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pytest
from support.chains import TOPICS, TTL_MS, Nodes, model_of, source_records
from support.events import START_MS, debit, key, message, open_wallet, payment, transfer
from support.hops import record

from detector.contract.alerts import Alert, decode_alert
from detector.contract.batch import ACCOUNT_EVENTS, OWN, RECEIVING, WALLET_EVENTS, origin_of
from detector.contract.codec import decode_account_events
from detector.contract.dead_letters import decode_dead_letter
from detector.core.chain import ChainRun
from detector.core.chains import CHAINS, WALLET_CHAIN
from detector.core.hop import ForeignHopError, HopCodec, Seen, nothing_carried
from detector.core.pipeline import Pipeline
from detector.core.stage import CASE_EVENTS, CASE_UPDATE, RECEIVED_MS, Chain
from detector.core.stages.cases import CASES, HELD
from detector.core.topology import FORWARDER, topology_of
from detector.errors import UserError
from detector.kafka.marks import most_upstreams
from detector.stream.processor import ALERTS, DEAD_LETTERS, Processed, Wiring

EVENTS = 2_000
FORWARD = WALLET_CHAIN, FORWARDER


def wiring(chain: Chain, partitions: int = 1) -> Wiring:
    return Wiring(topology_of(chain), model_of(chain), partitions, TOPICS)


def nodes(chain: Chain, partitions: int = 1) -> Nodes:
    return Nodes(wiring(chain, partitions))


def processed(chain: Chain, node: str, *records: Any, partitions: int = 1) -> Processed:
    """What a node makes of its first chunk."""
    made = nodes(chain, partitions)
    return made.processor(made.wiring.flow.node(node), 0).process(list(records))


def records(*fields: dict[str, Any]) -> list[Any]:
    """Source records of events, ten milliseconds after each."""
    return [record(message(f), i, key(f), f["occurred_at_ms"] + 10) for i, f in enumerate(fields)]


def alerts_of(made: Nodes) -> list[Alert]:
    return [decode_alert(output.value) for output in made.outputs if output.topic == ALERTS]


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.name)
def test_the_nodes_alert_on_what_the_chain_in_memory_alerts_on(chain: Chain) -> None:
    # Of one topic with one partition, whose order is that of every hop.
    log = {place: found if place[0] == ACCOUNT_EVENTS else [] for place, found in source_records(EVENTS, 1).items()}
    accounts = log[ACCOUNT_EVENTS, 0]
    made = nodes(chain)
    made.run(log, 100)
    values, keys = [one.value for one in accounts], [one.key for one in accounts]
    batch = decode_account_events(values, keys, np.arange(len(accounts))).batch
    judged, outcome = ChainRun(chain, model_of(chain), ttl_ms=TTL_MS).process(batch)
    assert outcome.judgement is not None
    expected = [(judged.origin_offset[i], outcome.judgement.alarm[i]) for i in outcome.alerting.tolist()]
    assert expected == [(alert.position.offset, alert.false_alarms_per_day) for alert in told(made)]
    cases = Pipeline(CASES, None, ttl_ms=TTL_MS)
    facts = cases.process(judged.select(outcome.alerting), outcome.carried.select(outcome.alerting)).carried.facts
    raised = np.flatnonzero(facts[:, CASE_UPDATE] != HELD).tolist()
    assert [expected[i] for i in raised] == [
        (alert.position.offset, alert.false_alarms_per_day) for alert in alerts_of(made)
    ]
    assert facts[raised, CASE_EVENTS].tolist() == [alert.events for alert in alerts_of(made)]
    assert 10 < len(raised) < len(expected)


def test_alert_ids_and_contents_are_the_same_in_chunks_of_any_size() -> None:
    found = []
    for size in (1, 7, 10_000):
        made = nodes(CHAINS[-1])
        made.run(source_records(EVENTS, 1), size)
        found.append({alert.alert_id: alert for alert in alerts_of(made)})
    assert all(one == other for one, other in pairwise(found))
    assert len(found[0]) > 10


def test_a_hop_sent_again_changes_nothing() -> None:
    made = nodes(CHAINS[-1], 2)
    made.run(source_records(EVENTS, 2), 100)
    rows = [made.processor(node, 0).pipeline.rows.snapshot().tobytes() for node in made.wiring.flow.nodes]
    sent = len(made.outputs)
    made.again()
    assert sent == len(made.outputs)
    assert rows == [made.processor(node, 0).pipeline.rows.snapshot().tobytes() for node in made.wiring.flow.nodes]


def test_updates_of_a_case_are_numbered_and_name_its_first_alert() -> None:
    made = nodes(CHAINS[-1])
    made.run(source_records(EVENTS, 1), 500)
    alerts = alerts_of(made)
    first = {alert.case_id: alert for alert in alerts if alert.update == 0}
    assert all(alert.case_id == alert.alert_id for alert in first.values())
    assert {alert.case_id for alert in alerts} == set(first)
    for case, count in Counter(alert.case_id for alert in alerts).items():
        assert list(range(count)) == sorted(alert.update for alert in alerts if alert.case_id == case)
    assert max(alert.update for alert in alerts) > 0


def test_an_alert_has_the_timestamp_of_its_source_record_and_the_key_of_its_account() -> None:
    log = source_records(EVENTS, 1)
    made = nodes(CHAINS[-1])
    made.run(log, 500)
    for output in made.outputs:
        assert output.topic == ALERTS
        alert = decode_alert(output.value)
        source = log[TOPICS.index(alert.position.topic), alert.position.partition][alert.position.offset]
        assert (source.timestamp, alert.account.encode()) == (output.timestamp_ms, output.key)
        assert alert.event_id == msgspec.json.decode(source.value)["event_id"]


def told(made: Nodes) -> list[Alert]:
    """The alerts that the cases are told of, whether they raise them or not."""
    records, node = made.hops["cases", 0], made.wiring.flow.node("cases")
    hopped, _ = made.wiring.hopped(node, records, made.wiring.seen(node))
    return [decode_alert(hopped.values[i]) for i in range(hopped.batch.size)]


def test_what_is_held_is_counted() -> None:
    made = nodes(CHAINS[0])
    made.run(source_records(EVENTS, 1), EVENTS)
    again = nodes(CHAINS[0])
    processed = again.processor(made.wiring.flow.node("cases"), 0).process(made.hops["cases", 0])
    assert processed.held == len(told(made)) - len(alerts_of(made)) > 0
    assert alerts_of(made) == processed.alerts


#: A node, and what it makes of messages of its topic that are no events.
BAD: dict[str, tuple[tuple[Chain, str], int, dict[str, Any], dict[str, Any]]] = {
    "accounts alone": ((CHAINS[0], "account"), ACCOUNT_EVENTS, debit(), payment()),
    "accounts": ((CHAINS[-1], "account"), ACCOUNT_EVENTS, debit(), payment()),
    "wallets": (FORWARD, WALLET_EVENTS, payment(), debit()),
}


@pytest.mark.parametrize("where", BAD)
def test_what_is_no_event_becomes_a_dead_letter_and_the_rest_goes_on(where: str) -> None:
    (chain, node), source, good, foreign = BAD[where]
    chunk = records(good, foreign, good | {"event_id": "e-2"})
    chunk.insert(1, record(b"{", 7, key(good), START_MS))
    found = processed(chain, node, *chunk)
    letters = [decode_dead_letter(output.value) for output in found.outputs if output.topic == DEAD_LETTERS]
    assert [("malformed_json", 7), ("unknown_kind", 1)] == [(one.reason, one.position.offset) for one in letters]
    assert {(TOPICS[source], 0)} == {(one.position.topic, one.position.partition) for one in letters}
    assert ["malformed_json", "unknown_kind"] == [rejected.reason for rejected in found.rejected]
    assert [0, 3] == found.batch.record.tolist()


def test_a_dead_letter_is_the_same_in_every_replay() -> None:
    chunk = [record(b"{", 7, b"k", START_MS), record(b"", 9, b"k", START_MS + 1)]
    first, second = (processed(*FORWARD, *chunk).outputs for _ in range(2))
    assert first == second
    assert [START_MS, START_MS + 1] == [output.timestamp_ms for output in first]
    assert [None, None] == [output.partition for output in first]


def test_a_transfer_goes_to_both_wallets_partitions() -> None:
    made = nodes(WALLET_CHAIN, 4)
    many = [transfer(event_id=f"e-{i}", wallet=f"w-{i}", counterparty=f"r-{i}") for i in range(50)]
    out = made.processor(made.wiring.flow.node(FORWARDER), 2).process(records(*many, open_wallet()))
    assert {("wallet", partition) for partition in range(4)} == {(one.topic, one.partition) for one in out.outputs}
    codec = made.wiring.codecs["wallet"]
    roles = Counter[int]()
    for output in out.outputs:
        hopped = codec.decode([output.value], [0], made.wiring.seen(made.wiring.flow.node("wallet")))
        roles.update(hopped.batch.role.tolist())
        assert {origin_of(WALLET_EVENTS, 2)} == set(hopped.batch.origin.tolist())
        assert (hopped.carried.facts[:, RECEIVED_MS] == START_MS + 10).all()
        assert np.isnan(hopped.carried.X).all()
        kinds = [msgspec.json.decode(hopped.values[i])["kind"] for i in range(hopped.batch.size)]
        assert set(kinds) <= {"transfer", "open"}
    assert {OWN: 51, RECEIVING: 50} == roles


def test_an_upstream_is_known_by_its_number_and_partition() -> None:
    three = wiring(WALLET_CHAIN, 3)
    flow = three.flow
    slots = [three.slot(flow.node(name), part) for name in ("account", FORWARDER) for part in range(3)]
    assert list(range(6)) == slots
    assert [0, 1, 2] == [three.slot(flow.node("wallet"), partition) for partition in range(3)]
    assert [0, 0, 6, 3] == [len(three.seen(node).marks) for node in flow.nodes]


def test_a_hop_of_another_chain_is_refused_before_anything_changes() -> None:
    made = nodes(WALLET_CHAIN)
    node = made.wiring.flow.node("wallet")
    foreign = HopCodec("other", node.before, 1)
    batch = made.processor(made.wiring.flow.node(FORWARDER), 0).process(records(payment())).batch
    ((_, value),) = foreign.encode(0, batch, nothing_carried(1, node.before), batch.wallet, [b"{}"])
    later = made.processor(node, 0)
    with pytest.raises(ForeignHopError):
        later.process([record(value)])
    assert (0, [-1, -1]) == (later.pipeline.rows.count, later.seen.marks.tolist())


def test_a_chunk_of_repeats_alone_is_counted_and_nothing_else() -> None:
    made = nodes(WALLET_CHAIN)
    made.take(made.wiring.flow.node(FORWARDER), 0, records(payment(), payment(event_id="e-2")))
    later = made.processor(made.wiring.flow.node("wallet"), 0)
    (sent,) = made.hops["wallet", 0]
    assert 0 == later.process([sent]).repeats
    rows = later.pipeline.rows.take_dirty().tobytes()
    again = later.process([record(sent.value, 1)])
    assert (2, 0, []) == (again.repeats, again.batch.size, again.outputs)
    assert (0, True) == (later.pipeline.rows.dirty_count, len(rows) > 0)


@pytest.mark.parametrize(("chain", "upstreams"), [(CHAINS[0], 1), (WALLET_CHAIN, 2)], ids=["accounts", "wallets"])
def test_more_partitions_than_a_commit_has_room_for_are_refused_at_once(chain: Chain, upstreams: int) -> None:
    most = most_upstreams() // upstreams
    wiring(chain, most)
    with pytest.raises(UserError, match=f"use at most {most} partitions"):
        wiring(chain, most + 1)


def test_a_later_node_that_never_met_an_upstream_has_no_mark_of_it() -> None:
    assert [-1] * 4 == Seen(4).marks.tolist()
    assert [5, -1, 7, -1] == wiring(WALLET_CHAIN, 2).seen(
        topology_of(WALLET_CHAIN).node("wallet"), (5, -1, 7)
    ).marks.tolist()


def test_of_the_judging_node_alerts_alone_go_on() -> None:
    made = Nodes(Wiring(topology_of(CHAINS[-1]), replace(model_of(CHAINS[-1]), budget=1e300), 1, TOPICS))
    log = source_records(500, 1)
    made.run(log, 100)
    scored = [json.loads(one.value) for records_ in log.values() for one in records_]
    links_and_debits = [found["event_id"] for found in scored if found["kind"] in {"link", "debit"}]
    assert len(set(links_and_debits)) < len(links_and_debits), "some were delivered twice"
    assert sorted(set(links_and_debits)) == sorted(alert.event_id for alert in told(made))
    assert {alert.event_id for alert in alerts_of(made)} < set(links_and_debits)
