"""The changelog's records: rows under key + writer, a header that names the input log, and their recovery.

A record's key is the row's key and the id of the task that wrote it (PROTOCOL rule 8), its value the row's bytes.
Recovery keeps, per key, the row with the greatest position. Tombstones may be taken late there, or never: they only
ever remove rows that are superseded or expired, so that a log in which they were never written means the same.
"""

from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from detector.contract.records import Records
from detector.contract.texts import Texts
from detector.core.rows import PackedRows
from detector.core.stage import Stage
from detector.errors import UserError
from detector.stream.packed import Packed, Record
from detector.stream.pairs import KEY, Pairs

HEADER_KEY = b"header"
#: Recovered rows that were deleted since make place once they are this part of all.
DELETED_SHARE = 0.25
#: What rows of every release begin with.
HEAD = np.dtype({"names": ["version", "kernel"], "formats": ["<u2", "<u4"], "offsets": [0, 4], "itemsize": 8})

Rows = npt.NDArray[Any]  # structured, the stage's row dtype


class Header(msgspec.Struct, frozen=True):
    """Which log the offsets in a changelog partition belong to (PROTOCOL rule 9).

    `warming`: its rows are being filled from a history, and are not whole yet.
    """

    topic: str
    topic_id: str
    partitions: int
    stage: str
    v: int = 1
    warming: bool = False


def encode_header(header: Header) -> Record:
    """The header as a changelog record."""
    return HEADER_KEY, msgspec.json.encode(header)


def decode_header(value: bytes) -> Header:
    """The header in `value`; `UserError` where it is not one this release reads."""
    try:
        return msgspec.json.decode(value, type=Header)
    except msgspec.DecodeError as error:
        raise UserError(f"the changelog's header cannot be read ({error}): see `kozamori state show`") from error


def encode_keys(keys: npt.NDArray[np.uint64], writers: npt.NDArray[np.uint64] | int) -> npt.NDArray[Any]:
    """The record keys of `n` rows, `KEY` (n,)."""
    packed = np.empty(len(keys), KEY)
    packed["key"] = keys
    packed["writer"] = writers
    return packed


def encode_rows(rows: Rows, writer: int) -> Packed:
    """One changelog record a row, in the order of `rows`, which never change afterwards."""
    return Packed.of(encode_keys(rows["key"], writer), rows)


def encode_tombstones(keys: npt.NDArray[np.uint64], writers: npt.NDArray[np.uint64] | int) -> Packed:
    """One tombstone a pair of key and writer."""
    return Packed.of(encode_keys(keys, writers), None)


def no_pairs() -> npt.NDArray[Any]:
    """Pairs of key and writer, none."""
    return np.empty(0, KEY)


class Superseded:
    """Rows of other writers met at recovery, to be deleted once this task's own row for the key is durable.

    `pairs` of key and writer, in any order, any number of times.
    """

    def __init__(self, pairs: npt.NDArray[Any]) -> None:
        # By columns: numpy sorts structured arrays four times as slowly, and the worker's other tasks wait for it.
        keys, writers = np.ascontiguousarray(pairs["key"]), np.ascontiguousarray(pairs["writer"])
        order = np.lexsort((writers, keys))
        keys, writers = keys[order], writers[order]
        first = np.ones(len(pairs), bool)
        first[1:] = (keys[1:] != keys[:-1]) | (writers[1:] != writers[:-1])
        self._keys, self._writers = keys[first], writers[first]
        self._left = np.ones(len(self._keys), bool)

    def take(self, keys: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
        """Pairs (keys, writers) recorded for `keys`, each returned once."""
        low = np.searchsorted(self._keys, keys, "left")
        counts = np.searchsorted(self._keys, keys, "right") - low
        first = np.repeat(low - np.concatenate(([0], np.cumsum(counts)[:-1])), counts) if len(keys) else low
        indices = first + np.arange(len(first))
        indices = indices[self._left[indices]]
        self._left[indices] = False
        return self._keys[indices], self._writers[indices]


class Recovery:
    """Builds the rows of one partition from slices of its changelog, in log order, however long that goes on."""

    def __init__(self, stage: Stage) -> None:
        self.rows = PackedRows(stage.row)
        self.header: Header | None = None
        self._stage = stage
        self._pairs = Pairs()

    def take(self, records: Records) -> None:
        """Take the next records of the log; `UserError` where a row is not of a kind this release can read."""
        no_header = np.ones(len(records), bool)
        # Keys of rows are longer: hardly one record is looked at.
        for i in np.flatnonzero(records.key_texts.length == len(HEADER_KEY)).tolist():
            if records[i].key == HEADER_KEY:
                self.header = decode_header(records[i].value or b"")
                no_header[i] = False
        if not no_header.all():
            records = records.select(no_header)
        if len(records):
            self._take(records)
        if self._pairs.many:
            self._forget(self._pairs.fold())

    def _take(self, records: Records) -> None:
        deleted = records.value_texts.length < 0
        if not deleted.all():
            rows = records.select(~deleted) if deleted.any() else records
            self._load(rows.value_texts)
        turns = np.flatnonzero(deleted[1:] != deleted[:-1]) + 1
        for begin, end in pairwise([0, *turns.tolist(), len(records)]):
            self._pairs.add(records[begin:end].key_texts.packed().tobytes(), deleted=bool(deleted[begin]))

    def _forget(self, keys: npt.NDArray[np.uint64]) -> None:
        """Let go of rows that have none of these keys, ascending, where they are many."""
        rows = self.rows.rows[: self.rows.count]
        at = np.minimum(np.searchsorted(keys, rows["key"]), max(0, len(keys) - 1))
        there = keys[at] == rows["key"] if len(keys) else np.zeros(len(rows), bool)
        if np.count_nonzero(~there) > DELETED_SHARE * len(rows):
            self.rows = PackedRows(self.rows.dtype)
            self.rows.load(rows[there])

    def superseded(self) -> Superseded:
        """The (key, writer) pairs met, once each."""
        return Superseded(self._pairs.met())

    def _load(self, values: Texts) -> None:
        if values.length.min() < HEAD.itemsize:
            raise UserError(self._foreign("values that are no rows"))
        heads = values._replace(length=np.full_like(values.length, HEAD.itemsize)).packed().view(HEAD)
        kinds = np.stack((heads["version"], heads["kernel"], values.length), axis=1)
        if (kinds == kinds[0]).all():
            self.rows.load(self._read(values, *kinds[0].tolist()))
            return
        for kind in np.unique(kinds, axis=0):
            self.rows.load(self._read(values.select((kinds == kind).all(axis=1)), *kind.tolist()))

    def _read(self, values: Texts, version: int, kernel: int, width: int) -> Rows:
        """Rows of one version and kernel, which are where every release has them."""
        stage = self._stage
        known = sorted({known for known, *_ in stage.row_kinds})
        if version not in known:
            raise UserError(
                f"rows of stage {stage.name} have version {version}, this release reads {', '.join(map(str, known))}:"
                f" run a release that reads version {version}, or reset with `kozamori state reset`"
            )
        kind = version, kernel, width
        if kind not in stage.row_kinds:
            raise UserError(self._foreign(f"rows of version {version} that another kernel wrote"))
        return stage.read_rows(values.packed().tobytes(), kind)

    def _foreign(self, what: str) -> str:
        return (
            f"changelog of stage {self._stage.name} holds {what}:"
            " run the release that wrote them, or reset with `kozamori state reset`"
        )
