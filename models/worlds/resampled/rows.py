"""Events as columns of codes, with the texts behind the codes: a table of events and back."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from detector.contract.vocabulary import AUTHS, KINDS, PURPOSES, RESULTS
from detector.errors import UserError
from models.worlds.world import EVENTS

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
Rng = np.random.Generator

NONE = -1  # code of a field that the event does not have; number of a case that an honest event has
NAMED = ("service", "wallet", "source", "bank", "account", "shop", "shop_category", "counterparty")
WORDS = {"kind": KINDS, "auth": AUTHS, "result": RESULTS, "purpose": PURPOSES}
NUMBERS = ("occurred_at_ms", "wallet_opened_at_ms", "wallet_verified", "amount_yen")
HEX_DIGITS = 16  # of a new id: the shortest account that the contract knows


class Rows(NamedTuple):
    """Columns of `n` events, each int64 (n,).

    Words of the contract are codes of `vocabulary`, other texts are indices in `Names`, both `NONE` where the event
    does not have the field. `wallet` is one of a service: the same id at two services is two wallets. `case` is the
    fraud case and `stage` its stage, `NONE` for honest events.
    """

    kind: Ints
    occurred_at_ms: Ints
    service: Ints
    wallet: Ints
    wallet_opened_at_ms: Ints
    wallet_verified: Ints
    source: Ints
    bank: Ints
    account: Ints
    auth: Ints
    result: Ints
    amount_yen: Ints
    purpose: Ints
    shop: Ints
    shop_category: Ints
    counterparty: Ints
    case: Ints
    stage: Ints

    @property
    def size(self) -> int:
        """Number of events."""
        return len(self.kind)

    def select(self, which: Any) -> Self:
        """The events at `which` (slice, indices or mask), in that order."""
        return self._replace(**{name: column[which] for name, column in self._asdict().items()})


def concatenate(parts: Sequence[Rows]) -> Rows:
    """All events, one part after the other."""
    return Rows(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


class Names:
    """Texts of the ids, by column; new ones are appended, as hex digits drawn from `rng`."""

    def __init__(self, texts: dict[str, list[str]], rng: Rng) -> None:
        self.texts = texts
        self._rng = rng

    def new(self, column: str, n: int) -> Ints:
        """Codes of `n` new ids. An account keeps what stands before the last 16 digits of others: the key's id."""
        known = self.texts[column]
        before = known[0][:-HEX_DIGITS] if column == "account" and known else ""
        first = len(known)
        known += [before + text for text in hex_texts(n, self._rng).to_pylist()]
        return np.arange(first, first + n)

    def append(self, column: str, text: str) -> int:
        """Code of another text, which may stand there already."""
        self.texts[column].append(text)
        return len(self.texts[column]) - 1

    def of(self, column: str, text: str) -> int:
        """Code of this text, which is appended if it is new."""
        known = self.texts[column]
        return known.index(text) if text in known else self.append(column, text)


def hex_texts(n: int, rng: Rng) -> pa.Array:
    """`n` texts of 16 hex digits each, drawn from 64 bits."""
    digits = rng.bytes(8 * n).hex().encode()
    ends = np.arange(n + 1, dtype=np.int32) * HEX_DIGITS
    return pa.StringArray.from_buffers(n, pa.py_buffer(ends), pa.py_buffer(digits))


def rows_of(table: pa.Table, rng: Rng) -> tuple[Rows, Names]:
    """The events of a table of `EVENTS`, honest ones all, in its order, and their texts.

    Columns that a file of account events may leave out are taken as empty; raises UserError for another one missing.
    """
    columns: dict[str, Ints] = {}
    texts: dict[str, list[str]] = {}
    for name in (*NAMED, *WORDS, *NUMBERS):
        if name in NUMBERS:
            columns[name] = _numbers(_column(table, name))
            continue
        column = _column(table, name)
        codes, words = _coded(column.fill_null("") if name == "source" else column)
        if name in WORDS:
            codes = _renumbered(codes, [_code(name, word) for word in words])
        else:
            texts[name] = words
        columns[name] = codes
    columns["wallet"], texts["wallet"] = _at_service(columns["service"], columns["wallet"], texts["wallet"])
    nobody = np.full(table.num_rows, NONE)
    return Rows(**columns, case=nobody, stage=nobody), Names(texts, rng)


def table_of(rows: Rows, names: Names, event_ids: pa.Array) -> pa.Table:
    """The events as a table of `EVENTS`, in their order."""
    columns = []
    for field in EVENTS:
        if field.name == "event_id":
            column = event_ids
        elif field.name in NUMBERS:
            values = getattr(rows, field.name)
            column = pa.array(values, mask=values == NONE).cast(field.type)
        else:
            codes = getattr(rows, field.name)
            words = WORDS.get(field.name) or names.texts[field.name]
            index = field.type.index_type if pa.types.is_dictionary(field.type) else pa.int32()
            indices = pa.array(codes, mask=codes == NONE).cast(index)
            column = pa.DictionaryArray.from_arrays(indices, pa.array(words, pa.string())).cast(field.type)
        columns.append(column)
    return pa.table(columns, schema=EVENTS)


def in_full(table: pa.Table) -> pa.Table:
    """The events with all columns of `EVENTS`, in its types."""
    return pa.table(
        [
            _column(table, field.name)
            .cast(pa.string() if pa.types.is_dictionary(field.type) else field.type)
            .cast(field.type)
            for field in EVENTS
        ],
        schema=EVENTS,
    )


def _column(table: pa.Table, name: str) -> pa.ChunkedArray:
    if name in table.column_names:
        return table[name]
    if name in ("shop", "shop_category", "counterparty"):
        return pa.chunked_array([pa.nulls(table.num_rows, pa.string())])
    raise UserError(f"the history has no column {name}: give an events file with the contract's fields")


def _numbers(column: pa.ChunkedArray) -> Ints:
    return np.asarray(column.cast(pa.int64()).fill_null(NONE).to_numpy(), np.int64)


def _coded(column: pa.ChunkedArray) -> tuple[Ints, list[str]]:
    """Codes by order of first appearance, and the texts; the empty text stays one."""
    encoded = column.cast(pa.string()).combine_chunks().dictionary_encode()
    if isinstance(encoded, pa.ChunkedArray):
        encoded = encoded.combine_chunks()
    return np.asarray(encoded.indices.fill_null(NONE).to_numpy(), np.int64), encoded.dictionary.to_pylist()


def _code(name: str, word: str) -> int:
    """Code of a word of the contract; the empty one is none."""
    if word and word not in WORDS[name]:
        raise UserError(f"the history has a {name} {word!r}, expected one of {', '.join(WORDS[name])}")
    return WORDS[name].index(word) if word else NONE


def _renumbered(codes: Ints, to: list[int]) -> Ints:
    return np.array([*to, NONE])[codes]  # NONE, the last index, stays NONE


def _at_service(service: Ints, wallet: Ints, words: list[str]) -> tuple[Ints, list[str]]:
    pairs, codes = np.unique(service * len(words) + wallet, return_inverse=True)
    return codes.astype(np.int64), [words[pair % len(words)] for pair in pairs.tolist()]
