"""Marks survive the commit's metadata and fit into it; another program's commit is recognized."""

from base64 import b85decode

import msgspec
import pytest

from detector.errors import UserError
from detector.kafka.marks import MAX_METADATA_BYTES, Marks, decode_marks, encode_marks, most_upstreams
from detector.stream.high_water import MAX_EVENTS

#: Of Kafka's own making, 22 letters.
TOPIC_ID = "Qu8VY3HTRIuuGaZcNNZ7yA"


@pytest.mark.parametrize(
    "marks",
    [
        Marks(),
        Marks(1_599_000_000_123, TOPIC_ID),
        Marks(1_599_000_000_123, TOPIC_ID, begun_ms=1_598_000_000_123),
        Marks(1_599_000_000_123, TOPIC_ID, (-1, -1, -1)),
        Marks(1_599_000_000_123, TOPIC_ID, (0, 5, -1, 126, 127, 128)),
        Marks(2**62, TOPIC_ID, (2**62, 0, 2**62 - 1)),
        Marks(1, "", tuple(offset * MAX_EVENTS + 7 for offset in range(300))),
    ],
    ids=lambda marks: f"{len(marks.high_water)} upstreams",
)
def test_marks_come_back_from_commit_metadata(marks: Marks) -> None:
    assert marks == decode_marks(encode_marks(marks))


@pytest.mark.parametrize("number", [-1, 0, 126, 127, 128, 2**14 - 2, 2**14 - 1, 2**14, 2**21, 2**35 - 1, 2**62])
def test_a_mark_keeps_its_neighbours_apart(number: int) -> None:
    high_water = (number, -1, number, 0, number)
    assert high_water == decode_marks(encode_marks(Marks(high_water=high_water))).high_water


@pytest.mark.parametrize(("expected", "number"), [(1, -1), (1, 126), (2, 127), (2, 2**14 - 2), (3, 2**14 - 1)])
def test_a_small_mark_takes_little_room(expected: int, number: int) -> None:
    assert expected == len(b85decode(msgspec.json.decode(encode_marks(Marks(high_water=(number,))))["s"]))


def test_metadata_without_upstreams_stays_far_below_the_brokers_limit() -> None:
    assert len(encode_marks(Marks(2**62, TOPIC_ID, begun_ms=2**62))) < 100


def test_as_many_upstreams_as_promised_fit_whatever_their_positions() -> None:
    assert 300 < most_upstreams() < MAX_METADATA_BYTES
    furthest = Marks(2**53, TOPIC_ID, (2**62,) * most_upstreams(), 2**32 - 1, 2**53)
    assert len(encode_marks(furthest)) <= MAX_METADATA_BYTES
    with pytest.raises(UserError, match="use fewer partitions"):
        encode_marks(msgspec.structs.replace(furthest, high_water=(*furthest.high_water, 2**62)))


@pytest.mark.parametrize(
    "metadata", [None, "", "x", "{", '{"w": "now"}', '{"w": 1}', '{"v": 2, "w": 1, "s": "\\u00e9"}', "[1]"]
)
def test_a_commit_of_another_program_is_refused(metadata: str | None) -> None:
    with pytest.raises(UserError, match="carries no marks"):
        decode_marks(metadata)


@pytest.mark.parametrize(("version", "metadata"), [(1, '{"w": 1, "v": 1}'), (3, '{"w": 1, "v": 3, "s": ""}')])
def test_marks_of_another_release_are_refused(version: int, metadata: str) -> None:
    with pytest.raises(UserError, match=f"has version {version}, this release reads 2"):
        decode_marks(metadata)


@pytest.mark.parametrize(
    ("expected", "marks"),
    [
        (True, Marks()),
        (True, Marks(high_water=(-1, -1, -1), upstreams_crc=9)),
        (True, Marks(high_water=(-1, 4), upstreams_crc=7)),
        (False, Marks(high_water=(-1, 4), upstreams_crc=9)),
        (False, Marks(high_water=(-1, 4))),
        (False, Marks(high_water=(4,), upstreams_crc=7)),
    ],
    ids=["none", "nothing met", "those", "other nodes", "of nobody knows whom", "other partitions"],
)
def test_marks_fit_the_upstreams_they_are_of(expected: bool, marks: Marks) -> None:
    assert expected == marks.fits(upstreams_crc=7, upstreams=2)
    assert marks == decode_marks(encode_marks(marks))


@pytest.mark.parametrize(
    ("expected", "slot", "high_water"),
    [(False, 1, ()), (False, 1, (9, -1)), (True, 1, (-1, 0)), (True, 0, (9, -1)), (False, 2, (5, 5))],
)
def test_marks_tell_whether_an_event_of_an_upstream_partition_was_met(
    expected: bool, slot: int, high_water: tuple[int, ...]
) -> None:
    assert expected == Marks(high_water=high_water).met(slot)
