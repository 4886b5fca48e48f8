"""The source topics as one log: partitions keep their order, between them event time and then ids decide."""

import numpy as np
import pytest
from kafka import TopicPartition
from support.models import make_batch

from detector.ops.topic_log import NEVER_MS, Lane, _merged

#: (time, id) of two partitions; "late" came after "b", and two have one time.
LANES = ([(10, "a"), (30, "b"), (20, "late"), (40, "z")], [(20, "c"), (30, "aa"), (30, "m"), (50, "n")])
#: What is late counts as of the time, and the id, of what it followed.
ORDER = ["a", "c", "aa", "b", "late", "m", "z", "n"]


def lanes(size: int) -> list[Lane]:
    found = []
    for events in LANES:
        lane = Lane()
        for start in range(0, len(events), size):
            part = events[start : start + size]
            batch = make_batch(len(part), occurred_at_ms=[time for time, _ in part])
            lane.add(batch, [name.encode() for _, name in part], [name for _, name in part])
        found.append(lane)
    return found


def names(found: list[Lane], *frontiers: int) -> list[str]:
    taken: list[str] = []
    for before_ms in frontiers:
        parts = [(TopicPartition("t", number), lane.take(before_ms)) for number, lane in enumerate(found)]
        part = _merged(parts, len(taken))
        if part is not None:
            assert list(range(len(taken), len(taken) + part.batch.size)) == part.batch.offset.tolist()
            assert part.values == [part.values[record] for record in part.batch.record.tolist()]
            taken += [value.decode() for value in part.values]
    return taken


@pytest.mark.parametrize("size", [1, 2, 3, 4])
@pytest.mark.parametrize("frontiers", [(NEVER_MS,), (20, 30, 31, NEVER_MS), (5, 5, 41, NEVER_MS)], ids=str)
def test_the_order_depends_on_neither_chunks_nor_polls(size: int, frontiers: tuple[int, ...]) -> None:
    assert ORDER == names(lanes(size), *frontiers)


def test_an_event_knows_its_partition() -> None:
    parts = [(TopicPartition("t", number), lane.take(NEVER_MS)) for number, lane in enumerate(lanes(4))]
    part = _merged(parts, 0)
    assert part is not None
    assert [0, 1, 1, 0, 0, 1, 0, 1] == part.partition.tolist()


def test_nothing_that_waits_is_lost_or_taken_twice() -> None:
    lane = lanes(2)[0]
    assert 4 == lane.waiting
    assert lane.take(10) is None
    first = lane.take(31)
    assert first is not None
    assert [b"a", b"b", b"late"] == first.values
    assert np.array_equal([10, 30, 30], first.time_ms)
    assert (1, 40) == (lane.waiting, lane.newest_ms)
