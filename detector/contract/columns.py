"""Events to the columns of a `Batch`, and the checks made on whole columns."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.contract import vocabulary
from detector.contract.batch import Batch, origin_of
from detector.contract.events import MAX_IDENTIFIER, MIN_ACCOUNT, AccountEvent, WalletEvent
from detector.contract.hashing import hash_spans
from detector.contract.keys import wallet_keys
from detector.contract.services import FIRST_UNKNOWN, service_codes
from detector.contract.texts import Strings, Texts, join
from detector.contract.vocabulary import ACCOUNT_EVENTS, BANKS, WALLET_EVENTS

Codes = dict[str, int]
Offsets = npt.NDArray[np.int64]
Records = npt.NDArray[np.int32]


def _codes(words: Sequence[str]) -> Codes:
    """Word → code as an unsigned byte; "" is `ABSENT`."""
    return {word: code for code, word in enumerate(words)} | {"": vocabulary.ABSENT & 0xFF}


AUTHS = _codes(vocabulary.AUTHS)
RESULTS = _codes(vocabulary.RESULTS)
PURPOSES = _codes(vocabulary.PURPOSES)
NO_BANK = -2
_HEX_DIGITS = b"0123456789abcdefABCDEF"


def account_columns(events: Sequence[AccountEvent], offset: Offsets, record: Records) -> tuple[Batch, Strings]:
    """The batch of account events and their strings; `bank` is `NO_BANK` where it is not four digits."""
    n = len(events)
    services = [e.service for e in events]
    texts = [e.event_id for e in events]
    texts += wallet_keys(services, [e.wallet for e in events])
    texts += [e.source for e in events]
    texts += [e.account for e in events]
    data, ends = join(texts)
    event_id, wallet, source, account = hash_spans(data, ends).reshape(4, n)
    nothing = np.zeros(n, np.uint64)
    batch = Batch(
        offset=offset,
        record=record,
        kind=_int8([e.code for e in events]),
        occurred_at_ms=_int64([e.occurred_at_ms for e in events]),
        event_id=event_id,
        service=service_codes(services),
        wallet=wallet,
        wallet_opened_at_ms=_int64([e.wallet_opened_at_ms for e in events]),
        wallet_verified=_int8([e.wallet_verified for e in events]),
        source=source,
        bank=np.array([BANKS.get(e.bank, NO_BANK) for e in events], np.int16),
        account=account,
        auth=_int8([AUTHS[e.auth] for e in events]),
        result=_int8([RESULTS[e.result] for e in events]),
        amount_yen=_int64([e.amount_yen for e in events]),
        purpose=_int8([PURPOSES[e.purpose] for e in events]),
        shop=nothing,
        shop_category=nothing,
        counterparty=nothing,
        **_origin(ACCOUNT_EVENTS, offset),
    )
    return batch, _strings(data, ends, services, batch.service, account=3)


def wallet_columns(
    events: Sequence[WalletEvent], wallets: Sequence[str], offset: Offsets, record: Records
) -> tuple[Batch, Strings]:
    """The batch of wallet events and their strings; `wallets` are their keys."""
    n = len(events)
    services = [e.service for e in events]
    texts = [e.event_id for e in events]
    texts += wallets
    texts += [e.source for e in events]
    texts += [e.shop for e in events]
    texts += [e.shop_category for e in events]
    texts += wallet_keys(services, [e.counterparty for e in events])
    data, ends = join(texts)
    event_id, wallet, source, shop, shop_category, counterparty = hash_spans(data, ends).reshape(6, n)
    absent = np.full(n, vocabulary.ABSENT, np.int8)
    batch = Batch(
        offset=offset,
        record=record,
        kind=_int8([e.code for e in events]),
        occurred_at_ms=_int64([e.occurred_at_ms for e in events]),
        event_id=event_id,
        service=service_codes(services),
        wallet=wallet,
        wallet_opened_at_ms=_int64([e.wallet_opened_at_ms for e in events]),
        wallet_verified=_int8([e.wallet_verified for e in events]),
        source=source,
        bank=np.full(n, vocabulary.ABSENT, np.int16),
        account=np.zeros(n, np.uint64),
        auth=absent,
        result=absent,
        amount_yen=_int64([e.amount_yen for e in events]),
        purpose=absent,
        shop=shop,
        shop_category=shop_category,
        counterparty=counterparty,
        **_origin(WALLET_EVENTS, offset),
    )
    return batch, _strings(data, ends, services, batch.service, account=None)


def _strings(
    data: npt.NDArray[np.uint8],
    ends: npt.NDArray[np.int64],
    services: Sequence[str],
    codes: npt.NDArray[np.uint16],
    *,
    account: int | None,
) -> Strings:
    """Strings of `n` events as slices of the buffer of their texts: ids first, then the wallets' keys.

    `account`: number of the block of n texts that has the accounts.
    """
    n = len(services)
    begins = np.concatenate((np.zeros(1, np.int64), ends[:-1])) if n else ends

    def block(number: int) -> Texts:
        span = slice(number * n, (number + 1) * n)
        return Texts(data, begins[span], ends[span] - begins[span])

    wallets, before = block(1), np.fromiter(map(len, services), np.int64, n)  # names are ASCII
    return Strings(
        event_id=block(0),
        account=Texts.empty(n) if account is None else block(account),
        wallet=Texts(data, wallets.begin + before + 1, wallets.length - before - 1),
        service=Texts(data, wallets.begin, np.where(codes < FIRST_UNKNOWN, 0, before)),
    )


def _origin(topic: int, offset: Offsets) -> dict[str, npt.NDArray[Any]]:
    """Position columns of a source topic's events; the caller adds the partition."""
    n = len(offset)
    return {
        "hop_index": np.zeros(n, np.int32),
        "role": np.zeros(n, np.int8),
        "origin": np.full(n, origin_of(topic, 0), np.int32),
        "origin_offset": offset,
    }


def is_account(text: str) -> bool:
    """Whether this is a valid `account`: 16 to 128 hex digits."""
    return MIN_ACCOUNT <= len(text) <= MAX_IDENTIFIER and not not_hex([text])


def not_hex(texts: Sequence[str]) -> list[int]:
    """Indices of the texts with anything but hex digits."""
    if not "".join(texts).encode().translate(None, _HEX_DIGITS):
        return []
    return [i for i, text in enumerate(texts) if text.encode().translate(None, _HEX_DIGITS)]


def _int8(codes: Iterable[int]) -> npt.NDArray[np.int8]:
    return np.frombuffer(bytearray(codes), np.int8)


def _int64(numbers: Sequence[Any]) -> npt.NDArray[np.int64]:
    return np.array(numbers, np.int64)
