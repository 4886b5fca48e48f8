"""One fixed-size state row per key, packed in one structured array, found by an open-addressing index.

There is no Python object per key. Pages of the arrays are touched only when rows fill them, so memory grows with the
rows, not with the capacity; growing copies once, at every doubling.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba import njit

from detector.contract.loads import copy_row

FIRST_CAPACITY = 1024  # 256 KiB of rows: small compared with the rest of a worker
#: Index slots per row of capacity: a load of at most one half keeps linear probing at 1.5 probes a hit.
SLOTS_PER_ROW = 2
#: Capacity is halved when a sweep leaves less than this part of it in use, so that free rows remain afterwards.
SHRINK_BELOW = 0.25

# A slot is 0 if empty, else the upper half of the key's hash over the row's number + 1: a probe recognises another key
# without reading its row.
_LOW = np.uint64(0xFFFFFFFF)
_HALF = np.uint64(32)
_ZERO = np.uint64(0)
_ONE = np.uint64(1)
# Finalizer of splitmix64 (Steele, Lea & Flood, Fast splittable pseudorandom number generators, 2014).
_SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))
_FACTORS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))

Rows = npt.NDArray[Any]  # structured, the stage's row dtype


class Dirty(NamedTuple):
    """Rows changed since the last checkpoint, as kernels take them.

    `listed` int32 (capacity,): 0 for a clean row, else 1 + its index in `ids`; `ids` int32 (capacity,): row numbers in
    the order of their first change, `size` int64 (1,) of them.
    """

    listed: npt.NDArray[np.int32]
    ids: npt.NDArray[np.int32]
    size: npt.NDArray[np.int64]


class PackedRows:
    """Rows of one partition, by 64-bit key.

    `rows` (capacity,) holds `count` rows; the rest is zero. A row's number stays valid until the next `locate`
    of unknown keys (which may replace the array `rows`, not the numbers) and until the next `expire` (which may move
    rows). Keys need not be well mixed: the index mixes them.
    """

    def __init__(self, dtype: np.dtype[Any], first_capacity: int = FIRST_CAPACITY) -> None:
        self.count = 0
        self._first_capacity = first_capacity
        self._allocate(first_capacity, dtype)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The row's dtype."""
        return self.rows.dtype

    @property
    def dirty_count(self) -> int:
        """Number of dirty rows."""
        return int(self.dirty.size[0])

    @property
    def nbytes(self) -> int:
        """Bytes in use: rows filled, index and dirty set."""
        return self.count * (self.dtype.itemsize + 8) + self._slots.nbytes

    def locate(self, keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
        """Row numbers of `keys` (n,); unknown keys get empty rows: key set, `last_offset` −1, all else 0."""
        ids = np.empty(len(keys), np.int64)
        done = 0
        while True:
            done, self.count = _locate(self._slots, self.rows, self.count, keys, done, ids)
            if done == len(keys):
                return ids
            self._resize(2 * len(self.rows))

    def find(self, keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
        """Row numbers of `keys` (n,), −1 where unknown."""
        ids = np.empty(len(keys), np.int64)
        _find(self._slots, self.rows, keys, ids)
        return ids

    def load(self, rows: Rows) -> None:
        """Insert copies of `rows`; of rows with equal keys the one with the greatest position stays."""
        if rows.dtype != self.dtype:
            raise ValueError(
                f"rows of {rows.dtype.itemsize} bytes with fields {rows.dtype.names}, not {self.dtype.names}"
            )
        done = 0
        while True:
            done, self.count = _load(self._slots, self.rows, self.count, rows, done)
            if done == len(rows):
                return
            self._resize(2 * len(self.rows))

    def mark_dirty(self, row_ids: npt.NDArray[np.int64]) -> None:
        """Mark these rows as dirty."""
        _mark(self.dirty, np.ascontiguousarray(row_ids, np.int64))

    def take_dirty(self) -> Rows:
        """Copies of the dirty rows in the order of their first change; they are clean afterwards."""
        ids = self.dirty.ids[: self.dirty_count]
        taken = self._take(ids)
        self.dirty.listed[ids] = 0
        self.dirty.size[0] = 0
        return taken

    def expire(self, watermark_ms: int, ttl_ms: int, committed_offset: int) -> npt.NDArray[np.uint64]:
        """Remove rows not seen for longer than `ttl_ms`; their keys.

        Dirty rows and rows whose last event may be replayed (`last_offset ≥ committed_offset`) stay: for a
        replayed event an empty row would look new (PROTOCOL rule 7).
        """
        keys = np.empty(self.count, np.uint64)
        blank = np.zeros(1, self.dtype)
        kept = _expire(
            self._slots, self.rows, self.count, self.dirty, watermark_ms, ttl_ms, committed_offset, blank, keys
        )
        removed, self.count = self.count - kept, kept
        capacity = len(self.rows)
        while capacity > self._first_capacity and kept < SHRINK_BELOW * capacity:
            capacity //= 2
        if capacity < len(self.rows):
            self._resize(capacity)
        return keys[:removed].copy()

    def snapshot(self) -> Rows:
        """Copies of all rows, by ascending key."""
        return self._take(np.argsort(self.rows["key"][: self.count], kind="stable"))

    def _take(self, ids: npt.NDArray[np.integer[Any]]) -> Rows:
        # As plain bytes: numpy copies structured rows field by field.
        return np.take(_as_bytes(self.rows), ids, axis=0).reshape(-1).view(self.dtype)

    def _allocate(self, capacity: int, dtype: np.dtype[Any]) -> None:
        # zeros, not empty: the system allocates zero pages only when they are touched.
        self.rows: Rows = np.zeros(capacity, dtype)
        self.dirty = Dirty(np.zeros(capacity, np.int32), np.zeros(capacity, np.int32), np.zeros(1, np.int64))
        self._slots = np.zeros(SLOTS_PER_ROW * capacity, np.uint64)

    def _resize(self, capacity: int) -> None:
        rows, dirty, count = self.rows, self.dirty, self.count
        self._allocate(capacity, self.dtype)
        _as_bytes(self.rows)[:count] = _as_bytes(rows)[:count]
        self.mark_dirty(dirty.ids[: dirty.size[0]].astype(np.int64))
        _index(self._slots, self.rows, count)


def _as_bytes(rows: Rows) -> npt.NDArray[np.uint8]:
    return rows.view(np.uint8).reshape(len(rows), rows.dtype.itemsize)


@njit(cache=True)
def mark_row(dirty: Any, row_id: int) -> None:
    """Add one row to the dirty set, at most once."""
    if dirty.listed[row_id] == 0:
        dirty.ids[dirty.size[0]] = row_id
        dirty.size[0] += 1
        dirty.listed[row_id] = dirty.size[0]


@njit(cache=True)
def _mark(dirty: Any, row_ids: Any) -> None:
    for row_id in row_ids:
        mark_row(dirty, row_id)


@njit(cache=True)
def _mix(key: Any) -> Any:
    mixed = (key ^ (key >> _SHIFTS[0])) * _FACTORS[0]
    mixed = (mixed ^ (mixed >> _SHIFTS[1])) * _FACTORS[1]
    return mixed ^ (mixed >> _SHIFTS[2])


@njit(cache=True)
def _row_id(entry: Any) -> Any:
    return np.int64(entry & _LOW) - 1


@njit(cache=True)
def _probe(slots: Any, rows: Any, key: Any, mixed: Any) -> Any:
    """Slot of `key`, or the empty slot to insert it."""
    mask = np.uint64(len(slots) - 1)
    slot = mixed & mask
    while True:
        entry = slots[slot]
        if entry == _ZERO or ((entry ^ mixed) >> _HALF == _ZERO and rows[_row_id(entry)].key == key):
            return slot
        slot = (slot + _ONE) & mask


@njit(cache=True)
def _entry(mixed: Any, row_id: int) -> Any:
    return (mixed & ~_LOW) | np.uint64(row_id + 1)


@njit(cache=True)
def _locate(slots: Any, rows: Any, count: int, keys: Any, start: int, ids: Any) -> tuple[int, int]:
    """Assign row numbers to `keys[start:]` until done or full; the number of keys done, and of rows."""
    for i in range(start, len(keys)):
        mixed = _mix(keys[i])
        slot = _probe(slots, rows, keys[i], mixed)
        if slots[slot] == _ZERO:
            if count == len(rows):
                return i, count
            rows[count].key = keys[i]
            rows[count].last_offset = -1
            slots[slot] = _entry(mixed, count)
            count += 1
        ids[i] = _row_id(slots[slot])
    return len(keys), count


@njit(cache=True)
def _find(slots: Any, rows: Any, keys: Any, ids: Any) -> None:
    for i in range(len(keys)):
        ids[i] = _row_id(slots[_probe(slots, rows, keys[i], _mix(keys[i]))])


@njit(cache=True)
def _load(slots: Any, rows: Any, count: int, loaded: Any, start: int) -> tuple[int, int]:
    for i in range(start, len(loaded)):
        new = loaded[i]
        mixed = _mix(new.key)
        slot = _probe(slots, rows, new.key, mixed)
        if slots[slot] == _ZERO:
            if count == len(rows):
                return i, count
            slots[slot] = _entry(mixed, count)
            copy_row(rows, count, loaded, i)
            count += 1
        else:
            row_id = _row_id(slots[slot])
            old = rows[row_id]
            if (new.last_offset, new.last_index) > (old.last_offset, old.last_index):
                copy_row(rows, row_id, loaded, i)
    return len(loaded), count


@njit(cache=True)
def _index(slots: Any, rows: Any, count: int) -> None:
    for row_id in range(count):
        mixed = _mix(rows[row_id].key)
        slots[_probe(slots, rows, rows[row_id].key, mixed)] = _entry(mixed, row_id)


@njit(cache=True)
def _expire(
    slots: Any, rows: Any, count: int, dirty: Any, watermark_ms: int, ttl_ms: int, committed: int, blank: Any, keys: Any
) -> int:
    """Remove expired rows; the count left. Backwards, so that a row moved into a hole was already checked."""
    removed = 0
    for row_id in range(count - 1, -1, -1):
        row = rows[row_id]
        if watermark_ms - row.last_seen_ms > ttl_ms and dirty.listed[row_id] == 0 and row.last_offset < committed:
            keys[removed] = row.key
            removed += 1
            count -= 1
            _free(slots, rows, _probe(slots, rows, row.key, _mix(row.key)))
            if row_id != count:
                _move(slots, rows, dirty, count, row_id)
            copy_row(rows, count, blank, 0)
    return count


@njit(cache=True)
def _free(slots: Any, rows: Any, hole: Any) -> None:
    """Empty a slot, shifting back the entries that were pushed past it, so that there are no tombstones."""
    mask = np.uint64(len(slots) - 1)
    slot = hole
    while True:
        slot = (slot + _ONE) & mask
        if slots[slot] == _ZERO:
            slots[hole] = _ZERO
            return
        home = _mix(rows[_row_id(slots[slot])].key) & mask
        if (slot - home) & mask >= (slot - hole) & mask:
            slots[hole] = slots[slot]
            hole = slot


@njit(cache=True)
def _move(slots: Any, rows: Any, dirty: Any, source: int, target: int) -> None:
    mixed = _mix(rows[source].key)
    slots[_probe(slots, rows, rows[source].key, mixed)] = _entry(mixed, target)
    copy_row(rows, target, rows, source)
    dirty.listed[target] = dirty.listed[source]
    dirty.listed[source] = 0
    if dirty.listed[target]:
        dirty.ids[dirty.listed[target] - 1] = target
