"""Whatever upstreams do (chunk, stop, begin again earlier), a hop's events are those of their logs, in order, once."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from support.hops import any_batch, any_carried, any_values, content

from detector.contract.batch import Batch
from detector.core.hop import Carried, HopCodec, Hopped, Seen, slot_of, target_partitions

WIDTH = 2
UPSTREAMS = 2

seeds = st.integers(0, 2**32)


class Upstream(NamedTuple):
    """A partition's log, and the stretches of it that were sent one after another."""

    slot: int
    batch: Batch
    carried: Carried
    values: list[bytes]
    stretches: list[tuple[int, int]]

    def messages(self, codec: HopCodec) -> list[tuple[int, bytes]]:
        found = list[tuple[int, bytes]]()
        for start, stop in self.stretches:
            part = slice(start, stop)
            chosen = self.batch.select(part)
            found += codec.encode(self.slot, chosen, self.carried.select(part), chosen.wallet, self.values[part])
        return found


@st.composite
def upstreams(draw: st.DrawFn, slot: int) -> Upstream:
    """A log of up to 40 events of 8 keys, sent in chunks; a restart goes back to where a commit may have been."""
    # No two upstreams have an event in common.
    n, seed = draw(st.integers(1, 40)), draw(seeds) * 64 + slot
    batch = any_batch(n, seed, first_offset=draw(st.integers(0, 2**40)))
    batch = batch._replace(wallet=batch.wallet % np.uint64(8))
    if draw(st.booleans()):  # the events of a forwarder, two of some records
        twice = np.sort(np.concatenate((batch.offset, batch.offset)))[:n]
        batch = batch._replace(offset=twice, hop_index=np.concatenate(([0], np.diff(twice) == 0)).astype(np.int32))
    stretches, sent = list[tuple[int, int]](), 0
    while sent < n:
        begin = draw(st.integers(0, sent)) if draw(st.booleans()) else sent
        end = draw(st.integers(begin + 1, n))
        stretches.append((begin, end))
        # The upstream is at the end of what it sent last: it may not be as far as it was before it was restarted.
        sent = end
    return Upstream(slot, batch, any_carried(n, WIDTH, seed), any_values(n, seed, 50), stretches)


def mixed(draw: st.DrawFn, logs: list[list[bytes]]) -> list[bytes]:
    """The messages of several upstreams, as they may enter a partition."""
    left, order = [list(log) for log in logs], []
    while any(left):
        order.append(draw(st.sampled_from([log for log in left if log])).pop(0))
    return order


@st.composite
def hops(draw: st.DrawFn) -> tuple[HopCodec, list[Upstream], dict[int, list[bytes]]]:
    """A codec, two upstreams, and their messages in each partition."""
    partitions = draw(st.integers(1, 3))
    codec = HopCodec("chain", WIDTH, partitions)
    logs = [draw(upstreams(slot_of(number, 0, partitions))) for number in range(UPSTREAMS)]
    sent = [upstream.messages(codec) for upstream in logs]
    into = {
        target: mixed(draw, [[value for to, value in messages if to == target] for messages in sent])
        for target in range(partitions)
    }
    return codec, logs, into


@given(hop=hops())
@settings(max_examples=60, deadline=None)
def test_every_event_enters_its_partition_once_and_in_the_order_of_its_upstream(
    hop: tuple[HopCodec, list[Upstream], dict[int, list[bytes]]],
) -> None:
    codec, logs, into = hop
    for target, messages in into.items():
        found = read(codec, messages, [0, len(messages)], Seen(UPSTREAMS * codec.partitions))
        for log in logs:
            own = {content(log.batch, log.carried, log.values, i): None for i in range(log.batch.size)}
            expected = [event for i, event in enumerate(own) if _target(log, codec)[i] == target]
            assert expected == [event for event in found if event in own]
        assert len(found) == sum(int((_target(log, codec) == target).sum()) for log in logs)


@given(hop=hops(), data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_partition_read_in_any_chunks_and_from_any_commit_is_the_same(
    hop: tuple[HopCodec, list[Upstream], dict[int, list[bytes]]], data: st.DataObject
) -> None:
    codec, _, into = hop
    slots = UPSTREAMS * codec.partitions
    for messages in into.values():
        whole = Seen(slots)
        expected = read(codec, messages, [0, len(messages)], whole)
        cuts = sorted(data.draw(st.sets(st.integers(0, len(messages)), max_size=5)))
        seen = Seen(slots)
        found = list[tuple[bytes, ...]]()
        for start, stop in pairwise([0, *cuts, len(messages)]):
            found += read(codec, messages, [start, stop], seen)
            # A worker ends here, and another takes the marks from the commit.
            seen = Seen(slots, seen.marks.tolist())
        assert expected == found
        assert whole.marks.tolist() == seen.marks.tolist()


def read(codec: HopCodec, messages: list[bytes], bounds: list[int], seen: Seen) -> list[tuple[bytes, ...]]:
    """The new events among `messages[bounds[0]:bounds[1]]`, with where they lie."""
    start, stop = bounds
    if start == stop:
        return []
    hopped = codec.decode(messages[start:stop], range(start, stop), seen)
    _assert_in_place(hopped, start, stop)
    return [content(*hopped, i) for i in range(hopped.batch.size)]


def _assert_in_place(hopped: Hopped, start: int, stop: int) -> None:
    batch = hopped.batch
    positions = list(zip(batch.offset.tolist(), batch.hop_index.tolist(), strict=True))
    assert positions == sorted(set(positions))
    assert all(start <= offset < stop for offset, _ in positions)


def _target(log: Upstream, codec: HopCodec) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return target_partitions(log.batch.wallet, codec.partitions)
