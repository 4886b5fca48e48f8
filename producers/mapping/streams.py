"""A text file as UTF-8, whatever it is written in: packed or plain, titles above it, broken bytes counted."""

import codecs
import gzip
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

PIECE_BYTES = 1 << 20
#: Stands for a byte that the encoding does not have.
LOST = "\ufffd"
#: What Python makes of bytes that CP932 does not have: 80, A0, FD to FF.
_NOTHING = re.compile("[\x80\uf8f0-\uf8f3]")
PACKED = ".gz"
SPREADSHEET = ".xlsx"
_ORDERS = {
    "utf-16": ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")),
    "utf-32": ((codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be")),
}


def kind_of(path: Path) -> str:
    """The suffix that tells how a file is written, without that of gzip."""
    return (path.with_suffix("") if path.suffix == PACKED else path).suffix.lower()


def opened(path: Path) -> BinaryIO:
    """The bytes of a file, unpacked where it is packed with gzip; of a spreadsheet those of its rows as CSV."""
    if kind_of(path) == SPREADSHEET:
        from producers.mapping.spreadsheets import as_csv  # its library is for this alone

        return as_csv(path)
    return cast("BinaryIO", gzip.open(path, "rb") if path.suffix == PACKED else path.open("rb"))


class Utf8(io.RawIOBase):
    """The text of `file` as UTF-8 without its first `skip_lines` lines and without a byte order mark.

    A byte that the encoding does not have becomes `LOST`; `broken` are the lines with one, counted from 1 in the whole
    file, in order. Raises EOFError or OSError where a packed file is damaged.
    """

    def __init__(self, file: BinaryIO, encoding: str, skip_lines: int = 0) -> None:
        super().__init__()
        plain = codecs.lookup(encoding).name == "utf-8"
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8-sig" if plain else encoding)("replace")
        self._skip = skip_lines
        self._line = 1  # of the next character
        self._ready = memoryview(b"")
        self.broken: list[int] = []

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: "memoryview | bytearray") -> int:  # type: ignore[override]  # a narrower buffer
        """Fill the buffer with the next bytes; 0 at the end."""
        while not self._ready:
            piece = self._file.read(PIECE_BYTES)
            text = without_nothing(self._decoder.decode(piece, final=not piece))
            self._ready = memoryview(self._taken(text).encode("utf-8", "replace"))
            if not piece and not self._ready:
                return 0
        count = min(len(buffer), len(self._ready))
        buffer[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            self._file.close()
        super().close()

    def _taken(self, text: str) -> str:
        """The text behind the lines to skip, its lines counted."""
        while self._skip and text:
            _, end, text = text.partition("\n")
            if end:
                self._skip -= 1
                self._line += 1
        if LOST in text:
            self._note(text)
        self._line += text.count("\n")
        return text

    def _note(self, text: str) -> None:
        at, line = text.find(LOST), self._line
        start = 0
        while at >= 0:
            line += text.count("\n", start, at)
            if self.broken[-1:] != [line]:
                self.broken.append(line)
            start, at = at, text.find(LOST, at + 1)


def without_nothing(text: str) -> str:
    """The text with `LOST` for what stands for no character."""
    return _NOTHING.sub(LOST, text) if _NOTHING.search(text) else text


def first_line(path: Path, encoding: str, skip_lines: int) -> str:
    """The first line behind those to skip, without its end; "" where there is none."""
    with io.BufferedReader(Utf8(opened(path), encoding, skip_lines)) as text:
        return text.readline().decode().rstrip("\r\n")


def lines_where(path: Path, encoding: str, wanted: Callable[[int], bool]) -> bytes:
    """Lines of a text file as they are, ends included, by their numbers from 1; with its mark of UTF-16 or UTF-32."""
    with opened(path) as file:
        mark, exact = _marked(file.read(4), codecs.lookup(encoding).name)
        file.seek(len(mark))
        end = "\n".encode(exact)
        lines = file if end == b"\n" else _lines(file.read(), end)
        return mark + b"".join(line for number, line in enumerate(lines, 1) if wanted(number))


def _marked(first: bytes, encoding: str) -> tuple[bytes, str]:
    """The byte order mark of a text, and its encoding with that order."""
    for mark, exact in _ORDERS.get(encoding, ()):
        if first.startswith(mark):
            return mark, exact
    return b"", f"{encoding}-le" if encoding in _ORDERS else encoding


def _lines(content: bytes, end: bytes) -> Iterator[bytes]:
    """The lines of a text whose lines end so: behind a whole number of characters of as many bytes."""
    start = at = 0
    while (at := content.find(end, at)) >= 0:
        if at % len(end):
            at += 1
        else:
            at += len(end)
            yield content[start:at]
            start = at
    if start < len(content):
        yield content[start:]
