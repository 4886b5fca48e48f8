"""A chunk's way through the nodes: what goes on, what becomes a dead letter, what raises an alert."""

import json
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest
from support.chains import model_of, source_records
from support.events import START_MS, debit, key, message, open_wallet, payment, transfer
from support.hops import record
from support.nodes import Nodes
from support.source_logs import TOPICS, run

from detector.contract.alerts import Alert, decode_alert
from detector.contract.batch import OWN, RECEIVING, origin_of
from detector.contract.dead_letters import decode_dead_letter
from detector.contract.vocabulary import ACCOUNT_EVENTS, KINDS, WALLET_EVENTS
from detector.core.chains import CHAINS, WALLET_CHAIN
from detector.core.events import Events
from detector.core.stage import RECEIVED_MS, Chain
from detector.core.topology import FORWARDER, topology_of
from detector.errors import UserError
from detector.kafka.marks import most_upstreams
from detector.stream.hop_codec import HopCodec
from detector.stream.hop_messages import ForeignHopError
from detector.stream.processor import ALERTS, DEAD_LETTERS, Processed, Wiring

EVENTS = 1_200
FORWARD = WALLET_CHAIN, FORWARDER


def wiring(chain: Chain, partitions: int = 1) -> Wiring:
    return Wiring(topology_of(chain), model_of(chain), partitions, TOPICS)


def nodes(chain: Chain, partitions: int = 1) -> Nodes:
    return Nodes(wiring(chain, partitions))


def processed(chain: Chain, node: str, *records: Any) -> Processed:
    """What a node makes of its first chunk."""
    return nodes(chain).processor(node).process(list(records))


def records(*fields: dict[str, Any]) -> list[Any]:
    """Source records of events, ten milliseconds after each."""
    return [record(message(f), i, key(f), f["occurred_at_ms"] + 10) for i, f in enumerate(fields)]


def alerts_of(made: Nodes) -> list[Alert]:
    return [decode_alert(output.value) for output in made.outputs if output.topic == ALERTS]


def test_alert_ids_and_contents_are_the_same_in_chunks_of_any_size() -> None:
    found = []
    for size in (1, 7, 10_000):
        made = nodes(CHAINS[-1])
        run(made, source_records(EVENTS, 1), size)
        found.append({alert.alert_id: alert for alert in alerts_of(made)})
    assert all(one == other for one, other in pairwise(found))
    assert len(found[0]) > 10


def test_a_tombstone_in_a_hop_is_refused_as_what_is_no_hop_message() -> None:
    with pytest.raises(ForeignHopError):
        processed(WALLET_CHAIN, "wallet", SimpleNamespace(key=None, value=None, offset=0, timestamp=0))


def test_a_hop_sent_again_changes_nothing() -> None:
    made = nodes(CHAINS[-1], 2)
    run(made, source_records(EVENTS, 2), 100)
    names = [node.name for node in made.wiring.topology.nodes]
    rows = [[found.tobytes() for found in made.rows(name)] for name in names]
    sent = len(made.outputs)
    made.again()
    assert sent == len(made.outputs)
    assert rows == [[found.tobytes() for found in made.rows(name)] for name in names]


def test_updates_of_a_case_are_numbered_and_name_its_first_alert() -> None:
    made = nodes(CHAINS[-1])
    run(made, source_records(EVENTS, 1), 500)
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
    run(made, log, 500)
    assert len(made.outputs) > 10
    for output in made.outputs:
        assert output.topic == ALERTS
        alert = decode_alert(output.value)
        source = log[TOPICS.index(alert.position.topic), alert.position.partition][alert.position.offset]
        assert (source.timestamp, alert.account.encode()) == (output.timestamp_ms, output.key)
        fields = msgspec.json.decode(source.value)
        for name in ("event_id", "kind", "service", "wallet", "occurred_at_ms"):
            assert fields[name] == getattr(alert, name)


def test_a_bank_s_own_topic_gets_the_same_alerts_in_the_same_order_and_no_other_bank_has_one() -> None:
    made = nodes(CHAINS[-1])
    run(made, source_records(EVENTS, 1), 500)
    banks = Counter(alert.bank for alert in alerts_of(made))
    (own, most), *others = banks.most_common()
    assert len(others) > 1
    with_own = Nodes(Wiring(topology_of(CHAINS[-1]), model_of(CHAINS[-1]), 1, TOPICS, alert_banks=(own, "9998")))
    run(with_own, source_records(EVENTS, 1), 500)
    copies = [output for output in with_own.outputs if output.bank]
    assert ({own}, most) == ({output.bank for output in copies}, len(copies))
    assert made.outputs == [output for output in with_own.outputs if not output.bank]
    of_own = [output for output in made.outputs if decode_alert(output.value).bank == own]
    assert of_own == [output._replace(bank="") for output in copies]


def escalated(made: Nodes) -> Events:
    """The alerting events sent to the cases, whether they raise an update or not."""
    found, node = made.hops["cases", 0], made.wiring.topology.node("cases")
    codec = made.wiring.codecs["cases"]
    return codec.decode([one.value for one in found], range(len(found)), made.wiring.marks(node)).events


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
    assert [0, 3] == found.outcome.events.batch.record.tolist()


def test_a_dead_letter_is_the_same_in_every_replay() -> None:
    chunk = [record(b"{", 7, b"k", START_MS), record(b"", 9, b"k", START_MS + 1)]
    first, second = (processed(*FORWARD, *chunk).outputs for _ in range(2))
    assert first == second
    assert [START_MS, START_MS + 1] == [output.timestamp_ms for output in first]
    assert [None, None] == [output.partition for output in first]


@pytest.mark.parametrize("size", [1, 2, 10])
def test_a_redriven_event_counts_at_its_new_position_alone(size: int) -> None:
    events = [debit(event_id=f"e-{i}") for i in range(6)]
    redriven = {(TOPICS[ACCOUNT_EVENTS], 0): [1, 4], (TOPICS[ACCOUNT_EVENTS], 1): [2], (TOPICS[WALLET_EVENTS], 0): [3]}
    chain = CHAINS[0]
    made = Nodes(Wiring(topology_of(chain), model_of(chain), 1, TOPICS, redriven=redriven)).processor("account")
    log = [*records(*events), record(b"{", 6, key(debit()), START_MS)]
    found = [made.process(log[begin : begin + size]) for begin in range(0, len(log), size)]
    assert [0, 2, 3, 5] == [offset for one in found for offset in one.outcome.events.batch.offset.tolist()]
    assert ["malformed_json"] == [rejected.reason for one in found for rejected in one.rejected]
    letters = [output for one in found for output in one.outputs if output.topic == DEAD_LETTERS]
    assert [6] == [decode_dead_letter(letter.value).position.offset for letter in letters]


def test_a_transfer_goes_to_both_wallets_partitions() -> None:
    made = nodes(WALLET_CHAIN, 4)
    many = [transfer(event_id=f"e-{i}", wallet=f"w-{i}", counterparty=f"r-{i}") for i in range(50)]
    out = made.processor(FORWARDER, 2).process(records(*many, open_wallet()))
    assert {("wallet", partition) for partition in range(4)} == {(one.topic, one.partition) for one in out.outputs}
    codec, node = made.wiring.codecs["wallet"], made.wiring.topology.node("wallet")
    roles, kinds = Counter[int](), Counter[str]()
    for output in out.outputs:
        events = codec.decode([output.value], [0], made.wiring.marks(node)).events
        roles.update(events.batch.role.tolist())
        kinds.update(KINDS[kind] for kind in events.batch.kind)
        assert {origin_of(WALLET_EVENTS, 2)} == set(events.batch.origin.tolist())
        assert (events.facts[:, RECEIVED_MS] == START_MS + 10).all()
        assert np.isnan(events.X).all()
    assert {OWN: 51, RECEIVING: 50} == roles
    assert {"transfer": 100, "open": 1} == kinds


def test_an_upstream_is_known_by_its_number_and_partition() -> None:
    three = wiring(WALLET_CHAIN, 3)
    topology = three.topology
    slots = [three.slot(topology.node(name), part, "wallet") for name in ("account", FORWARDER) for part in range(3)]
    assert list(range(6)) == slots
    assert [0, 1, 2] == [three.slot(topology.node("wallet"), partition, "cases") for partition in range(3)]
    assert [0, 0, 6, 3] == [len(three.marks(node).marks) for node in topology.nodes]


def test_a_hop_that_lacks_what_this_chain_reads_is_refused_before_anything_changes() -> None:
    made = nodes(CHAINS[-1])
    foreign = HopCodec(topology_of(WALLET_CHAIN), "wallet", model_of(WALLET_CHAIN), 1)
    events = made.processor(FORWARDER).process(records(payment())).outcome.events
    ((_, value),) = foreign.encode(0, events, np.arange(1), events.batch.wallet)
    later = made.processor("wallet")
    with pytest.raises(ForeignHopError):
        later.process([record(value)])
    assert (0, [-1, -1]) == (later.pipeline.rows.count, later.marks.marks.tolist())


def test_a_chunk_of_repeats_alone_is_counted_and_nothing_else() -> None:
    made = nodes(WALLET_CHAIN)
    made.take(FORWARDER, 0, records(payment(), payment(event_id="e-2")))
    later = made.processor("wallet")
    (sent,) = made.hops["wallet", 0]
    assert 0 == later.process([sent]).repeats
    rows = later.pipeline.rows.take_dirty().tobytes()
    again = later.process([record(sent.value, 1)])
    assert (2, 0, []) == (again.repeats, again.outcome.events.size, again.outputs)
    assert (0, True) == (later.pipeline.rows.dirty_count, len(rows) > 0)


@pytest.mark.parametrize(("chain", "upstreams"), [(CHAINS[0], 1), (WALLET_CHAIN, 2)], ids=["accounts", "wallets"])
def test_more_partitions_than_a_commit_has_room_for_are_refused_at_once(chain: Chain, upstreams: int) -> None:
    most = most_upstreams() // upstreams
    wiring(chain, most)
    with pytest.raises(UserError, match=f"use at most {most} partitions"):
        wiring(chain, most + 1)


def test_a_later_node_that_never_met_an_upstream_has_no_mark_of_it() -> None:
    two = wiring(WALLET_CHAIN, 2)
    node = two.topology.node("wallet")
    assert [-1] * 4 == two.marks(node).marks.tolist()
    assert [5, -1, 7, -1] == two.marks(node, (5, -1, 7)).marks.tolist()


def test_of_the_judging_node_alerts_alone_go_on() -> None:
    made = Nodes(Wiring(topology_of(CHAINS[-1]), replace(model_of(CHAINS[-1]), budget=1e300), 1, TOPICS))
    log = source_records(500, 1)
    run(made, log, 100)
    scored = [json.loads(one.value) for records_ in log.values() for one in records_]
    links_and_debits = [found["event_id"] for found in scored if found["kind"] in {"link", "debit"}]
    assert len(set(links_and_debits)) < len(links_and_debits), "some were delivered twice"
    events = escalated(made)
    assert events.strings is not None
    ids = [events.strings.event_id.text(i) for i in range(events.size)]
    assert sorted(set(links_and_debits)) == sorted(ids)
    assert {alert.event_id for alert in alerts_of(made)} < set(links_and_debits)
