"""Texts of many events in one buffer: a Python object is made only for a text that is read."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from numba import njit


class Texts(NamedTuple):
    """`n` texts: text i is the UTF-8 `data[begin[i] : begin[i] + length[i]]`.

    `data` uint8, of any length; `begin` and `length` int64 (n,).
    """

    data: npt.NDArray[np.uint8]
    begin: npt.NDArray[np.int64]
    length: npt.NDArray[np.int64]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Self:
        """The texts in one buffer. Raises UnicodeEncodeError for a lone surrogate."""
        data, ends = join(texts)
        begin = np.concatenate((np.zeros(1, np.int64), ends[:-1])) if len(ends) else ends
        return cls(data, begin, ends - begin)

    @classmethod
    def empty(cls, n: int) -> Self:
        """`n` empty texts."""
        return cls(np.empty(0, np.uint8), np.zeros(n, np.int64), np.zeros(n, np.int64))

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """The texts of all parts, in order."""
        before = np.cumsum([0, *(len(part.data) for part in parts)])
        return cls(
            np.concatenate([part.data for part in parts]),
            np.concatenate([part.begin + shift for part, shift in zip(parts, before, strict=False)]),
            np.concatenate([part.length for part in parts]),
        )

    def text(self, i: int) -> str:
        """Text i."""
        begin = int(self.begin[i])
        return bytes(self.data[begin : begin + int(self.length[i])]).decode()

    def select(self, which: Any) -> Self:
        """The texts at `which` (slice, index array or mask), over the same buffer."""
        return self._replace(begin=self.begin[which], length=self.length[which])

    def packed(self) -> npt.NDArray[np.uint8]:
        """The bytes of all texts, end to end, uint8 (sum of lengths,)."""
        out = np.empty(int(self.length.sum()), np.uint8)
        _gather(self.data, self.begin, self.length, out)
        return out


class Strings(NamedTuple):
    """The strings of `n` events that an alert needs; `service` is "" for known services, which have a code."""

    event_id: Texts
    account: Texts
    wallet: Texts
    service: Texts

    def select(self, which: Any) -> Self:
        """The strings of the events at `which`."""
        return type(self)(*(texts.select(which) for texts in self))

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """The strings of all parts, in order."""
        return cls(*(Texts.joined(texts) for texts in zip(*parts, strict=True)))


def join(texts: Sequence[str]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """The UTF-8 of all texts end to end, and the end of each, int64 (n,)."""
    joined = "".join(texts)
    data = joined.encode()
    # Only in ASCII lengths in characters are lengths in bytes.
    lengths = map(len, texts) if len(data) == len(joined) else (len(text.encode()) for text in texts)
    return np.frombuffer(data, np.uint8), np.cumsum(np.fromiter(lengths, np.int64, len(texts)))


@njit(cache=True)
def _gather(data: Any, begin: Any, length: Any, out: Any) -> None:
    at = 0
    for i in range(len(begin)):
        for k in range(length[i]):
            out[at + k] = data[begin[i] + k]
        at += length[i]
