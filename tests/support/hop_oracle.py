"""Hop messages as they were made before kernels wrote them, column by column with numpy: the kernels equal them."""

import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import cramjam
import numpy as np
import numpy.typing as npt

from detector.core.events import Events
from detector.core.stage import HOP_FACTS
from detector.stream.high_water import MAX_EVENTS
from detector.stream.hop_codec import LEVEL, HopCodec
from detector.stream.hop_head import WIDTHS
from detector.stream.hop_layout import CHECK, COUNTS
from detector.stream.hop_writer import MAX_BODY_BYTES, target_partitions

_WHOLE = {8: np.int64, 4: np.int32, 2: np.int16, 1: np.int8}


def encode(
    codec: HopCodec, slot: int, events: Events, which: npt.NDArray[np.int64], key: npt.NDArray[np.uint64]
) -> Iterator[tuple[int, bytes]]:
    """What `codec.encode` gives."""
    if not len(which):
        return
    layout = codec.layout
    target = target_partitions(key, codec.partitions)
    order = np.argsort(target, kind="stable")
    target, order = target[order], which[order]
    batch, facts = events.batch, events.facts[order, :HOP_FACTS]
    known = np.flatnonzero(facts.any(axis=0))
    whole: dict[int, Any] = {}
    for width in WIDTHS:
        columns = [getattr(batch, name).view(_WHOLE[width]) for name in layout.of_width(width)]
        if width == 8:
            columns.append(batch.offset * MAX_EVENTS + batch.hop_index)
        whole[width] = np.stack(columns)[:, order] if columns else np.empty((0, len(order)), _WHOLE[width])
    whole[8] = np.concatenate((whole[8], facts[:, known].T))
    scored = np.isin(batch.kind[order], layout.kinds)
    rows = order[scored]
    features = events.X[rows[:, None], np.array(layout.features, np.int64)].T
    strings = [] if events.strings is None else [texts.select(rows) for texts in events.strings]
    lengths = np.stack([texts.length for texts in strings]) if strings else np.zeros((4, len(rows)), np.int64)
    sizes = np.full(len(order), sum(width * len(matrix) for width, matrix in whole.items()), np.int64)
    sizes[scored] += 4 * len(features) + 2 * len(lengths) + lengths.sum(axis=0)
    before = np.concatenate((np.zeros(1, np.int64), np.cumsum(scored)))
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
        body = b"".join(np.ascontiguousarray(part).tobytes() for part in parts)
        head = layout.head + COUNTS.pack(slot, end - begin, last - first, int((1 << known).sum()), len(body))
        packed = bytes(cramjam.zstd.compress(body, level=LEVEL))
        yield int(target[begin]), head + CHECK.pack(zlib.crc32(packed, zlib.crc32(head))) + packed


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
