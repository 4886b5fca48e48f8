"""Hop messages of any layout that holds what one's own does, read column by column: those of another release.

Slower than the kernel that reads one's own layout (`hop_reader`), which has to come to the same.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import cramjam
import numpy as np
import numpy.typing as npt

from detector.contract.batch import DTYPES, Batch
from detector.contract.texts import Strings, Texts
from detector.contract.vocabulary import KINDS
from detector.core.events import Events
from detector.core.stage import FACTS, HOP_FACTS
from detector.stream.hop_head import WIDTHS, Carried, id_of, read_head
from detector.stream.hop_layout import COUNTS, Layout
from detector.stream.hop_messages import MEND, NEWER_KIND, ForeignHopError, Message

_KIND = id_of("kind", np.dtype(DTYPES["kind"]).str)
_FACTS = {id_of(fact): index for index, fact in enumerate(FACTS[:HOP_FACTS])}

Matrix = npt.NDArray[Any]
#: Events, and of each its upstream's slot and its position there.
Found = tuple[Events, npt.NDArray[np.int32], npt.NDArray[np.int64]]


class Piece(NamedTuple):
    """One message, its matrices in the order of the reader's layout: a row a column, an event a column.

    `scored` bool (n,): of which events there are features and strings, in their order.
    """

    slot: int
    whole: dict[int, Matrix]
    facts: npt.NDArray[np.int64]
    scored: npt.NDArray[np.bool_]
    features: npt.NDArray[np.float32]
    strings: Strings


class PieceReader:
    """Reads messages into what `layout` needs."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._features = np.array(layout.features, np.int64)
        self._scored = np.isin(np.arange(len(KINDS)), layout.kinds)
        self._names = {width: layout.of_width(width) for width in WIDTHS}
        self._known = {layout.head: layout.carried}

    def read(self, messages: Sequence[bytes], parts: Sequence[Message], offsets: Sequence[int]) -> Found:
        """The events of the messages, at `offsets` of the hop. Raises ForeignHopError for one that it cannot read."""
        pieces = [self.open(message, *part) for message, part in zip(messages, parts, strict=True)]
        counts = np.array([len(piece.scored) for piece in pieces])
        whole = {width: np.concatenate([piece.whole[width] for piece in pieces], axis=1) for width in WIDTHS}
        columns = {
            name: whole[width][row].view(DTYPES[name])
            for width in WIDTHS
            for row, name in enumerate(self._names[width])
        }
        n = int(counts.sum())
        columns["offset"] = np.repeat(np.array(offsets, np.int64), counts)
        columns["hop_index"] = (np.arange(n) - np.repeat(np.cumsum(counts) - counts, counts)).astype(np.int32)
        columns["record"] = np.arange(n, dtype=np.int32)
        facts = np.zeros((n, len(FACTS)), np.int64)
        facts[:, :HOP_FACTS] = np.concatenate([piece.facts for piece in pieces], axis=1).T
        scored = np.flatnonzero(np.concatenate([piece.scored for piece in pieces]))
        X = np.full((n, self._layout.width), np.nan, np.float32)
        X[np.ix_(scored, self._features)] = np.concatenate([piece.features for piece in pieces], axis=1).T
        strings = _spread(Strings.joined([piece.strings for piece in pieces]), scored, n)
        slot = np.repeat([piece.slot for piece in pieces], counts).astype(np.int32)
        return Events(batch_of(columns, n), X, facts, strings), slot, whole[8][-1]

    def open(self, message: bytes, head: bytes, packed: memoryview) -> Piece:
        """One message, which has this header and this packed body."""
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
            raise ForeignHopError(NEWER_KIND)
        scored = np.isin(np.arange(len(KINDS)), carried.kinds)[kinds]
        piece = Piece(slot, whole, spread, scored, features, _strings(take.rest(), lengths))
        return piece if carried is self._layout.carried else self._fitted(piece, carried)

    def _carried_by(self, head: bytes) -> Carried:
        if head not in self._known:
            carried = read_head(head)
            if carried is None or not carried.covers(self._layout.required):
                raise ForeignHopError(
                    "a hop holds messages of another topology, or of a model that looks at fewer features: " + MEND
                )
            self._known[head] = carried
        return self._known[head]

    def _fitted(self, piece: Piece, carried: Carried) -> Piece:
        """A message that carries more, or in another order, cut to this layout; what it may lack is 0."""
        own = self._layout.carried
        whole = {}
        for width, needed, there in zip(WIDTHS, own.columns, carried.columns, strict=True):
            lacking = np.zeros((1, len(piece.scored)), piece.whole[width].dtype)
            matrix = np.concatenate((piece.whole[width], lacking))
            rows = [there.index(column) if column in there else len(matrix) - 1 for column in needed]
            whole[width] = matrix[[*rows, len(there)] if width == 8 else rows]
        kept = self._scored[whole[1][self._names[1].index("kind")]][piece.scored]
        features = piece.features[[carried.features.index(feature) for feature in own.features]][:, kept]
        scored = piece.scored.copy()
        scored[piece.scored] = kept
        return piece._replace(whole=whole, features=features, scored=scored, strings=piece.strings.select(kept))


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


def batch_of(columns: Mapping[str, Matrix], n: int) -> Batch:
    """A batch of `n` events with these columns, the others 0."""
    return Batch(*(columns[name] if name in columns else np.zeros(n, DTYPES[name]) for name in Batch._fields))
