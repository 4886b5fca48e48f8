"""What a mapping may say about each field of an event."""

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from detector.contract.events import EARLIEST_MS, END_MS, MAX_IDENTIFIER
from detector.contract.keyed_hash import ACCOUNT_KINDS
from detector.contract.refusals import RULES
from detector.contract.vocabulary import AUTHS, DEBIT_RESULTS, LINK_RESULTS, MAX_AMOUNT_YEN, PURPOSES, SERVICE
from producers.mapping.amounts import ROUNDING, Amount
from producers.mapping.dependence import PRECISIONS
from producers.mapping.japanese import JAPANESE
from producers.mapping.keys import Keys
from producers.mapping.times import AMBIGUOUS, UNITS_MS, Time, precision_of, zone_of

HASHES = ("number", "text", "none")
#: How a field that the file lacks is filled; features that depend on it are left out.
MISSING = {
    "event_id": ("row",),
    "wallet": ("account", "row"),
    "account": ("wallet", "row"),
    "counterparty": ("row",),
    "wallet_opened_at_ms": ("first_seen",),
    "wallet_verified": ("unknown",),
    "source": ("unknown",),
    "auth": ("unknown",),
    "purpose": ("unknown",),
    "shop": ("unknown",),
    "shop_category": ("unknown",),
}
#: Fields with values of a small vocabulary, by kind where it matters.
WORDS: dict[str, tuple[str, ...]] = {
    "auth": AUTHS,
    "purpose": PURPOSES,
    "wallet_verified": ("true", "false"),
    "account_kind": tuple(ACCOUNT_KINDS),
}
#: Constants with a format, and the text for what is expected.
PATTERNS = {
    "bank": ("[0-9]{4}", "four digits, as a text"),
    "branch": ("[0-9]{3}", "three digits, as a text"),
    "service": (SERVICE, RULES["service"].removeprefix("expected ")),
}
#: What distinguishes accounts of one bank with the same number.
ACCOUNT_PARTS = ("branch", "account_kind")
RESULTS = {"link": LINK_RESULTS, "debit": DEBIT_RESULTS}
TIMES = ("occurred_at_ms", "wallet_opened_at_ms")
HASHED = ("account", "wallet", "counterparty", "source")


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an event: from a `column`, a `constant`, or `missing` with the policy that fills it.

    `values` maps what stands in the column to what is meant; what it does not name is `otherwise`, or not understood
    where that is None. `words` are the only values allowed, empty for any text. `parts`: what an account's number is
    hashed with beside its bank, `ACCOUNT_PARTS`. `clock`: a second column, with the time of the day in `column`.
    `also`: further columns of an identifier, which are hashed with it.
    """

    name: str
    key: str
    column: str | None = None
    constant: str | None = None
    missing: str | None = None
    hash: str = "none"
    parts: dict[str, "Field"] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    otherwise: str | None = None
    words: tuple[str, ...] = ()
    time: Time | None = None
    clock: str | None = None
    also: tuple[str, ...] = ()
    amount: Amount | None = None


def field_of(keys: Keys, name: str, kind: str) -> Field:
    """The field `name` of events of `kind`, as its table says; raises UserError that names the key."""
    given = [way for way in ("column", "constant", "missing") if keys.has(way)]
    if len(given) != 1:
        raise keys.wrong("", ", ".join(given) or None, "exactly one of column, constant, missing")
    words = RESULTS[kind] if name == "result" else WORDS.get(name, ())
    plain = Field(name, keys.name(), words=words)
    made = _WAYS[given[0]](keys, plain)
    keys.done()
    return made


def _constant(keys: Keys, plain: Field) -> Field:
    value = keys.texts("constant")
    problem = _of_constant(plain, value[0]) if len(value) == 1 else "one value"
    if problem:
        raise keys.wrong("constant", value[0] if len(value) == 1 else list(value), problem)
    return replace(plain, constant=value[0])


def _of_constant(plain: Field, value: str) -> str | None:
    """What was expected, if `value` is not allowed, else None."""
    if plain.words:
        return None if value in plain.words else "one of " + ", ".join(plain.words)
    if plain.name in PATTERNS:
        pattern, expected = PATTERNS[plain.name]
        return None if re.fullmatch(pattern, value) else expected
    if plain.name in TIMES:
        fits = value.isdigit() and EARLIEST_MS <= int(value) < END_MS
        return None if fits else "epoch milliseconds of the years 2000 to 2099"
    if plain.name == "amount_yen":
        return None if value.isdigit() and 1 <= int(value) <= MAX_AMOUNT_YEN else "a whole number of yen"
    if plain.name in {"event_id", "account"}:
        return f"no constant: `{plain.name}` differs from event to event"
    shortest = 0 if plain.name in {"source", "shop", "shop_category"} else 1
    return None if shortest <= len(value) <= MAX_IDENTIFIER else "a text of 1 to 128 characters"


def _missing(keys: Keys, plain: Field) -> Field:
    policies = MISSING.get(plain.name)
    if policies is None:
        raise keys.wrong("missing", keys.take("missing", str), "a column or a constant: events mean nothing without it")
    return replace(plain, missing=keys.choice("missing", policies, policies[0]))


def _column(keys: Keys, plain: Field) -> Field:
    made = replace(plain, column=keys.required("column", str))
    if plain.name in TIMES:
        clock, time = keys.take("clock", str), _time(keys)
        if clock is not None and time.pattern is None:
            raise keys.wrong("clock", clock, "a `format` that reads the column, a space and the clock")
        return replace(made, clock=clock, time=time)
    if plain.name == "amount_yen":
        return replace(made, amount=_amount(keys))
    if plain.name in HASHED:
        made = replace(made, hash=_hash(keys, plain.name), also=keys.texts("with"))
        if made.also and made.hash != "text":
            raise keys.wrong("with", ", ".join(made.also), 'no such key, or `hash = "text"` beside it')
        return replace(made, parts=_parts(keys)) if made.hash == "number" else made
    if plain.name == "event_id":
        return made
    values = keys.table("values")
    pairs = {code: values.texts(code)[0] for code in values.left()}
    otherwise = keys.texts("otherwise")
    for key, value in [
        *((f"values.{code}", value) for code, value in pairs.items()),
        *(("otherwise", v) for v in otherwise),
    ]:
        if problem := _of_constant(plain, value):
            raise keys.wrong(key, value, problem)
    return replace(made, values=pairs, otherwise=otherwise[0] if otherwise else None)


_WAYS: dict[str, Callable[[Keys, Field], Field]] = {"column": _column, "constant": _constant, "missing": _missing}


def _hash(keys: Keys, name: str) -> str:
    ways = HASHES if name == "account" else HASHES[1:]
    if not keys.has("hash"):
        raise keys.wrong("hash", None, f"one of {', '.join(ways)} (none: it is a keyed hash or made-up already)")
    return keys.choice("hash", ways, ways[0])


def _parts(keys: Keys) -> dict[str, Field]:
    parts = {}
    for name in ACCOUNT_PARTS:
        if not keys.has(name):
            raise keys.wrong(name, None, "a column or a constant: numbers repeat at a bank's branches")
        parts[name] = field_of(keys.table(name), name, "")
    return parts


def _amount(keys: Keys) -> Amount:
    japanese = keys.has("format") and keys.choice("format", (JAPANESE,), JAPANESE) == JAPANESE
    if japanese and (keys.has("decimal") or keys.has("thousands")):
        raise keys.wrong("format", JAPANESE, "neither `decimal` nor `thousands` beside it")
    made = Amount(
        japanese=japanese,
        factor=keys.take("factor", float, 1.0),
        rounding=keys.choice("round", ROUNDING, "half_up"),
        decimal=keys.choice("decimal", (".", ","), "."),
        thousands=keys.choice("thousands", ("", ",", ".", " ", "'"), ""),
    )
    if not made.factor or made.factor != made.factor or abs(made.factor) == float("inf"):
        raise keys.wrong("factor", made.factor, "yen for one unit of the column (negative where outflows are)")
    if made.decimal == made.thousands:
        raise keys.wrong("thousands", made.thousands, "another sign than `decimal`")
    return made


def _time(keys: Keys) -> Time:
    if keys.has("unit") == keys.has("format"):
        raise keys.wrong("", None, "either `unit` (numbers since an origin) or `format` (texts)")
    unit = keys.choice("unit", tuple(UNITS_MS), "ms") if keys.has("unit") else None
    pattern, zone = keys.take("format", str), keys.take("zone", str)
    if zone is not None and zone_of(zone) is None:
        raise keys.wrong("zone", zone, "a time zone as Asia/Tokyo")
    if unit is None:
        aware = "%z" in pattern
        if aware and zone is not None:
            raise keys.wrong("zone", zone, "no zone, as `format` reads the offset (%z)")
        if not aware and zone is None and pattern != "iso8601":
            raise keys.wrong("zone", None, "the time zone of the times, as Asia/Tokyo")
    precision = keys.choice("precision", PRECISIONS, precision_of(unit, pattern))
    ambiguous = keys.choice("ambiguous", AMBIGUOUS, AMBIGUOUS[0])
    return Time(unit, _origin(keys, zone, numeric=unit is not None), pattern, zone, ambiguous, precision)


def _origin(keys: Keys, zone: str | None, *, numeric: bool) -> int:
    """Epoch milliseconds of what numbers count from: 1970 unless the mapping says otherwise."""
    if not numeric or not keys.has("origin"):
        return 0
    text = keys.take("origin", str)
    expected = "a date and time with its offset, as 2020-09-01T00:00:00+09:00, or with `zone` beside it"
    try:
        origin = dt.datetime.fromisoformat(text)
    except ValueError:
        raise keys.wrong("origin", text, expected) from None
    if origin.tzinfo is None:
        if zone is None:
            raise keys.wrong("origin", text, expected)
        origin = origin.replace(tzinfo=zone_of(zone))
    return round(origin.timestamp() * 1000)
