"""A mapping file, read and checked: which rows of a foreign file are which events, and where each field comes from."""

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from detector.contract.vocabulary import KINDS
from detector.errors import UserError
from producers.mapping.dependence import PRECISIONS, left_out
from producers.mapping.fields import Field, field_of
from producers.mapping.keys import Keys, Problems, as_texts
from producers.mapping.policies import LIMIT, POLICIES, REFUSED, BadRows
from producers.messages import FIELDS

DEFAULT_CASE_HOURS = 24.0  # as alerts of one account are one case for a day


@dataclass(frozen=True, slots=True)
class Input:
    """How the file is written. `nulls` are texts for nothing, beside the empty one.

    `columns` names those of a CSV file without a heading; `skip_lines` are titles above it. `normalize`: full-width
    digits and half-width kana in their usual form. `order` of events: as in the file, or by time.
    """

    delimiter: str = ","
    encoding: str = "utf-8"
    nulls: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    skip_lines: int = 0
    normalize: bool = False
    bad_rows: BadRows = REFUSED
    order: str = "file"


@dataclass(frozen=True, slots=True)
class HashKey:
    """Where the key of the keyed hash is, unless the environment says, and its id."""

    file: Path
    id: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """Rows whose `column` holds one of `values`, or none of them where `wanted` is false."""

    column: str
    values: tuple[str, ...]
    wanted: bool = True


@dataclass(frozen=True, slots=True)
class Events:
    """Rows that meet all `conditions` and belong to no earlier table are events of `kind`."""

    key: str
    kind: str
    conditions: tuple[Condition, ...]
    fields: dict[str, Field]


@dataclass(frozen=True, slots=True)
class LabelRules:
    """Rows that meet `fraud` are of a case: that which `case` names, else those of one account (or wallet) each at most
    `hours` after the one before. A case is of the typology that `typology_column` names in its first row, else
    `typology`.
    """

    fraud: Condition
    by: str
    hours: float
    case: str | None
    typology: str
    typology_column: str | None = None


@dataclass(frozen=True)
class Mapping:
    """A whole mapping file."""

    path: Path
    input: Input
    events: tuple[Events, ...]
    labels: LabelRules | None
    hash_key: HashKey | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of event that it makes, in the order of the vocabulary."""
        return tuple(kind for kind in KINDS if any(events.kind == kind for events in self.events))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Columns of the file that it reads, each once."""
        return tuple(dict.fromkeys(column for column, _ in self.uses()))

    @property
    def missing(self) -> dict[str, str]:
        """Fields that the file does not have, with the policy that fills them."""
        fields = [field for events in self.events for field in events.fields.values()]
        return {field.name: field.missing for field in fields if field.missing is not None}

    @property
    def constant(self) -> tuple[str, ...]:
        """Fields with one constant for all events that have them."""
        found: dict[str, set[str | None]] = {}
        for events in self.events:
            for name, field in events.fields.items():
                found.setdefault(name, set()).add(field.constant)
        return tuple(name for name, values in found.items() if len(values) == 1 and None not in values)

    @property
    def precision(self) -> str:
        """What the times of all its events are fine enough for."""
        found = [events.fields["occurred_at_ms"].time for events in self.events]
        return max((time.precision for time in found if time), key=PRECISIONS.index, default="second")

    @property
    def hashes(self) -> bool:
        """Whether it needs the key of the keyed hash."""
        fields = [field for events in self.events for field in events.fields.values()]
        return any(field.hash != "none" or (field.name, field.missing) == ("account", "wallet") for field in fields)

    def left_out(self) -> dict[str, tuple[str, ...]]:
        """By what is missing, the features that have no basis in such a file."""
        return left_out(self.missing, self.kinds, self.precision, self.constant)

    def left_out_features(self) -> tuple[str, ...]:
        """All of them, each once, in alphabetical order."""
        return tuple(sorted({name for names in self.left_out().values() for name in names}))

    def uses(self) -> Iterator[tuple[str, str]]:
        """Columns and the key that names each."""
        for events in self.events:
            yield from ((condition.column, f"{events.key}.where") for condition in events.conditions)
            fields = [one for field in events.fields.values() for one in (field, *field.parts.values())]
            yield from ((field.column, field.key) for field in fields if field.column)
            yield from ((field.clock, f"{field.key}.clock") for field in fields if field.clock)
            yield from ((column, f"{field.key}.with") for field in fields for column in field.also)
        if self.labels is not None:
            yield self.labels.fraud.column, "labels.fraud"
            named = (("case", self.labels.case), ("typology_column", self.labels.typology_column))
            yield from ((column, f"labels.{key}") for key, column in named if column)


def read_mapping(path: Path) -> Mapping:
    """The mapping in a TOML file; raises UserError that names the key which is wrong."""
    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise UserError(f"there is no file {path}: give a mapping file, see `kozamori mapping example`") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {path} ({type(error).__name__}): give a readable mapping file in UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{path}: no TOML ({error}): correct that line") from None
    keys, problems = Keys(table, str(path)), Problems()
    rows, labels, hash_key, events = Input(), None, None, list[Events]()
    with problems:
        rows = _input(keys.table("input"))
    with problems:
        hash_key = _hash_key(keys.table("hash"), path) if keys.has("hash") else None
    with problems:
        common = keys.take("fields", dict, {})
        for index, one in enumerate(_tables(keys), 1):
            with problems:
                events.append(_events(one, common, keys, f"events[{index}]"))
    with problems:
        labels = _labels(keys.table("labels")) if keys.has("labels") else None
    with problems:
        keys.done()
    problems.tell()
    return Mapping(path, rows, tuple(events), labels, hash_key)


def _tables(keys: Keys) -> list[Any]:
    tables: list[Any] = keys.required("events", list)
    if not tables:
        raise keys.wrong("events", [], "at least one [[events]] table")
    return tables


def _hash_key(keys: Keys, path: Path) -> HashKey:
    made = HashKey(path.parent / keys.required("key_file", str), keys.take("key_id", str, ""))
    keys.done()
    return made


def _input(keys: Keys) -> Input:
    made = Input(
        delimiter=keys.take("delimiter", str, ","),
        encoding=keys.take("encoding", str, "utf-8"),
        nulls=keys.texts("nulls"),
        columns=keys.texts("columns"),
        skip_lines=keys.take("skip_lines", int, 0),
        normalize=keys.take("normalize", bool, False),
        bad_rows=BadRows(keys.choice("bad_rows", POLICIES, "refuse"), keys.take("bad_rows_limit", float, LIMIT)),
        order=keys.choice("order", ("file", "time"), "file"),
    )
    if not 0 <= made.bad_rows.limit <= 1:
        raise keys.wrong("bad_rows_limit", made.bad_rows.limit, "a share of the rows from 0 to 1")
    if made.skip_lines < 0:
        raise keys.wrong("skip_lines", made.skip_lines, "a number of lines")
    if len(made.delimiter) != 1:
        raise keys.wrong("delimiter", made.delimiter, "one character")
    try:
        "".encode(made.encoding)
    except LookupError:
        raise keys.wrong("encoding", made.encoding, "an encoding as utf-8 or cp932") from None
    keys.done()
    return made


def _events(table: object, common: dict[str, Any], file: Keys, key: str) -> Events:
    if not isinstance(table, dict):
        raise file.wrong("events", table, "[[events]] tables")
    keys = Keys(table, file.file, key)
    if not keys.has("kind"):
        raise keys.wrong("kind", None, "one of " + ", ".join(KINDS))
    kind = keys.choice("kind", KINDS, "")
    conditions = (*_conditions(keys, "where", wanted=True), *_conditions(keys, "unless", wanted=False))
    names = [name for name in FIELDS[kind] if name != "kind"]
    own = {name: keys.take(name, dict) for name in names if keys.has(name)}
    keys.done()
    fields, problems = {}, Problems()
    for name in names:
        with problems:
            table, where = (own[name], f"{key}.{name}") if name in own else (common.get(name), f"fields.{name}")
            if table is None:
                raise keys.wrong(
                    name, None, f"the field of a {kind}, here or under [fields]: a column, constant or missing"
                )
            if not isinstance(table, dict):
                raise file.wrong(where, table, 'a table as { column = "…" }')
            fields[name] = field_of(Keys(table, file.file, where), name, kind)
    with problems:
        _check_names(common, file)
    problems.tell()
    if fields["wallet"].missing == "account" and ("account" not in fields or fields["account"].missing == "wallet"):
        raise file.wrong(f"{fields['wallet'].key}.missing", "account", "a column: no account is known here either")
    return Events(key, kind, conditions, fields)


def _check_names(common: dict[str, Any], file: Keys) -> None:
    known = {name for names in FIELDS.values() for name in names} - {"kind"}
    for name in common:
        if name not in known:
            raise file.wrong(f"fields.{name}", name, "a field of the contract: " + ", ".join(sorted(known)))


def _conditions(keys: Keys, key: str, *, wanted: bool) -> Iterator[Condition]:
    table = keys.table(key)
    for column in table.left():
        yield Condition(column, table.texts(column), wanted)


def _labels(keys: Keys) -> LabelRules:
    given = keys.required("fraud", dict)
    if len(given) != 1:
        raise keys.wrong("fraud", given, 'one column with its values, as { is_fraud = "1" }')
    column, values = next(iter(given.items()))
    made = LabelRules(
        fraud=Condition(column, as_texts(values, keys, f"fraud.{column}")),
        by=keys.choice("by", ("account", "wallet"), "account"),
        hours=keys.take("case_hours", float, DEFAULT_CASE_HOURS),
        case=keys.take("case", str),
        typology=keys.take("typology", str, "fraud"),
        typology_column=keys.take("typology_column", str),
    )
    if not made.hours > 0:
        raise keys.wrong("case_hours", made.hours, "hours, more than 0")
    keys.done()
    return made
