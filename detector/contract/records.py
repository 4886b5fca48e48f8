"""Records of a log as columns: a Python object is made only for a record that is looked at."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Self, overload

import numpy as np
import numpy.typing as npt

from detector.contract.texts import Texts

Numbers = npt.NDArray[np.int64]

UNKNOWN = -1  # time of a record of Kafka's oldest format


class Record(NamedTuple):
    """One record; `timestamp` in epoch ms, below 0 if unknown."""

    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None


@dataclass(frozen=True, slots=True, eq=False)
class Records(Sequence[Record]):
    """`n` records of one partition in offset order, their keys and values spans of one buffer.

    `data` uint8, read-only, of any length; `offset` and `timestamp_ms` int64 (n,); `spans` int64 (4, n): begin and
    length of the key, begin and length of the value, a length of -1 where there is none.
    """

    data: npt.NDArray[np.uint8]
    offset: Numbers
    timestamp_ms: Numbers
    spans: Numbers

    @classmethod
    def of(cls, records: Sequence[Any]) -> Self:
        """Columns of objects with `offset`, `timestamp`, `key` and `value`; columns as they are."""
        if isinstance(records, cls):
            return records
        return cls.from_lists(
            [record.value for record in records],
            [record.key for record in records],
            np.array([record.offset for record in records], np.int64),
            np.array([UNKNOWN if record.timestamp is None else record.timestamp for record in records], np.int64),
        )

    @classmethod
    def from_lists(
        cls, values: Sequence[bytes | None], keys: Sequence[bytes | None], offset: Numbers, timestamp_ms: Numbers
    ) -> Self:
        """Columns of keys and values in one buffer."""
        parts = [*keys, *values]
        length = np.array([-1 if part is None else len(part) for part in parts], np.int64)
        size = np.maximum(length, 0)
        begin, n = np.cumsum(size) - size, len(values)
        data = np.frombuffer(b"".join(part for part in parts if part), np.uint8)
        return cls(data, offset, timestamp_ms, np.stack((begin[:n], length[:n], begin[n:], length[n:])))

    def __len__(self) -> int:
        return len(self.offset)

    @overload
    def __getitem__(self, which: int) -> Record: ...
    @overload
    def __getitem__(self, which: slice) -> Self: ...
    def __getitem__(self, which: Any) -> Any:
        if isinstance(which, slice):
            return self.select(which)
        key_begin, key_length, value_begin, value_length = self.spans[:, which].tolist()
        return Record(
            int(self.offset[which]),
            int(self.timestamp_ms[which]),
            self._span(key_begin, key_length),
            self._span(value_begin, value_length),
        )

    def select(self, which: Any) -> Self:
        """The records at `which` (slice, index array or mask), over the same buffer."""
        spans = np.ascontiguousarray(self.spans[:, which])
        return type(self)(self.data, self.offset[which], self.timestamp_ms[which], spans)

    @property
    def key_texts(self) -> Texts:
        """The keys as spans; those that are not there have a length of -1."""
        return Texts(self.data, self.spans[0], self.spans[1])

    @property
    def value_texts(self) -> Texts:
        """The values, as `key_texts`."""
        return Texts(self.data, self.spans[2], self.spans[3])

    def keys(self) -> list[bytes | None]:
        """The keys."""
        return [self._span(begin, length) for begin, length in self.spans[:2].T.tolist()]

    def values(self) -> list[bytes | None]:
        """The values."""
        return [self._span(begin, length) for begin, length in self.spans[2:].T.tolist()]

    def _span(self, begin: int, length: int) -> bytes | None:
        return None if length < 0 else self.data[begin : begin + length].tobytes()
