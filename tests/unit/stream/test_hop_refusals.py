"""What a node reads of its hop, and what it refuses before anything changes."""

import numpy as np
import pytest
from support.crossings import TOPOLOGY, Looks, contents, expected, looking, received, sent, some_events

from detector.core.chains import CHAINS
from detector.core.events import Events
from detector.core.topology import topology_of
from detector.stream.high_water import HighWaterMarks
from detector.stream.hop_codec import HopCodec
from detector.stream.hop_messages import ForeignHopError


def one_partition(events: Events) -> Events:
    """The events with one key, so that their messages come in order."""
    return events._replace(batch=events.batch._replace(wallet=np.ones(events.size, np.uint64)))


@pytest.mark.parametrize(
    "wider",
    [
        HopCodec(TOPOLOGY, "source", None, 1),
        looking("month_yen", "amount_yen", "wallet_age_s", kinds=("link", "debit", "payment")),
        looking("month_yen", kinds=("link", "debit", "unlink")),
        HopCodec(TOPOLOGY, "wallet", Looks.at(TOPOLOGY, "month_yen"), 7),  # type: ignore[arg-type]
    ],
    ids=["everything", "more features and kinds", "more kinds", "more columns, other partitions"],
)
def test_a_message_that_carries_more_is_read(wider: HopCodec) -> None:
    reader, events = looking("month_yen"), one_partition(some_events(200, TOPOLOGY))
    found = received([*sent(events, wider), *sent(events, reader, slot=1)], codec=reader).events
    assert contents(expected(events, reader.layout)) * 2 == contents(found)


def test_a_column_for_campaigns_alone_is_0_where_the_release_before_did_not_carry_it() -> None:
    before, now = (HopCodec(topology_of(CHAINS[1], campaigns=on), "wallet", None, 1) for on in (False, True))
    events = one_partition(some_events(50, topology_of(CHAINS[1])))
    for writer, source in ((before, [0] * 50), (now, events.batch.source.tolist())):
        found = received(sent(events, writer), codec=now).events.batch
        assert source == found.source.tolist()
        assert events.batch.account.tolist() == found.account.tolist()


OTHERS = {
    "another chain": HopCodec(topology_of(CHAINS[1]), "wallet", None, 1),
    "fewer features": looking("month_yen"),
    "fewer kinds": HopCodec(
        TOPOLOGY,
        "source",
        Looks(np.arange(TOPOLOGY.width), frozenset({"debit"})),  # type: ignore[arg-type]
        1,
    ),
    "fewer columns": HopCodec(TOPOLOGY, "cases", None, 1),
}


@pytest.mark.parametrize("other", OTHERS)
def test_messages_of_another_topology_or_with_less_than_is_read_are_refused(other: str) -> None:
    codec, marks = OTHERS[other], HighWaterMarks(1)
    events = some_events(3, topology_of(CHAINS[1]) if other == "another chain" else TOPOLOGY)
    with pytest.raises(ForeignHopError, match="kozamori state reset"):
        received([*sent(some_events(3, TOPOLOGY)), *sent(events, codec)], marks)
    assert [-1] == marks.marks.tolist()


@pytest.mark.parametrize(
    "message", [b"", b"KZH1", b"KZH2", b"ZKH2", b"\0" * 16, b"\0" * 400, b'{"kind": "debit", "amount_yen": 1}' * 9]
)
def test_what_is_no_hop_message_is_refused(message: bytes) -> None:
    with pytest.raises(ForeignHopError):
        received([message])


def test_a_message_that_is_cut_off_anywhere_is_refused() -> None:
    (message,) = sent(some_events(20, TOPOLOGY))
    marks = HighWaterMarks(1)
    for end in range(len(message)):
        with pytest.raises(ForeignHopError):
            received([message[:end]], marks)
    with pytest.raises(ForeignHopError):
        received([message + b"x"], marks)
    assert [-1] == marks.marks.tolist()


def test_a_message_with_a_byte_that_was_changed_is_refused() -> None:
    (message,) = sent(some_events(20, TOPOLOGY))
    marks = HighWaterMarks(1)
    for at in range(len(message)):
        changed = bytearray(message)
        changed[at] ^= 1 << at % 8
        with pytest.raises(ForeignHopError):
            received([bytes(changed)], marks)
    assert [-1] == marks.marks.tolist()
    assert 20 == received([message], marks).events.size


def test_an_upstream_that_the_node_does_not_have_is_refused() -> None:
    marks = HighWaterMarks(4)
    with pytest.raises(ForeignHopError, match="more partitions than it has"):
        received([*sent(some_events(3, TOPOLOGY)), *sent(some_events(3, TOPOLOGY), slot=4)], marks)
    assert [-1] * 4 == marks.marks.tolist()
