"""Events to hop messages and back: whole columns, end to end, compressed.

A message is a header (`hop_layout`) and a body: matrices of all columns of one width, the widest first so that each
is aligned, features and the strings' lengths among them; then the strings. By columns they compress well: missing
values (NaN, 0, "") mostly stand in a row.
"""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import cramjam
import numpy as np
import numpy.typing as npt
from numba import njit

from detector.contract.batch import DTYPES, Batch
from detector.contract.texts import Strings, Texts
from detector.contract.vocabulary import KINDS
from detector.core.events import Events
from detector.core.model import Model
from detector.core.stage import FACTS, HOP_FACTS
from detector.core.topology import Topology
from detector.errors import UserError
from detector.stream.high_water import MAX_EVENTS, HighWaterMarks
from detector.stream.hop_head import WIDTHS, Carried, head_of, id_of, read_head
from detector.stream.hop_layout import CHECK, COUNTS, Layout

#: A batch of messages is one Kafka record batch, which brokers limit to 1 MiB; half of it leaves room for others.
MAX_BODY_BYTES = 448 * 1024
#: Of zstd. Measured on simulated events, both ways: level 1 makes a quarter fewer bytes in 1.5 times the time; lz4
#: a tenth more bytes in the same time.
LEVEL = -5
#: Multiplier of Fibonacci hashing (Knuth, The Art of Computer Programming 3, section 6.4), on mixed keys.
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_WHOLE = {8: np.int64, 4: np.int32, 2: np.int16, 1: np.int8}
_KIND = id_of("kind", np.dtype(DTYPES["kind"]).str)
_FACTS = {id_of(fact): index for index, fact in enumerate(FACTS[:HOP_FACTS])}

Matrix = npt.NDArray[Any]


class ForeignHopError(UserError):
    """A hop message that this release, or this model's topology, cannot read."""


class Hopped(NamedTuple):
    """New events of a hop's messages, and the number of those met before."""

    events: Events
    repeats: int


class _Piece(NamedTuple):
    """One message, its matrices in the order of the reader's layout: a row a column, an event a column.

    `scored` bool (n,): of which events there are features and strings, in their order.
    """

    slot: int
    whole: dict[int, Matrix]
    facts: npt.NDArray[np.int64]
    scored: npt.NDArray[np.bool_]
    features: npt.NDArray[np.float32]
    strings: Strings


class HopCodec:
    """Messages into `node`, between nodes of `partitions` partitions each, for events that `model` judges."""

    def __init__(self, topology: Topology, node: str, model: Model | None, partitions: int) -> None:
        self.partitions = partitions
        self.layout = Layout.into(topology, node, model)
        self._features = np.array(self.layout.features, np.int64)
        self._scored = np.isin(np.arange(len(KINDS)), self.layout.kinds)
        self._names = {width: self.layout.of_width(width) for width in WIDTHS}
        self._known = {self.layout.head: self.layout.carried}

    def encode(
        self, slot: int, events: Events, which: npt.NDArray[np.int64], key: npt.NDArray[np.uint64]
    ) -> Iterator[tuple[int, bytes]]:
        """(target partition, message) of the events at the indices `which` int64 (k,), in order within a partition.

        `slot` names the upstream partition, `key` uint64 (k,) decides the target.
        """
        if not len(which):
            return
        target = target_partitions(key, self.partitions)
        order = np.argsort(target, kind="stable")
        target, order = target[order], which[order]
        batch, facts = events.batch, events.facts[order, :HOP_FACTS]
        known = np.flatnonzero(facts.any(axis=0))
        whole = {width: self._matrix(width, batch, order) for width in WIDTHS}
        whole[8] = np.concatenate((whole[8], facts[:, known].T))
        scored = self._scored[batch.kind[order]]
        rows = order[scored]
        features = np.empty((len(self._features), len(rows)), np.float32)
        _gather(events.X, rows, self._features, features)
        strings = [] if events.strings is None else [texts.select(rows) for texts in events.strings]
        lengths = np.stack([texts.length for texts in strings]) if strings else np.zeros((4, len(rows)), np.int64)
        fixed = sum(width * len(matrix) for width, matrix in whole.items())
        sizes = np.full(len(order), fixed, np.int64)
        sizes[scored] += 4 * len(features) + 2 * len(lengths) + lengths.sum(axis=0)
        before = np.concatenate((np.zeros(1, np.int64), np.cumsum(scored)))
        bits = int((1 << known).sum())
        for begin, end in _cut(target, sizes):
            first, last = int(before[begin]), int(before[end])
            parts = [
                whole[8][:, begin:end],
                features[:, first:last],
                whole[4][:, begin:end],
                lengths[:, first:last].astype(np.uint16),
                whole[2][:, begin:end],
                whole[1][:, begin:end],
                *(texts.select(slice(first, last)).packed() for texts in strings),
            ]
            # `tobytes` alone copies a part of a matrix number by number.
            body = b"".join([np.ascontiguousarray(part).tobytes() for part in parts])
            head = self.layout.head + COUNTS.pack(slot, end - begin, last - first, bits, len(body))
            packed = bytes(cramjam.zstd.compress(body, level=LEVEL))
            yield int(target[begin]), head + CHECK.pack(zlib.crc32(packed, zlib.crc32(head))) + packed

    def _matrix(self, width: int, batch: Batch, order: npt.NDArray[np.int64]) -> Matrix:
        kind = _WHOLE[width]
        columns = [getattr(batch, name).view(kind) for name in self._names[width]]
        if width == 8:
            columns.append(batch.offset * MAX_EVENTS + batch.hop_index)
        return np.stack(columns)[:, order] if columns else np.empty((0, len(order)), kind)

    def decode(self, messages: Sequence[bytes], offsets: Sequence[int], marks: HighWaterMarks) -> Hopped:
        """The new events of `messages`, at `offsets` of the hop, raising `marks`.

        Raises ForeignHopError for a message that it cannot read, before anything changes.
        """
        pieces = [self._open(message) for message in messages]
        if max(piece.slot for piece in pieces) >= len(marks.marks):
            raise ForeignHopError(f"a hop holds messages of more partitions than it has: {_MEND}")
        counts = np.array([len(piece.scored) for piece in pieces])
        whole = {width: np.concatenate([piece.whole[width] for piece in pieces], axis=1) for width in WIDTHS}
        columns = {
            name: whole[width][row].view(DTYPES[name])
            for width in WIDTHS
            for row, name in enumerate(self._names[width])
        }
        n = int(counts.sum())
        fresh = marks.take(np.repeat([piece.slot for piece in pieces], counts).astype(np.int32), whole[8][-1])
        columns["offset"] = np.repeat(np.array(offsets, np.int64), counts)
        columns["hop_index"] = (np.arange(n) - np.repeat(np.cumsum(counts) - counts, counts)).astype(np.int32)
        columns["record"] = np.arange(n, dtype=np.int32)
        batch = Batch(*(columns[name] if name in columns else np.zeros(n, DTYPES[name]) for name in Batch._fields))
        facts = np.zeros((n, len(FACTS)), np.int64)
        facts[:, :HOP_FACTS] = np.concatenate([piece.facts for piece in pieces], axis=1).T
        scored = np.flatnonzero(np.concatenate([piece.scored for piece in pieces]))
        X = np.full((n, self.layout.width), np.nan, np.float32)
        _scatter(np.concatenate([piece.features for piece in pieces], axis=1), scored, self._features, X)
        events = Events(batch, X, facts, _spread(Strings.joined([piece.strings for piece in pieces]), scored, n))
        if fresh.all():
            return Hopped(events, 0)
        kept = events.select(fresh)
        record = np.arange(kept.size, dtype=np.int32)
        return Hopped(kept._replace(batch=kept.batch._replace(record=record)), n - kept.size)

    def _open(self, message: bytes) -> _Piece:
        head, packed = _intact(message)
        carried = self._carried_by(head)
        slot, n, m, bits, size = COUNTS.unpack_from(message, len(head))
        body = cramjam.zstd.decompress(packed, output_len=size)
        take = _Cursor(np.frombuffer(memoryview(body), np.uint8))
        facts = [fact for bit, fact in enumerate(carried.facts) if bits >> bit & 1]
        rows = {width: len(ids) for width, ids in zip(WIDTHS, carried.columns, strict=True)}
        whole = {8: take(rows[8] + 1 + len(facts), n, np.int64)}
        features = take(len(carried.features), m, np.float32)
        whole[4] = take(rows[4], n, np.int32)
        lengths = take(len(Strings._fields), m, np.uint16).astype(np.int64)
        whole[2], whole[1] = take(rows[2], n, np.int16), take(rows[1], n, np.int8)
        spread = np.zeros((HOP_FACTS, n), np.int64)
        for fact, values in zip(facts, whole[8][rows[8] + 1 :], strict=True):
            if fact in _FACTS:
                spread[_FACTS[fact]] = values
        whole[8] = whole[8][: rows[8] + 1]
        kinds = whole[1][carried.columns[-1].index(_KIND)]
        if kinds.max(initial=0) >= len(KINDS):
            raise ForeignHopError(f"a hop holds events of kinds that only a newer release knows: {_MEND}")
        scored = np.isin(np.arange(len(KINDS)), carried.kinds)[kinds]
        piece = _Piece(slot, whole, spread, scored, features, _strings(take.rest(), lengths))
        return piece if carried is self.layout.carried else self._fitted(piece, carried)

    def _carried_by(self, head: bytes) -> Carried:
        if head not in self._known:
            carried = read_head(head)
            if carried is None or not carried.covers(self.layout.required):
                raise ForeignHopError(
                    "a hop holds messages of another topology, or of a model that looks at fewer features: " + _MEND
                )
            self._known[head] = carried
        return self._known[head]

    def _fitted(self, piece: _Piece, carried: Carried) -> _Piece:
        """A message that carries more, or in another order, cut to this layout; what it may lack is 0."""
        own = self.layout.carried
        whole = {}
        for width, needed, there in zip(WIDTHS, own.columns, carried.columns, strict=True):
            matrix = np.concatenate((piece.whole[width], np.zeros((1, len(piece.scored)), _WHOLE[width])))
            rows = [there.index(column) if column in there else len(matrix) - 1 for column in needed]
            whole[width] = matrix[[*rows, len(there)] if width == 8 else rows]
        kept = self._scored[whole[1][self._names[1].index("kind")]][piece.scored]
        features = piece.features[[carried.features.index(feature) for feature in own.features]][:, kept]
        scored = piece.scored.copy()
        scored[piece.scored] = kept
        return piece._replace(whole=whole, features=features, scored=scored, strings=piece.strings.select(kept))


_MEND = "let a worker with that one finish them, or begin anew with `kozamori state reset`"


def _intact(message: bytes) -> tuple[bytes, memoryview]:
    """The header that names a message's layout, and its body as it is packed."""
    head = head_of(message)
    at = len(head) + COUNTS.size
    if not head or len(message) < at + CHECK.size:
        raise ForeignHopError(f"{len(message)} bytes, not a hop message of this release: {_MEND}")
    packed = memoryview(message)[at + CHECK.size :]
    if zlib.crc32(packed, zlib.crc32(message[:at])) != CHECK.unpack_from(message, at)[0]:
        raise ForeignHopError(f"a hop message of {len(message)} bytes is damaged: {_MEND}")
    return head, packed


class _Cursor:
    """Cuts matrices off a buffer, one after another."""

    def __init__(self, body: npt.NDArray[np.uint8]) -> None:
        self._at = 0
        self._body = body

    def __call__(self, rows: int, columns: int, kind: Any) -> Matrix:
        begin, count = self._at, rows * columns
        self._at += count * np.dtype(kind).itemsize
        cut: Matrix = self._body[begin : self._at].view(kind)
        return cut.reshape(rows, columns)

    def rest(self) -> npt.NDArray[np.uint8]:
        """What is left."""
        return self._body[self._at :]


def _strings(data: npt.NDArray[np.uint8], lengths: npt.NDArray[np.int64]) -> Strings:
    """Strings that lie end to end, field by field; `lengths` (fields, m)."""
    ends = np.cumsum(lengths.reshape(-1)).reshape(lengths.shape)
    return Strings._make(Texts(data, end - length, length) for end, length in zip(ends, lengths, strict=True))


def _spread(strings: Strings, which: npt.NDArray[np.int64], n: int) -> Strings:
    """Those of `n` events, of which the ones at `which` have some."""
    if len(which) == n:
        return strings

    def spread(texts: Texts) -> Texts:
        begin, length = np.zeros(n, np.int64), np.zeros(n, np.int64)
        begin[which], length[which] = texts.begin, texts.length
        return Texts(texts.data, begin, length)

    return Strings._make(map(spread, strings))


def target_partitions(key: npt.NDArray[np.uint64], partitions: int) -> npt.NDArray[np.int64]:
    """The hop partition of each key, int64 (n,): by its upper bits after a multiplication, so that all bits count."""
    mixed = (key ^ (key >> np.uint64(32))) * _GOLDEN
    return ((mixed >> np.uint64(33)) % np.uint64(partitions)).astype(np.int64)


def _cut(target: npt.NDArray[np.int64], sizes: npt.NDArray[np.int64]) -> Iterable[tuple[int, int]]:
    """Stretches of one target that fit into a message, as (begin, end); `target` (n,) is sorted."""
    bounds = np.flatnonzero(np.diff(target, prepend=-1, append=-1))
    for begin, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        ends = np.cumsum(sizes[begin:stop])
        start = 0
        while start < stop - begin:
            before = int(ends[start - 1]) if start else 0
            fits = int(np.searchsorted(ends, before + MAX_BODY_BYTES, side="right"))
            end = min(max(fits, start + 1), start + MAX_EVENTS - 1)
            yield begin + start, begin + end
            start = end


@njit(cache=True)
def _gather(X: Any, which: Any, features: Any, out: Any) -> None:
    for i in range(len(which)):
        for j in range(len(features)):
            out[j, i] = X[which[i], features[j]]


@njit(cache=True)
def _scatter(values: Any, which: Any, features: Any, X: Any) -> None:
    for i in range(len(which)):
        for j in range(len(features)):
            X[which[i], features[j]] = values[j, i]
