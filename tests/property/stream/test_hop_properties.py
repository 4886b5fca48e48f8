"""Whatever upstreams do (chunk, stop, begin again earlier), a hop's events are those of their logs, in order, once."""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st
from support.crossings import Looks, contents, expected, some_events

from detector.core.chains import SOURCE_CHAIN
from detector.core.events import Events
from detector.core.topology import topology_of
from detector.stream.high_water import HighWaterMarks, slot_of
from detector.stream.hop_codec import HopCodec
from detector.stream.hop_writer import target_partitions

TOPOLOGY = topology_of(SOURCE_CHAIN)
MODELS = (None, Looks.at(TOPOLOGY, "month_yen", "wallet_age_s"), Looks.at(TOPOLOGY, "amount_yen", kinds=("debit",)))
UPSTREAMS = 2

seeds = st.integers(0, 2**32)


class Upstream(NamedTuple):
    """A partition's log, and the stretches of it that were sent one after another."""

    slot: int
    events: Events
    stretches: list[tuple[int, int]]

    def messages(self, codec: HopCodec) -> list[tuple[int, bytes]]:
        found = list[tuple[int, bytes]]()
        for start, stop in self.stretches:
            which = np.arange(start, stop)
            found += codec.encode(self.slot, self.events, which, self.events.batch.wallet[which])
        return found


@st.composite
def upstreams(draw: st.DrawFn, slot: int) -> Upstream:
    """A log of up to 40 events of 8 keys, sent in chunks; a restart goes back to where a commit may have been."""
    # No two upstreams have an event in common.
    n, seed = draw(st.integers(1, 40)), draw(seeds) * 64 + slot
    events = some_events(n, TOPOLOGY, seed, first_offset=draw(st.integers(0, 2**40)))
    batch = events.batch._replace(wallet=events.batch.wallet % np.uint64(8))
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
    return Upstream(slot, events._replace(batch=batch), stretches)


def mixed(draw: st.DrawFn, logs: list[list[bytes]]) -> list[bytes]:
    """The messages of several upstreams, as they may enter a partition."""
    left, order = [list(log) for log in logs], []
    while any(left):
        order.append(draw(st.sampled_from([log for log in left if log])).pop(0))
    return order


class Hop(NamedTuple):
    """The codec of the readers, two upstreams, and the messages in each partition."""

    codec: HopCodec
    logs: list[Upstream]
    into: dict[int, list[bytes]]


@st.composite
def hops(draw: st.DrawFn) -> Hop:
    """A hop whose writers are of the readers' model, or of one that looks at everything."""
    partitions, model = draw(st.integers(1, 3)), draw(st.sampled_from(MODELS))
    node = draw(st.sampled_from(["wallet", "source", "cases"]))
    codec = HopCodec(TOPOLOGY, node, model, partitions)  # type: ignore[arg-type]
    logs = [draw(upstreams(slot_of(number, 0, partitions))) for number in range(UPSTREAMS)]
    writer = draw(st.sampled_from([codec, HopCodec(TOPOLOGY, node, None, partitions)]))
    sent = [upstream.messages(writer) for upstream in logs]
    into = {
        target: mixed(draw, [[value for to, value in messages if to == target] for messages in sent])
        for target in range(partitions)
    }
    return Hop(codec, logs, into)


@given(hop=hops())
@settings(max_examples=60, deadline=None)
def test_every_event_enters_its_partition_once_and_in_the_order_of_its_upstream(hop: Hop) -> None:
    codec, logs, into = hop
    for target, messages in into.items():
        found = read(codec, messages, [0, len(messages)], HighWaterMarks(UPSTREAMS * codec.partitions))
        for log in logs:
            own = dict.fromkeys(contents(expected(log.events, codec.layout)))
            wanted = [event for i, event in enumerate(own) if _target(log, codec)[i] == target]
            assert wanted == [event for event in found if event in own]
        assert len(found) == sum(int((_target(log, codec) == target).sum()) for log in logs)


@given(hop=hops(), data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_partition_read_in_any_chunks_and_from_any_commit_is_the_same(hop: Hop, data: st.DataObject) -> None:
    codec, _, into = hop
    slots = UPSTREAMS * codec.partitions
    for messages in into.values():
        whole = HighWaterMarks(slots)
        wanted = read(codec, messages, [0, len(messages)], whole)
        cuts = sorted(data.draw(st.sets(st.integers(0, len(messages)), max_size=5)))
        marks = HighWaterMarks(slots)
        found = list[tuple[object, ...]]()
        for start, stop in pairwise([0, *cuts, len(messages)]):
            found += read(codec, messages, [start, stop], marks)
            # A worker ends here, and another takes the marks from the commit.
            marks = HighWaterMarks(slots, marks.marks.tolist())
        assert wanted == found
        assert whole.marks.tolist() == marks.marks.tolist()


def read(codec: HopCodec, messages: list[bytes], bounds: list[int], marks: HighWaterMarks) -> list[tuple[object, ...]]:
    """The new events among `messages[bounds[0]:bounds[1]]`, each where it should lie."""
    start, stop = bounds
    if start == stop:
        return []
    events = codec.decode(messages[start:stop], range(start, stop), marks).events
    positions = list(zip(events.batch.offset.tolist(), events.batch.hop_index.tolist(), strict=True))
    assert positions == sorted(set(positions))
    assert all(start <= offset < stop for offset, _ in positions)
    return contents(events)


def _target(log: Upstream, codec: HopCodec) -> npt.NDArray[np.int64]:
    return target_partitions(log.events.batch.wallet, codec.partitions)
