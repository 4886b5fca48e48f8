"""Hop messages written and read by kernels, against numpy column by column: the same bytes, the same events.

`KOZAMORI_FUZZ` is the number of chunks; some tens, unless told otherwise.
"""

import os
import struct
import zlib

import cramjam
import numpy as np
import pytest
from support import hop_oracle
from support.crossings import HOPS, TOPOLOGY, contents, looking, some_events

from detector.contract.texts import Strings, Texts
from detector.core.events import Events
from detector.stream.high_water import HighWaterMarks
from detector.stream.hop_codec import HopCodec
from detector.stream.hop_layout import CHECK, COUNTS
from detector.stream.hop_messages import ForeignHopError, intact

CHUNKS = int(os.environ.get("KOZAMORI_FUZZ", "60"))
Messages = list[tuple[int, bytes]]


def a_codec(rng: np.random.Generator) -> HopCodec:
    """Into any hop, of any number of partitions, for a model that looks at all, some or no features."""
    hop, some = rng.choice(HOPS), tuple(rng.choice(["", "wallet_age_s", "month_yen", "holder_yen_24h"], 3))
    if rng.random() < 0.3:
        codec = HopCodec(TOPOLOGY, hop, None, 1)
    else:
        kinds = tuple(np.array(["link", "debit", "open"])[rng.random(3) < 0.6].tolist())
        codec = looking(*{name for name in some if name}, kinds=kinds, hop=hop)
    codec.partitions = int(rng.integers(1, 6))
    return codec


def a_chunk(rng: np.random.Generator) -> Events:
    """Events of whatever bits; now and then without facts, with strings of any length, or without strings."""
    n = int(rng.choice([1, 2, 15, 16, 17, 40, 300]))
    events = some_events(n, TOPOLOGY, int(rng.integers(1 << 30)))
    facts = events.facts * (rng.random(events.facts.shape[1]) < 0.4)
    texts = [Texts.of(["口" * int(length) for length in rng.integers(0, 40, n)]) for _ in Strings._fields]
    strings = (events.strings, Strings(*texts), None)[int(rng.integers(3))]
    return events._replace(facts=facts, strings=strings)


def some_of(events: Events, rng: np.random.Generator) -> np.ndarray:
    return np.flatnonzero(rng.random(events.size) < rng.choice([0.0, 0.1, 0.9, 1.0]))


def test_messages_have_the_same_bytes_and_come_out_the_same() -> None:
    rng = np.random.default_rng(1)
    seen = 0
    for _ in range(CHUNKS):
        codec, chunks = a_codec(rng), [a_chunk(rng) for _ in range(3)]
        found: Messages = []
        for slot, events in enumerate(chunks):
            which = some_of(events, rng)
            key = events.batch.account[which]
            expected = list(hop_oracle.encode(codec, slot, events, which, key))
            assert expected == list(codec.encode(slot, events, which, key))
            found += expected
        messages = [message for _, message in found]
        if messages:
            parts, offsets = [intact(message) for message in messages], range(100, 100 + len(messages))
            plain, *plainly = codec._pieces.read(messages, parts, offsets)  # as messages of another layout are read
            fast, *quickly = codec._read(messages, parts, offsets)
            assert contents(plain) == contents(fast)
            assert [np.asarray(one).tolist() for one in plainly] == [np.asarray(one).tolist() for one in quickly]
            seen += fast.size
    assert seen > 40 * CHUNKS


def test_a_message_that_says_what_it_does_not_hold_is_refused_and_nothing_changes() -> None:
    events = some_events(40, TOPOLOGY)
    codec = looking("month_yen", kinds=("debit",))
    ((_, message),) = codec.encode(0, events, np.arange(40), events.batch.account)
    at = len(codec.layout.head)
    counts = COUNTS.unpack_from(message, at)
    marks = HighWaterMarks(1)
    wrong = (
        (1, counts[1] + 1, r"damaged|kinds"),
        (2, counts[2] + 1, r"damaged|kinds"),
        (2, counts[2] - 1, r"damaged|kinds"),
        (3, counts[3] | 1 << 31, r"damaged"),
        (4, counts[4] - 1, r"damaged"),
        (0, 1, r"more partitions"),
        (0, 2**32 - 1, r"more partitions"),
    )
    for index, number, complaint in wrong:
        other = list(counts)
        other[index] = number
        with pytest.raises(ForeignHopError, match=complaint):
            codec.decode([with_counts(message, at, other)], [0], marks)
    assert [-1] == marks.marks.tolist()


def test_lengths_of_strings_past_the_end_are_refused() -> None:
    events = some_events(40, TOPOLOGY)
    codec = looking("month_yen", kinds=("debit",))
    ((_, message),) = codec.encode(0, events, np.arange(40), events.batch.account)
    at = len(codec.layout.head)
    counts = list(COUNTS.unpack_from(message, at))
    body = bytearray(bytes(cramjam.zstd.decompress(message[at + COUNTS.size + CHECK.size :])))
    fixed, of_scored = codec._sizes
    strings = counts[1] * (fixed + 8 * counts[3].bit_count()) + counts[2] * of_scored
    for size in (strings, strings + 5):
        counts[-1] = size
        cut = bytes(cramjam.zstd.compress(bytes(body[:size])))
        with pytest.raises(ForeignHopError, match="damaged"):
            codec.decode([with_counts(message, at, counts, cut)], [0], HighWaterMarks(1))


def with_counts(message: bytes, at: int, counts: list[int], packed: bytes | None = None) -> bytes:
    """The message with other numbers, and the checksum that they should have."""
    head = message[:at] + COUNTS.pack(*counts)
    body = message[at + COUNTS.size + CHECK.size :] if packed is None else packed
    return head + struct.pack("<I", zlib.crc32(body, zlib.crc32(head))) + body
