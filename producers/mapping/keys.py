"""Reads TOML tables key by key, so that every error names its key."""

from collections.abc import Iterable
from typing import Any

from detector.errors import UserError

_TYPES = {
    str: "a text",
    bool: "true or false",
    dict: "a table",
    list: "a list",
    float: "a number",
    int: "a whole number",
}


class Problems:
    """Collects errors of several blocks, each in a `with`, so that a person is told all of them at once."""

    def __init__(self) -> None:
        self._told: list[str] = []

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if isinstance(error, UserError):
            self._told += str(error).splitlines()
        return isinstance(error, UserError)

    def tell(self) -> None:
        """Raise one UserError with a line for each, if there was any."""
        if self._told:
            raise UserError("\n".join(dict.fromkeys(self._told)))


class Keys:
    """The keys of one table of a mapping file, taken one by one; `done` rejects what is left."""

    def __init__(self, table: dict[str, Any], file: str, path: str = "") -> None:
        self.file = file
        self.path = path
        self._table = dict(table)
        self._taken: list[str] = []

    def name(self, key: str = "") -> str:
        """The key as one would write it in TOML, with the tables it lies in."""
        return ".".join(part for part in (self.path, key) if part)

    def wrong(self, key: str, got: object, expected: str) -> UserError:
        """The error that says what is wrong with `key`."""
        return UserError(f"{self.file}: `{self.name(key)}`: got {_shown(got)}, expected {expected}; correct the key")

    def has(self, key: str) -> bool:
        """Whether the key is there and not taken yet."""
        return key in self._table

    def take(self, key: str, kind: type, default: Any = None) -> Any:
        """The value of `key`, or `default`; UserError for a value of another type. Whole numbers are numbers."""
        self._taken.append(key)
        if key not in self._table:
            return default
        value = self._table.pop(key)
        whole = isinstance(value, int) and not isinstance(value, bool)
        fits = whole if kind is int else isinstance(value, kind) or (kind is float and whole)
        if not fits:
            raise self.wrong(key, value, _TYPES[kind])
        return float(value) if kind is float else value

    def required(self, key: str, kind: type) -> Any:
        """The same, but UserError where the key is not there."""
        if key not in self._table:
            raise self.wrong(key, None, _TYPES[kind])
        return self.take(key, kind)

    def choice(self, key: str, words: Iterable[str], default: str) -> str:
        """The value of `key`, one of `words`."""
        value = self.take(key, str, default)
        if value not in words:
            raise self.wrong(key, value, "one of " + ", ".join(words))
        return str(value)

    def table(self, key: str) -> "Keys":
        """The table under `key`; an empty one where there is none."""
        return Keys(self.take(key, dict, {}), self.file, self.name(key))

    def texts(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """The texts under `key`, a list or a single one; numbers and truth values as they stand in a file."""
        self._taken.append(key)
        return as_texts(self._table.pop(key), self, key) if key in self._table else default

    def left(self) -> list[str]:
        """Keys not taken yet."""
        return list(self._table)

    def done(self) -> None:
        """Raise UserError for the first key that nobody took."""
        if self._table:
            key = next(iter(self._table))
            raise UserError(
                f"{self.file}: `{self.name(key)}`: no such key, expected {', '.join(self._taken)}; correct or remove it"
            )


def as_texts(value: object, keys: Keys, key: str) -> tuple[str, ...]:
    """One value or a list of them as the texts that a file would hold."""
    values = value if isinstance(value, list) else [value]
    if not values or not all(isinstance(one, str | int | float) for one in values):
        raise keys.wrong(key, value, "a text or a list of texts")
    return tuple(str(one).lower() if isinstance(one, bool) else str(one) for one in values)


def _shown(got: object) -> str:
    return "nothing" if got is None else f"{str(got)[:60]!r}" if isinstance(got, str) else str(got)[:60]
