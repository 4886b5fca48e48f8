"""Event tables as batches: the same arrays as the codec decodes from the messages of the same events.

What the codec rejects is rejected here too, with its row; fields that a kind does not have are ignored.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from detector.contract.batch import Batch, concatenate, origin_of
from detector.contract.columns import NO_BANK, is_account
from detector.contract.events import EARLIEST_MS, END_MS, MAX_EVENT_ID, MAX_IDENTIFIER
from detector.contract.refusals import RULES
from detector.contract.services import NO_SERVICE, service_codes
from detector.contract.vocabulary import (
    ABSENT,
    ACCOUNT_EVENTS,
    AUTHS,
    BANKS,
    DEBIT,
    DEBIT_RESULTS,
    KINDS,
    LINK,
    LINK_RESULTS,
    MAX_AMOUNT_YEN,
    OPEN,
    PAYMENT,
    PURPOSES,
    RESULTS,
    TRANSFER,
    UNLINK,
    WALLET_EVENTS,
)
from detector.errors import UserError
from producers.columns import Text, at_service, numbers, text
from producers.files import read_tables

Mask = npt.NDArray[np.bool_]
UNKNOWN = -2  # code of a word that is not in the vocabulary

#: Which events of a file: those of a topic, or of both in the order of the file.
Which = Literal["account", "wallet", "all"]


def read_batches(path: Path, size: int, *, which: Which = "account") -> Iterator[Batch]:
    """Batches of at most `size` events of a file, offsets counted through the file from 0; raises as `to_batches`."""
    row = 0
    for table in read_tables(path):
        yield from to_batches(table, size, first_row=row, which=which, name=str(path))
        row += table.num_rows


def to_table(frame: pd.DataFrame, name: str) -> pa.Table:
    """A frame as a table; raises UserError for a column of several types."""
    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError) as error:
        raise UserError(
            f"{name}: a column mixes types ({str(error).splitlines()[0][:150]}); give one type each"
        ) from None


def to_batches(
    frame: pd.DataFrame | pa.Table, size: int, *, first_row: int = 0, which: Which = "account", name: str = "events"
) -> Iterator[Batch]:
    """Batches of at most `size` events of a frame or table of events, in its order.

    `offset` is the row number, counted from `first_row`, over all events; `record` is the row within `frame`.
    Raises UserError that names the first row (counted from 1) with a value the contract does not allow.
    """
    table = frame if isinstance(frame, pa.Table) else to_table(frame, name)
    parts = [
        _batch(table, _Check(name, first_row), wallet_events=wallet_events)
        for wallet_events in {"account": (False,), "wallet": (True,), "all": (False, True)}[which]
    ]
    whole = parts[0] if len(parts) == 1 else concatenate(parts).select(np.argsort(concatenate(parts).offset))
    whole = whole._replace(offset=whole.offset + first_row, origin_offset=whole.origin_offset + first_row)
    for start in range(0, whole.size, size):
        yield whole.select(slice(start, start + size))


def invalid(table: pa.Table, name: str = "events") -> list[tuple[str, npt.NDArray[np.int64]]]:
    """Rows with a value that the contract does not allow, int64 ascending, by what is wrong with them.

    Raises UserError for a column of another type: no row of it is right.
    """
    check = _Collect(name, 0)
    for wallet_events in (False, True):
        _batch(table, check, wallet_events=wallet_events)
    return [(why, np.unique(np.concatenate(rows))) for why, rows in check.bad.items()]


class _Check:
    """Raises for the first bad row; `rows` are the rows looked at."""

    def __init__(self, name: str, first_row: int) -> None:
        self.name = name
        self.first_row = first_row
        self.rows: npt.NDArray[np.int64] = np.zeros(0, np.int64)

    def all_good(self, field: str, good: Mask) -> None:
        if not good.all():
            row = self.first_row + int(self.rows[np.argmin(good)]) + 1
            raise UserError(
                f"{self.name}, row {row}: `{field}`, {RULES[field]}; correct or remove the row, or leave such rows out"
                " with `--bad-rows skip`"
            )


class _Collect(_Check):
    """Collects all bad rows by what is wrong with them."""

    def __init__(self, name: str, first_row: int) -> None:
        super().__init__(name, first_row)
        self.bad: dict[str, list[npt.NDArray[np.int64]]] = {}

    def all_good(self, field: str, good: Mask) -> None:
        if not good.all():
            self.bad.setdefault(f"`{field}`, {RULES[field]}", []).append(self.rows[~good])


def _batch(table: pa.Table, check: _Check, *, wallet_events: bool) -> Batch:
    check.rows = np.arange(table.num_rows)
    kind = _coded(table, "kind", KINDS, check)
    check.all_good("kind", kind >= 0)
    wanted = np.flatnonzero((kind >= OPEN) == wallet_events)
    check.rows = wanted
    table, kind = table.take(pa.array(wanted)) if len(wanted) < table.num_rows else table, kind[wanted]
    columns = _common(table, check) | (_of_wallets if wallet_events else _of_accounts)(table, kind, check)
    origin = origin_of(WALLET_EVENTS if wallet_events else ACCOUNT_EVENTS, 0)
    batch = Batch(
        offset=wanted.astype(np.int64),
        record=wanted.astype(np.int32),
        kind=kind.astype(np.int8),
        hop_index=np.zeros(len(wanted), np.int32),
        role=np.zeros(len(wanted), np.int8),
        origin=np.full(len(wanted), origin, np.int32),
        origin_offset=wanted.astype(np.int64),
        **columns,
    )
    return batch.select(slice(None))


def _common(table: pa.Table, check: _Check) -> dict[str, npt.NDArray[Any]]:
    """Columns that every event has."""
    service = text(table, "service", check.name)
    codes = service_codes(service.words)[service.indices]
    check.all_good("service", codes != NO_SERVICE)
    verified, known = numbers(table, "wallet_verified", check.name)
    check.all_good("wallet_verified", known)
    return {
        "event_id": _id(table, "event_id", check, longest=MAX_EVENT_ID),
        "occurred_at_ms": _time(table, "occurred_at_ms", check),
        "service": codes,
        "wallet": _wallet(table, "wallet", service, check),
        "wallet_opened_at_ms": _time(table, "wallet_opened_at_ms", check),
        "wallet_verified": verified.astype(np.int8),
        "source": _id(table, "source", check, shortest=0),
    }


def _of_accounts(table: pa.Table, kind: npt.NDArray[np.int8], check: _Check) -> dict[str, npt.NDArray[Any]]:
    """The remaining columns of account events."""
    link, debit = kind == LINK, kind == DEBIT
    bank = text(table, "bank", check.name)
    codes = bank.each(lambda word: BANKS.get(word, NO_BANK))
    check.all_good("bank", codes != NO_BANK)
    account = text(table, "account", check.name)
    check.all_good("account", account.each(is_account) == 1)
    auth = _coded(table, "auth", AUTHS, check, where=link)
    result = _coded(table, "result", RESULTS, check, where=kind != UNLINK)
    fits = np.where(link, np.isin(result, _codes(LINK_RESULTS)), np.isin(result, _codes(DEBIT_RESULTS)))
    check.all_good("result", fits | (kind == UNLINK))
    purpose = _coded(table, "purpose", PURPOSES, check, where=debit)
    check.all_good("auth", (auth >= 0) | ~link)
    check.all_good("purpose", (purpose >= 0) | ~debit)
    nothing = np.zeros(len(kind), np.uint64)
    return {
        "bank": codes.astype(np.int16),
        "account": account.hashes(),
        "auth": auth,
        "result": result,
        "amount_yen": _amount(table, check, where=debit),
        "purpose": purpose,
        "shop": nothing,
        "shop_category": nothing,
        "counterparty": nothing,
    }


def _of_wallets(table: pa.Table, kind: npt.NDArray[np.int8], check: _Check) -> dict[str, npt.NDArray[Any]]:
    """The remaining columns of wallet events."""
    absent = np.full(len(kind), ABSENT, np.int8)
    return {
        "bank": absent.astype(np.int16),
        "account": np.zeros(len(kind), np.uint64),
        "auth": absent,
        "result": absent,
        "amount_yen": _amount(table, check, where=kind != OPEN),
        "purpose": absent,
        "shop": _id(table, "shop", check, shortest=0, where=kind == PAYMENT),
        "shop_category": _id(table, "shop_category", check, shortest=0, where=kind == PAYMENT),
        "counterparty": _wallet(
            table, "counterparty", text(table, "service", check.name), check, where=kind == TRANSFER
        ),
    }


def _coded(
    table: pa.Table, field: str, words: tuple[str, ...], check: _Check, where: Mask | None = None
) -> npt.NDArray[np.int8]:
    """Codes of the words; `UNKNOWN` for others, `ABSENT` for none and outside `where`."""
    codes = {word: code for code, word in enumerate(words)} | {"": ABSENT}
    column = text(table, field, check.name).each(lambda word: codes.get(word, UNKNOWN)).astype(np.int8)
    return column if where is None else np.where(where, column, np.int8(ABSENT))


def _id(
    table: pa.Table,
    field: str,
    check: _Check,
    *,
    shortest: int = 1,
    longest: int = MAX_IDENTIFIER,
    where: Mask | None = None,
) -> npt.NDArray[np.uint64]:
    """Hashes of the texts; 0 outside `where`."""
    column = _checked(table, field, check, shortest, longest, where)
    return column.hashes() if where is None else np.where(where, column.hashes(), np.uint64(0))


def _wallet(
    table: pa.Table, field: str, service: Text, check: _Check, where: Mask | None = None
) -> npt.NDArray[np.uint64]:
    """Hashes of the wallets at their services; 0 outside `where`."""
    column = at_service(service, _checked(table, field, check, 1, MAX_IDENTIFIER, where))
    return column.hashes() if where is None else np.where(where, column.hashes(), np.uint64(0))


def _checked(table: pa.Table, field: str, check: _Check, shortest: int, longest: int, where: Mask | None) -> Text:
    """The column of texts, of which those `where` (None: all) have the right length."""
    column = text(table, field, check.name)
    lengths = column.each(len)
    good = (lengths >= shortest) & (lengths <= longest)
    check.all_good(field, good if where is None else good | ~where)
    return column


def _time(table: pa.Table, field: str, check: _Check) -> npt.NDArray[np.int64]:
    values, known = numbers(table, field, check.name)
    check.all_good(field, known & (values >= EARLIEST_MS) & (values < END_MS))
    return values.astype(np.int64)


def _amount(table: pa.Table, check: _Check, *, where: Mask) -> npt.NDArray[np.int64]:
    values, known = numbers(table, "amount_yen", check.name)
    whole = known & (values >= 1) & (values <= MAX_AMOUNT_YEN) & (values == np.floor(values))
    check.all_good("amount_yen", whole | ~where)
    return np.where(where, np.where(whole, values, 0), 0).astype(np.int64)


def _codes(words: tuple[str, ...]) -> list[int]:
    return [RESULTS.index(word) for word in words]
