"""Records of fixed sizes in whole buffers: a Python object is made only for a record that is looked at."""

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

#: Key and value; a tombstone has none.
Record = tuple[bytes, bytes | None]


class Part(NamedTuple):
    """`n` records with keys of one size and values of one size.

    `keys` uint8 (n, bytes of a key), `values` uint8 (n, bytes of a value), C-contiguous, never changed; no `values`:
    tombstones.
    """

    keys: npt.NDArray[np.uint8]
    values: npt.NDArray[np.uint8] | None

    def records(self) -> Iterator[Record]:
        """Key and value of each."""
        for i in range(len(self.keys)):
            yield self.keys[i].tobytes(), None if self.values is None else self.values[i].tobytes()


class Packed(Iterable[Record]):
    """The records of several parts, in order."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self.parts = tuple(parts)

    @classmethod
    def of(cls, keys: npt.NDArray[Any], values: npt.NDArray[Any] | None) -> Self:
        """One part over structured arrays (n,), without a copy where they are contiguous."""
        return cls([Part(_bytes_of(keys), None if values is None else _bytes_of(values))])

    @classmethod
    def joined(cls, several: Iterable[Self]) -> Self:
        """All records, in order."""
        return cls(part for one in several for part in one.parts)

    def __iter__(self) -> Iterator[Record]:
        return chain.from_iterable(part.records() for part in self.parts)


def _bytes_of(items: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    return np.ascontiguousarray(items).view(np.uint8).reshape(len(items), items.dtype.itemsize)
