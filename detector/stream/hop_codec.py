"""Events to hop messages and back: whole columns, end to end, compressed.

A message is a header (`hop_layout`) and a body: matrices of all columns of one width, the widest first so that each
is aligned, features and the strings' lengths among them; then the strings. By columns they compress well: missing
values (NaN, 0, "") mostly stand in a row.
"""

import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cramjam
import numpy as np
import numpy.typing as npt

from detector.contract.batch import DTYPES, Batch
from detector.contract.texts import Strings, Texts
from detector.contract.vocabulary import KINDS
from detector.core.events import Events
from detector.core.model import Model
from detector.core.stage import FACTS, HOP_FACTS
from detector.core.topology import Topology
from detector.stream.high_water import MAX_EVENTS, HighWaterMarks
from detector.stream.hop_head import WIDTHS
from detector.stream.hop_layout import CHECK, COUNTS, Layout
from detector.stream.hop_messages import MEND, NEWER_KIND, ForeignHopError, Message, damaged, intact
from detector.stream.hop_pieces import Found, Matrix, PieceReader, batch_of
from detector.stream.hop_reader import MORE_EIGHTS, MORE_FOURS, UNKNOWN_KIND, read
from detector.stream.hop_writer import AT, COLUMNS_OF_CUTS, SIZE, cut, write

#: Of zstd. Measured on simulated events, both ways: level 1 makes a quarter fewer bytes in 1.5 times the time; lz4
#: a tenth more bytes in the same time.
LEVEL = -5
_WHOLE = {8: np.int64, 4: np.int32, 2: np.int16, 1: np.int8}


class Hopped(NamedTuple):
    """New events of a hop's messages, and the number of those met before."""

    events: Events
    repeats: int


class HopCodec:
    """Messages into `node`, between nodes of `partitions` partitions each, for events that `model` judges."""

    def __init__(self, topology: Topology, node: str, model: Model | None, partitions: int) -> None:
        self.partitions = partitions
        self.layout = Layout.into(topology, node, model)
        self._features = np.array(self.layout.features, np.int64)
        self._scored = np.isin(np.arange(len(KINDS)), self.layout.kinds)
        self._names = {width: self.layout.of_width(width) for width in WIDTHS}
        #: Bytes of an event's columns and position, and of a scored one's features and lengths of strings.
        self._sizes = (
            8 + sum(width * len(names) for width, names in self._names.items()),
            4 * len(self._features) + 2 * len(Strings._fields),
        )
        self._pieces = PieceReader(self.layout)

    def encode(
        self, slot: int, events: Events, which: npt.NDArray[np.int64], key: npt.NDArray[np.uint64]
    ) -> Iterator[tuple[int, bytes]]:
        """(target partition, message) of the events at the indices `which` int64 (k,), in order within a partition.

        `slot` names the upstream partition, `key` uint64 (k,) decides the target.
        """
        if not len(which):
            return
        batch, facts = events.batch, np.ascontiguousarray(events.facts)
        none = Texts.empty(events.size)
        strings = Strings(none, none, none, none) if events.strings is None else events.strings
        lengths = np.stack([texts.length for texts in strings])
        order, cuts = np.empty(len(which), np.int64), np.empty((len(which), COLUMNS_OF_CUTS), np.int64)
        known = np.empty(HOP_FACTS, np.bool_)
        count = cut(
            which, key, self.partitions, batch.kind, self._scored, facts, known, lengths, *self._sizes, order, cuts
        )
        cuts = cuts[:count]
        body = np.empty((int(cuts[-1, AT] + cuts[-1, SIZE]) + 7) // 8, np.int64)
        eights, fours, twos, ones = (self._columns(width, batch) for width in WIDTHS)
        write(
            cuts,
            order,
            batch.kind,
            self._scored,
            eights,
            batch.offset * MAX_EVENTS + batch.hop_index,
            facts,
            known,
            np.ascontiguousarray(events.X),
            self._features,
            fours,
            np.stack([texts.begin for texts in strings]),
            lengths,
            twos,
            ones,
            tuple(_read_only(texts.data) for texts in strings),
            body,
        )
        raw, bits = body.view(np.uint8), int((1 << np.flatnonzero(known)).sum())
        for target, begin, end, scored, at, size in cuts.tolist():
            head = self.layout.head + COUNTS.pack(slot, end - begin, scored, bits, size)
            packed = bytes(cramjam.zstd.compress(raw[at : at + size].data, level=LEVEL))
            yield target, head + CHECK.pack(zlib.crc32(packed, zlib.crc32(head))) + packed

    def _columns(self, width: int, batch: Batch) -> Matrix:
        """The columns of this width, (columns, n)."""
        names, kind = self._names[width], _WHOLE[width]
        if not names:
            return np.empty((0, batch.size), kind)
        return np.stack([getattr(batch, name).view(kind) for name in names])

    def decode(self, messages: Sequence[bytes], offsets: Sequence[int], marks: HighWaterMarks) -> Hopped:
        """The new events of `messages`, at `offsets` of the hop, raising `marks`.

        Raises ForeignHopError for a message that it cannot read, before anything changes.
        """
        parts = [intact(message) for message in messages]
        own = all(head == self.layout.head for head, _ in parts)
        events, slot, position = (self._read if own else self._pieces.read)(messages, parts, offsets)
        slots = [COUNTS.unpack_from(message, len(head))[0] for message, (head, _) in zip(messages, parts, strict=True)]
        if max(slots) >= len(marks.marks):
            raise ForeignHopError(f"a hop holds messages of more partitions than it has: {MEND}")
        fresh = marks.take(slot, position)
        if fresh.all():
            return Hopped(events, 0)
        kept = events.select(fresh)
        record = np.arange(kept.size, dtype=np.int32)
        return Hopped(kept._replace(batch=kept.batch._replace(record=record)), events.size - kept.size)

    def _read(self, messages: Sequence[bytes], parts: Sequence[Message], offsets: Sequence[int]) -> Found:
        """The events of messages of this layout."""
        table, at = [], 0
        for message, (head, _), offset in zip(messages, parts, offsets, strict=True):
            slot, n, m, bits, size = COUNTS.unpack_from(message, len(head))
            if bits >> HOP_FACTS or self._least_size(n, m, bits) > size:
                raise ForeignHopError(damaged(message))
            table.append((n, m, bits, at, size, offset, slot))
            at += (size + 7) // 8 * 8
        body = np.empty(at // 8, np.int64)
        raw = body.view(np.uint8)
        for (_, _, _, begin, size, _, _), (_, packed), message in zip(table, parts, messages, strict=True):
            if not _unpacks(packed, raw[begin : begin + size]):
                raise ForeignHopError(damaged(message))
        n = sum(row[0] for row in table)
        rows = {width: len(names) for width, names in self._names.items()}
        eights, fours = np.empty((rows[8] + MORE_EIGHTS, n), np.int64), np.empty((rows[4] + MORE_FOURS, n), np.int32)
        twos, ones = np.empty((rows[2], n), np.int16), np.empty((rows[1], n), np.int8)
        facts, X = np.zeros((n, len(FACTS)), np.int64), np.full((n, self.layout.width), np.nan, np.float32)
        begins, lengths = np.zeros((2, len(Strings._fields), n), np.int64)
        wrong = read(
            np.array(table, np.int64),
            body,
            body.view(np.int32),
            body.view(np.float32),
            body.view(np.uint16),
            body.view(np.int8),
            self._names[1].index("kind"),
            self._scored,
            self._features,
            eights,
            fours,
            twos,
            ones,
            facts,
            X,
            begins,
            lengths,
        )
        if wrong:
            raise ForeignHopError(NEWER_KIND if wrong == UNKNOWN_KIND else damaged(messages[0]))
        columns = {
            name: column.view(DTYPES[name])
            for width, matrix in zip(WIDTHS, (eights, fours, twos, ones), strict=True)
            for name, column in zip(self._names[width], matrix, strict=False)
        }
        *_, position, columns["offset"] = eights
        *_, columns["hop_index"], columns["record"], slot_of = fours
        strings = Strings(*(Texts(raw, *span) for span in zip(begins, lengths, strict=True)))
        return Events(batch_of(columns, n), X, facts, strings), slot_of, position

    def _least_size(self, n: int, m: int, bits: int) -> int:
        """Bytes of a body without strings."""
        fixed, of_scored = self._sizes
        return n * (fixed + 8 * bits.bit_count()) + m * of_scored


def _unpacks(packed: memoryview, body: npt.NDArray[np.uint8]) -> bool:
    """Decompress a body, which is to fill `body`; whether it did."""
    try:
        return bool(cramjam.zstd.decompress_into(packed, body.data) == len(body))
    except cramjam.DecompressionError:
        return False


def _read_only(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """A view that cannot be written to: the kernel is compiled for one type alone."""
    view = data.view()
    view.flags.writeable = False
    return view
