"""Events go through a hop as they are, in order, and once."""

from collections.abc import Sequence

import numpy as np
import pytest
from support.hops import any_batch, any_carried, any_values, content, contents, log_of

from detector.contract.batch import Batch
from detector.core.hop import (
    HEADER,
    MAX_EVENTS,
    MAX_MESSAGE_BYTES,
    Carried,
    ForeignHopError,
    HopCodec,
    Hopped,
    Seen,
    nothing_carried,
    slot_of,
    target_partitions,
)
from detector.core.stage import FACTS

WIDTH = 3
CODEC = HopCodec("account+wallet", WIDTH, 1)
#: Of the source's key in these tests: any column will do.
KEY = "wallet"


def sent(batch: Batch, codec: HopCodec = CODEC, slot: int = 0, seed: int = 1) -> list[tuple[int, bytes]]:
    """(target, message) of events with what they carry."""
    n = batch.size
    carried, values = any_carried(n, codec.width, seed), any_values(n, seed)
    return list(codec.encode(slot, batch, carried, getattr(batch, KEY), values))


def received(messages: Sequence[bytes], seen: Seen | None = None, codec: HopCodec = CODEC) -> Hopped:
    """Messages as they come, at offsets from 100 on."""
    return codec.decode(messages, range(100, 100 + len(messages)), seen or Seen(8))


@pytest.mark.parametrize("n", [1, 2, 1000])
@pytest.mark.parametrize("width", [0, 1, 40])
def test_events_come_out_bit_for_bit(n: int, width: int) -> None:
    codec = HopCodec("chain", width, 1)
    batch, carried, values = any_batch(n), any_carried(n, width), any_values(n)
    messages = [message for _, message in codec.encode(0, batch, carried, batch.wallet, values)]
    hopped = received(messages, codec=codec)
    assert [content(batch, carried, values, i) for i in range(n)] == contents(hopped)
    assert [getattr(batch, name).dtype for name in Batch._fields] == [column.dtype for column in hopped.batch]
    assert all(column.flags.c_contiguous for column in (*hopped.batch, *hopped.carried))


def test_an_event_lies_where_its_message_does() -> None:
    first, second = any_batch(3), any_batch(2, first_offset=3)
    batch = received([message for part in (first, second) for _, message in sent(part)]).batch
    assert [(100, 0), (100, 1), (100, 2), (101, 0), (101, 1)] == list(
        zip(batch.offset.tolist(), batch.hop_index.tolist(), strict=True)
    )
    assert list(range(5)) == batch.record.tolist()


@pytest.mark.parametrize("partitions", [1, 2, 3, 12])
def test_every_event_goes_to_the_partition_of_its_key_in_the_order_of_its_log(partitions: int) -> None:
    codec = HopCodec("chain", WIDTH, partitions)
    batch = any_batch(500)._replace(wallet=any_batch(500, seed=9).wallet % np.uint64(40))
    target = target_partitions(batch.wallet, partitions)
    found: dict[int, list[bytes]] = {}
    for partition, message in sent(batch, codec):
        found.setdefault(partition, []).append(message)
    assert set(target.tolist()) == set(found)
    for partition, messages in found.items():
        hopped = received(messages, codec=codec)
        assert batch.event_id[target == partition].tolist() == hopped.batch.event_id.tolist()


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
    assert [] == sent(any_batch(0))


def test_a_message_is_no_larger_than_a_batch_may_be() -> None:
    n = 4_000
    batch, values = any_batch(n), [b"x" * 400] * n
    messages = [message for _, message in CODEC.encode(0, batch, any_carried(n, WIDTH), batch.wallet, values)]
    sizes = [len(message) for message in messages]
    one = CODEC.record.itemsize + 400
    assert MAX_MESSAGE_BYTES - one < sizes[0] <= MAX_MESSAGE_BYTES
    assert HEADER.size * len(sizes) + n * one == sum(sizes)
    assert len(sizes) == -(-n // ((MAX_MESSAGE_BYTES - HEADER.size) // one)), "no more messages than it takes"
    assert batch.event_id.tolist() == received(messages).batch.event_id.tolist()


def test_an_event_as_large_as_a_message_goes_alone_and_a_larger_one_is_refused() -> None:
    largest = MAX_MESSAGE_BYTES - HEADER.size - CODEC.record.itemsize
    batch, carried = any_batch(3), any_carried(3, WIDTH)
    values = [b"a", b"b" * largest, b"c"]
    messages = [message for _, message in CODEC.encode(0, batch, carried, batch.wallet, values)]
    assert [1, 1, 1] == [HEADER.unpack_from(message)[-1] for message in messages]
    assert values == [value for message in messages for *_, value in contents(received([message]))]
    values[1] += b"b"
    with pytest.raises(ValueError, match=f"does not fit into a hop message of {MAX_MESSAGE_BYTES}"):
        list(CODEC.encode(0, batch, carried, batch.wallet, values))


def test_an_index_in_a_message_always_fits_into_a_position() -> None:
    assert MAX_MESSAGE_BYTES // HopCodec("", 0, 1).record.itemsize < MAX_EVENTS


def test_an_upstreams_number_and_partition_make_one_slot() -> None:
    slots = [slot_of(upstream, partition, 3) for upstream in range(2) for partition in range(3)]
    assert list(range(6)) == slots


def test_events_that_came_before_are_dropped() -> None:
    batch = any_batch(20)
    seen = Seen(2)
    expected = contents(received([message for _, message in sent(batch)], Seen(2)))
    assert expected[:10] == contents(received([message for _, message in sent(batch)], seen))[:10]
    again = [message for _, message in sent(batch.select(slice(5, 20)))]
    assert [] == contents(received(again, seen))
    assert [19 * MAX_EVENTS, -1] == seen.marks.tolist()


def cut(batch: Batch, carried: Carried, values: list[bytes], *bounds: tuple[int, int]) -> list[bytes]:
    """Messages of these stretches of a log."""
    messages = list[tuple[int, bytes]]()
    for start, stop in bounds:
        part = slice(start, stop)
        chosen = batch.select(part)
        messages += CODEC.encode(0, chosen, carried.select(part), chosen.wallet, values[part])
    return [message for _, message in messages]


def test_what_a_restarted_upstream_sends_again_counts_once_wherever_its_chunks_end() -> None:
    batch, carried, values = any_batch(30), any_carried(30, WIDTH), any_values(30)
    expected = [content(batch, carried, values, i) for i in range(30)]
    messages = cut(batch, carried, values, (0, 10), (10, 12), (5, 11), (5, 20), (19, 30))
    hopped = received(messages)
    assert expected == contents(hopped)
    assert [103, 104] == hopped.batch.offset[[12, 20]].tolist()
    assert [7, 1] == hopped.batch.hop_index[[12, 20]].tolist(), "the index counts dropped events too"


def test_upstreams_have_marks_of_their_own() -> None:
    batch = any_batch(3)
    one, other = ([message for _, message in sent(batch, slot=slot)] for slot in (1, 2))
    hopped = received([*one, *other, *one])
    assert [*batch.event_id.tolist()] * 2 == hopped.batch.event_id.tolist()


def test_two_events_of_one_record_have_positions_of_their_own() -> None:
    batch = any_batch(2)._replace(offset=np.array([7, 7]), hop_index=np.array([0, 1], np.int32))
    messages = [message for _, message in sent(batch)]
    seen = Seen(1)
    assert 2 == received(messages, seen).batch.size
    assert [7 * MAX_EVENTS + 1] == seen.marks.tolist()
    assert 0 == received(messages, seen).batch.size


def test_marks_go_on_from_where_they_were() -> None:
    batch = any_batch(10)
    seen = Seen(3, (4 * MAX_EVENTS, -1, 6 * MAX_EVENTS))
    assert batch.event_id[5:].tolist() == received([m for _, m in sent(batch)], seen).batch.event_id.tolist()
    assert [9 * MAX_EVENTS, -1, 6 * MAX_EVENTS] == seen.marks.tolist()


def test_a_chunk_of_nothing_but_repeats_is_an_empty_batch() -> None:
    messages = [message for _, message in sent(any_batch(4))]
    seen = Seen(1)
    received(messages, seen)
    hopped = received(messages, seen)
    assert (0, (0, WIDTH), (0, len(FACTS))) == (
        hopped.batch.size,
        hopped.carried.X.shape,
        hopped.carried.facts.shape,
    )
    assert [np.dtype(column.dtype) for column in hopped.batch] == [column.dtype for column in any_batch(0)]


def test_values_can_be_selected() -> None:
    values = any_values(5)
    hopped = received(cut(any_batch(5), any_carried(5, WIDTH), values, (0, 2), (2, 5)))
    chosen = hopped.values.select(np.array([4, 0, 2]))
    assert [values[4], values[0], values[2]] == [chosen[i] for i in range(3)]


@pytest.mark.parametrize(
    "other",
    [HopCodec("account", WIDTH, 1), HopCodec("account+wallet", WIDTH + 1, 1), HopCodec("account+wallet", 0, 1)],
    ids=["another chain", "more features", "fewer features"],
)
def test_messages_of_other_stages_are_refused(other: HopCodec) -> None:
    messages = [message for _, message in sent(any_batch(3), other)]
    with pytest.raises(ForeignHopError, match="kozamori state reset"):
        received(messages)


@pytest.mark.parametrize("message", [b"", b"KZH1", b"\0" * 16, b'{"kind": "debit", "amount_yen": 1}'])
def test_what_is_no_hop_message_is_refused(message: bytes) -> None:
    with pytest.raises(ForeignHopError):
        received([message])


def test_a_refused_chunk_raises_no_mark() -> None:
    seen = Seen(1)
    with pytest.raises(ForeignHopError):
        received([*(message for _, message in sent(any_batch(3))), b"{}"], seen)
    assert [-1] == seen.marks.tolist()


def test_the_same_stages_read_each_others_messages_whatever_their_partitions() -> None:
    batch = any_batch(3)._replace(wallet=np.ones(3, np.uint64))  # one partition, whose messages come in order
    messages = [message for _, message in sent(batch, HopCodec("account+wallet", WIDTH, 7))]
    assert 3 == received(messages).batch.size


def test_what_no_stage_has_seen_carries_nothing() -> None:
    carried = nothing_carried(2, WIDTH)
    assert (2, WIDTH) == carried.X.shape
    assert np.isnan(carried.X).all()
    assert [[0] * len(FACTS)] * 2 == carried.facts.tolist()


def test_real_events_take_a_few_hundred_bytes() -> None:
    # A hop's retention is bought by the byte: what an event costs without features and without its JSON.
    batch = log_of(1_000)
    carried, values = nothing_carried(batch.size, 0), [b""] * batch.size
    messages = list(HopCodec("chain", 0, 1).encode(0, batch, carried, batch.wallet, values))
    assert sum(len(message) for _, message in messages) / batch.size < 200
