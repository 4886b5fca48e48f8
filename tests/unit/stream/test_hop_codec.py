"""Events go through a hop as later nodes read them: bit for bit, in order, and once."""

import numpy as np
import pytest
from support.chains import model_of, source_records
from support.crossings import CODEC, HOPS, TOPOLOGY, contents, counts, expected, looking, received, sent, some_events
from support.nodes import Nodes
from support.source_logs import TOPICS, run

from detector.contract.batch import Batch
from detector.contract.texts import Strings, Texts
from detector.contract.vocabulary import DEBIT
from detector.core.chains import CHAINS
from detector.core.stage import FACTS, HOP_FACTS
from detector.core.topology import topology_for
from detector.stream.high_water import MAX_EVENTS, HighWaterMarks
from detector.stream.hop_codec import HopCodec
from detector.stream.hop_writer import MAX_BODY_BYTES, target_partitions
from detector.stream.processor import Wiring


@pytest.mark.parametrize("n", [1, 2, 500])
@pytest.mark.parametrize("hop", HOPS)
@pytest.mark.parametrize("features", [None, ("month_yen", "wallet_age_s"), ()], ids=["all", "two", "none"])
def test_events_come_out_bit_for_bit(n: int, hop: str, features: tuple[str, ...] | None) -> None:
    codec = HopCodec(TOPOLOGY, hop, None, 1) if features is None else looking(*features, hop=hop)
    events = some_events(n, TOPOLOGY)
    found = received(sent(events, codec), codec=codec).events
    assert contents(expected(events, codec.layout)) == contents(found)
    assert [getattr(events.batch, name).dtype for name in Batch._fields] == [column.dtype for column in found.batch]
    assert all(column.flags.c_contiguous for column in (*found.batch, found.X, found.facts))


def test_facts_that_no_event_has_take_no_room() -> None:
    events = some_events(50, TOPOLOGY)
    few = events._replace(facts=np.zeros_like(events.facts))
    few.facts[7, 2] = -5
    (all_facts,), (one,) = sent(events), sent(few)
    assert (HOP_FACTS, 1) == (counts(all_facts)[3].bit_count(), counts(one)[3].bit_count())
    assert 8 * 50 * (HOP_FACTS - 1) == counts(all_facts)[-1] - counts(one)[-1]
    assert contents(expected(few, CODEC.layout)) == contents(received([one]).events)


def test_events_of_kinds_that_are_never_scored_have_no_features_and_no_strings() -> None:
    codec, events = looking("month_yen", kinds=("debit",)), some_events(400, TOPOLOGY)
    (message,) = sent(events, codec)
    debits = events.batch.kind == DEBIT
    assert (400, int(debits.sum())) == counts(message)[1:3]
    found = received([message], codec=codec).events
    assert np.isnan(found.X[~debits]).all()
    assert found.strings is not None
    assert {0} == set(found.strings.event_id.length[~debits].tolist())
    column = [feature.name for feature in TOPOLOGY.features].index("month_yen")
    assert events.X[debits, column].tobytes() == found.X[debits, column].tobytes()


def test_strings_in_any_letters_and_the_name_of_an_unknown_service_arrive() -> None:
    events = some_events(3, TOPOLOGY)
    events = events._replace(batch=events.batch._replace(kind=np.full(3, DEBIT, np.int8)))
    ids, services = ["e-1", "口座-😀", ""], ["", "new_pay", "ドコモ"]
    strings = Strings(Texts.of(ids), Texts.of(["a", "b", ""]), Texts.of(["", "w-é", "w"]), Texts.of(services))
    found = received(sent(events._replace(strings=strings))).events.strings
    assert found is not None
    assert (ids, services) == tuple([texts.text(i) for i in range(3)] for texts in (found.event_id, found.service))
    assert ["", "w-é", "w"] == [found.wallet.text(i) for i in range(3)]


def test_of_events_without_strings_they_are_empty() -> None:
    events = some_events(20, TOPOLOGY)._replace(strings=None)
    found = received(sent(events)).events
    assert found.strings is not None
    assert {0} == set(np.concatenate([texts.length for texts in found.strings]).tolist())
    assert events.batch.event_id.tolist() == found.batch.event_id.tolist()


def test_only_the_chosen_events_go() -> None:
    events, which = some_events(50, TOPOLOGY), np.array([3, 4, 40])
    messages = [message for _, message in CODEC.encode(0, events, which, events.batch.wallet[which])]
    assert contents(expected(events, CODEC.layout).select(which)) == contents(received(messages).events)


def test_an_event_lies_where_its_message_does() -> None:
    first, second = some_events(3, TOPOLOGY), some_events(2, TOPOLOGY, first_offset=3)
    batch = received([*sent(first), *sent(second)]).events.batch
    assert [(100, 0), (100, 1), (100, 2), (101, 0), (101, 1)] == list(
        zip(batch.offset.tolist(), batch.hop_index.tolist(), strict=True)
    )
    assert list(range(5)) == batch.record.tolist()


@pytest.mark.parametrize("partitions", [1, 2, 3, 12])
def test_every_event_goes_to_the_partition_of_its_key_in_the_order_of_its_log(partitions: int) -> None:
    codec, events = HopCodec(TOPOLOGY, "source", None, partitions), some_events(500, TOPOLOGY)
    key = events.batch.wallet % np.uint64(40)
    target = target_partitions(key, partitions)
    found: dict[int, list[bytes]] = {}
    for partition, message in codec.encode(0, events, np.arange(500), key):
        found.setdefault(partition, []).append(message)
    assert set(target.tolist()) == set(found)
    for partition, messages in found.items():
        batch = received(messages, codec=codec).events.batch
        assert events.batch.event_id[target == partition].tolist() == batch.event_id.tolist()


def test_a_key_goes_where_it_always_went() -> None:
    # Rows lie in the partitions of the hop: another way to spread keys would leave them behind.
    keys = np.array([0, 1, 2, 3, 2**32, 2**63, 2**64 - 1, 0x9F86D081884C7D65], np.uint64)
    assert [0, 0, 1, 2, 3, 1, 1, 1] == target_partitions(keys, 4).tolist()
    assert [0, 1, 1, 0, 0, 0, 1, 0] == target_partitions(keys, 3).tolist()


@pytest.mark.parametrize("partitions", [2, 3, 12, 64])
def test_keys_are_spread_evenly_even_where_they_differ_in_few_bits(partitions: int) -> None:
    for shift in (0, 20, 40, 50):
        keys = np.arange(12_800, dtype=np.uint64) << np.uint64(shift)
        share = np.bincount(target_partitions(keys, partitions), minlength=partitions) * partitions / len(keys)
        assert 0.95 < share.min() <= share.max() < 1.05, shift


def test_nothing_to_send_is_no_message() -> None:
    assert [] == sent(some_events(0, TOPOLOGY))


def test_a_body_is_no_larger_than_a_batch_may_be_and_no_smaller_than_it_must() -> None:
    events = some_events(4_000, TOPOLOGY)
    messages = sent(events)
    sizes = [counts(message)[-1] for message in messages]
    (one,) = sent(events.select([0]))
    largest = max(counts(sent(events.select([i]))[0])[-1] for i in range(200)) + counts(one)[-1]
    assert len(sizes) > 2
    assert max(sizes) <= MAX_BODY_BYTES
    assert min(sizes[:-1]) > MAX_BODY_BYTES - largest
    assert events.batch.event_id.tolist() == received(messages).events.batch.event_id.tolist()


@pytest.mark.parametrize("hop", HOPS)
def test_an_index_in_a_message_always_fits_into_a_position(hop: str) -> None:
    codec = looking(kinds=(), hop=hop)
    events = some_events(100, TOPOLOGY)
    (message,) = sent(events._replace(facts=np.zeros_like(events.facts)), codec)
    assert MAX_BODY_BYTES // (counts(message)[-1] // 100) < MAX_EVENTS


def test_an_event_with_the_longest_strings_there_may_be_fits() -> None:
    events = some_events(3, TOPOLOGY)
    events = events._replace(batch=events.batch._replace(kind=np.full(3, DEBIT, np.int8)))
    assert events.strings is not None
    names = [texts.text(0) for texts in events.strings]
    long = [Texts.of([name, "b" * 65_535, name]) for name in names]
    messages = sent(events._replace(strings=Strings(*long)))
    assert [3] == [counts(message)[1] for message in messages]
    assert 4 * 65_535 < counts(messages[0])[-1] < MAX_BODY_BYTES
    found = received(messages).events.strings
    assert found is not None
    assert ["b" * 65_535] * 4 == [texts.text(1) for texts in found]


def test_events_that_came_before_are_dropped() -> None:
    events, marks = some_events(20, TOPOLOGY), HighWaterMarks(2)
    assert 20 == received(sent(events), marks).events.size
    again = received(sent(events.select(slice(5, 20))), marks)
    assert (0, 15) == (again.events.size, again.repeats)
    assert [19 * MAX_EVENTS, -1] == marks.marks.tolist()


def test_what_a_restarted_upstream_sends_again_counts_once_wherever_its_chunks_end() -> None:
    events = some_events(30, TOPOLOGY)
    stretches = ((0, 10), (10, 12), (5, 11), (5, 20), (19, 30))
    messages = [message for start, stop in stretches for message in sent(events.select(slice(start, stop)))]
    found, repeats = received(messages)
    assert contents(expected(events, CODEC.layout)) == contents(found)
    assert [103, 104] == found.batch.offset[[12, 20]].tolist()
    assert [7, 1] == found.batch.hop_index[[12, 20]].tolist(), "the index counts dropped events too"
    assert list(range(30)) == found.batch.record.tolist()
    assert sum(stop - start for start, stop in stretches) - 30 == repeats


def test_upstreams_have_marks_of_their_own() -> None:
    events = some_events(3, TOPOLOGY)
    one, other = (sent(events, slot=slot) for slot in (1, 2))
    found = received([*one, *other, *one]).events
    assert [*events.batch.event_id.tolist()] * 2 == found.batch.event_id.tolist()


def test_two_events_of_one_record_have_positions_of_their_own() -> None:
    events = some_events(2, TOPOLOGY)
    events = events._replace(batch=events.batch._replace(offset=np.array([7, 7]), hop_index=np.array([0, 1], np.int32)))
    marks = HighWaterMarks(1)
    assert 2 == received(sent(events), marks).events.size
    assert [7 * MAX_EVENTS + 1] == marks.marks.tolist()
    assert 0 == received(sent(events), marks).events.size


def test_a_chunk_of_nothing_but_repeats_is_an_empty_batch() -> None:
    messages, marks = sent(some_events(4, TOPOLOGY)), HighWaterMarks(1)
    received(messages, marks)
    events = received(messages, marks).events
    assert (0, (0, TOPOLOGY.width), (0, len(FACTS))) == (events.size, events.X.shape, events.facts.shape)
    assert [np.dtype(column.dtype) for column in events.batch] == [
        column.dtype for column in some_events(0, TOPOLOGY).batch
    ]


def test_real_events_take_at_most_two_hundred_bytes_in_every_hop_of_all_events() -> None:
    model = model_of(CHAINS[-1])
    made = Nodes(Wiring(topology_for(model), model, 1, TOPICS))
    run(made, source_records(6_000, 1), 2_000)
    for hop in ("wallet", "source"):
        records = made.hops[hop, 0]
        size = sum(len(record.value) for record in records)
        n = sum(counts(record.value)[1] for record in records)
        assert n > 5_000
        assert size / n < 200, hop
