"""Columns of an Arrow table as numpy: texts as distinct words and indices, numbers with a mask of present values."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from detector.contract.hashing import hash64_many
from detector.contract.keys import wallet_keys
from detector.errors import UserError


class Text(NamedTuple):
    """`n` texts: `words[indices[i]]` is the i-th; an absent one is ""."""

    words: list[str]
    indices: npt.NDArray[np.int64]

    def each(self, function: Callable[[str], int]) -> npt.NDArray[np.int64]:
        """The function's value for each text; called once for each distinct word."""
        values: npt.NDArray[np.int64] = np.fromiter(map(function, self.words), np.int64, len(self.words))[self.indices]
        return values

    def hashes(self) -> npt.NDArray[np.uint64]:
        """`hash64` of each text."""
        return hash64_many(self.words)[self.indices]


def at_service(service: Text, wallet: Text) -> Text:
    """The keys of wallets at their services, both (n,)."""
    pair = service.indices * len(wallet.words) + wallet.indices
    pairs, indices = np.unique(pair, return_inverse=True)
    services, wallets = (indices.tolist() for indices in np.divmod(pairs, len(wallet.words)))
    names, ids = [service.words[i] for i in services], [wallet.words[i] for i in wallets]
    return Text(wallet_keys(names, ids), indices)


def text(table: pa.Table, field: str, name: str) -> Text:
    """The column of texts; all absent where the table has no such column. Raises UserError for another type."""
    size = table.num_rows
    if field not in table.column_names or pa.types.is_null(table[field].type):
        return Text([""], np.zeros(size, np.int64))
    column = table[field]
    if not pa.types.is_dictionary(column.type):
        if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
            raise UserError(f"{name}: column `{field}` holds {column.type}, expected text; convert it")
        column = column.dictionary_encode()
    column = column.unify_dictionaries().combine_chunks()
    if isinstance(column, pa.ChunkedArray):  # of a table without rows
        return Text([""], np.zeros(size, np.int64))
    kind = column.type.value_type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)):
        raise UserError(f"{name}: column `{field}` holds {kind}, expected text; convert it")
    dictionary, indices = (
        column.dictionary,
        column.indices.fill_null(len(column.dictionary)).to_numpy().astype(np.int64),
    )
    if len(dictionary) > size:  # of a slice: most words belong to rows outside
        used, indices = np.unique(indices, return_inverse=True)
        absent = len(dictionary)
        dictionary = dictionary.take(pa.array(used[used < absent]))
    return Text([*dictionary.to_pylist(), ""], indices)


def numbers(table: pa.Table, field: str, name: str) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """The column of numbers or booleans, 0 where absent, and a mask of the present values.

    Raises UserError for another type. `wallet_verified` takes booleans only, the other columns numbers only.
    """
    size = table.num_rows
    if field not in table.column_names or pa.types.is_null(table[field].type):
        return np.zeros(size, np.int64), np.zeros(size, np.bool_)
    column = table[field]
    wants_truth = field == "wallet_verified"
    kind = column.type
    right = pa.types.is_boolean(kind) if wants_truth else pa.types.is_integer(kind) or pa.types.is_floating(kind)
    if not right:
        expected = "true or false" if wants_truth else "whole numbers"
        raise UserError(f"{name}: column `{field}` holds {kind}, expected {expected}; convert it")
    known = pc.is_valid(column).to_numpy(zero_copy_only=False).astype(np.bool_)
    values = pc.fill_null(column, False if wants_truth else 0).to_numpy(zero_copy_only=False)
    if values.dtype.kind == "f":
        known &= np.isfinite(values)
        values = np.where(known, values, 0.0)
    return values, known
