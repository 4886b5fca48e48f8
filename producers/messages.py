"""Tables to messages: the JSON of each event."""

from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from detector.contract.vocabulary import KINDS

_COMMON = (
    "event_id",
    "kind",
    "occurred_at_ms",
    "service",
    "wallet",
    "wallet_opened_at_ms",
    "wallet_verified",
    "source",
)
#: Fields of each kind, in the order they are written.
FIELDS: dict[str, tuple[str, ...]] = {
    "link": (*_COMMON, "bank", "account", "auth", "result"),
    "unlink": (*_COMMON, "bank", "account"),
    "debit": (*_COMMON, "bank", "account", "result", "amount_yen", "purpose"),
    "open": _COMMON,
    "payment": (*_COMMON, "amount_yen", "shop", "shop_category"),
    "transfer": (*_COMMON, "amount_yen", "counterparty"),
    "payout": (*_COMMON, "amount_yen"),
}
assert set(FIELDS) == set(KINDS)

_ENCODE = msgspec.json.Encoder().encode


def values_of(table: pa.Table) -> list[bytes]:
    """The JSON message of each row, in order."""
    columns = {name: column_values(table[name]) for name in table.column_names}
    kinds = np.array(columns["kind"], object)
    values: list[bytes] = [b""] * table.num_rows
    for kind, fields in FIELDS.items():
        indices = np.flatnonzero(kinds == kind).tolist()
        picked = [[columns[name][i] for i in indices] for name in fields] if indices else []
        for index, row in zip(indices, zip(*picked, strict=True), strict=True):
            values[index] = _ENCODE(dict(zip(fields, row, strict=True)))
    return values


def column_values(column: pa.ChunkedArray) -> list[Any]:
    """The column as Python values; a text that repeats is made once."""
    values: list[Any] = []
    for chunk in column.chunks:
        if isinstance(chunk, pa.DictionaryArray) and len(chunk.dictionary) <= len(chunk):
            words = [*chunk.dictionary.to_pylist(), None]  # the last is what -1 picks
            values += [words[i] for i in chunk.indices.fill_null(-1).to_pylist()]
        else:
            values += (chunk.dictionary_decode() if isinstance(chunk, pa.DictionaryArray) else chunk).to_pylist()
    return values
