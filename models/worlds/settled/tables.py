"""Columns of numbers → tables of events and labels."""

import datetime as dt

import numpy as np
import pyarrow as pa

from detector.contract.vocabulary import AUTHS, DEBIT, KINDS, LINK, OPEN, PURPOSES, RESULTS, SERVICES, UNLINK
from detector.jst import JST
from models.worlds.settled.log import NONE, Ints, Log
from models.worlds.settled.people import BANKS
from models.worlds.settled.plans import PLANS
from models.worlds.settled.town import FIRST_DAY, Town
from models.worlds.world import EVENTS, LABELS

#: Of ten banks five ask for the cash card's PIN, three for a one-time passcode, two for an identity check. Assumed.
AUTH_OF_BANK = (0, 0, 0, 0, 0, 1, 1, 1, 2, 2)
CATEGORIES = ("grocery", "convenience", "drugstore", "restaurant", "clothing", "electronics", "transport", "books")
#: Bank codes that no bank has.
FIRST_BANK = 9700
FIRST_MIDNIGHT_MS = int(dt.datetime.combine(FIRST_DAY, dt.time(), JST).timestamp()) * 1000
#: Odd multipliers mix numbers to 64 bits one to one (splitmix64; Steele, Lea, Flood 2014), so that an id tells nothing.
_MIX = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


def events(log: Log, town: Town, first_id: int, seed: int) -> pa.Table:
    """The events in their order, as a table of `EVENTS`; ids are counted from `first_id`."""
    wallets = town.wallets
    on_account = log.kind <= DEBIT
    bank = np.where(on_account, town.people.bank[log.account], NONE)
    sources = int(log.source.max(initial=0)) + 1
    wallet_ids = ids(wallets.size, "w", seed)
    columns = {
        "event_id": event_ids(first_id, log.size),
        "kind": words(log.kind, KINDS),
        "occurred_at_ms": pa.array(log.at_ms + FIRST_MIDNIGHT_MS),
        "service": words(wallets.service[log.wallet], SERVICES),
        "wallet": dictionary(log.wallet, wallet_ids),
        "wallet_opened_at_ms": pa.array(wallets.opened_ms[log.wallet] + FIRST_MIDNIGHT_MS),
        "wallet_verified": pa.array(wallets.verified[log.wallet]),
        # The last text stands for an address that was not recorded.
        "source": dictionary(np.where(log.source == NONE, sources, log.source), [*ids(sources, "s", seed), ""]),
        "bank": dictionary(bank, [f"{FIRST_BANK + number:04}" for number in range(BANKS)]),
        "account": dictionary(log.account, ids(town.people.size, "", seed)),
        "auth": words(np.where(log.kind == LINK, np.array(AUTH_OF_BANK)[bank % len(AUTH_OF_BANK)], NONE), AUTHS),
        "result": words(log.result, RESULTS),
        "amount_yen": pa.array(log.amount_yen, mask=log.amount_yen < 0),
        "purpose": words(log.purpose, PURPOSES),
        "shop": dictionary(log.shop, ids(int(log.shop.max(initial=0)) + 1, "p", seed)),
        "shop_category": words(np.where(log.shop >= 0, log.shop % len(CATEGORIES), NONE), CATEGORIES),
        "counterparty": dictionary(log.counterparty, wallet_ids).cast(pa.string()),
    }
    return pa.table(columns).cast(EVENTS)


def labels(log: Log, plans: Ints, first_id: int) -> pa.Table:
    """The `LABELS` of the events that are thieves', of a log whose ids are counted from `first_id`."""
    rows = np.flatnonzero(log.case >= 0)
    stage = {LINK: "link", UNLINK: "link", OPEN: "link", DEBIT: "debit"}
    columns = {
        "event_id": event_ids(first_id, log.size).take(pa.array(rows)),
        "case_id": [f"settled-{number:05}" for number in log.case[rows].tolist()],
        "typology": [PLANS[plan].typology for plan in plans[log.case[rows]].tolist()],
        "stage": [stage.get(kind, "spend") for kind in log.kind[rows].tolist()],
    }
    return pa.table(columns, schema=LABELS)


def event_ids(first: int, n: int) -> pa.Array:
    """Ids of `n` events, no two alike in the whole life."""
    return pa.array(np.arange(first, first + n)).cast(pa.string())


def ids(n: int, prefix: str, seed: int) -> list[str]:
    """`n` ids of 16 hex digits behind a prefix, no two alike."""
    number = np.arange(n, dtype=np.uint64) + np.uint64(seed % (1 << 24) << 40)
    for shift, factor in _MIX:
        number = (number ^ (number >> np.uint64(shift))) * np.uint64(factor)
    number ^= number >> np.uint64(31)
    return [f"{prefix}{value:016x}" for value in number.tolist()]


def words(codes: Ints, vocabulary: tuple[str, ...]) -> pa.Array:
    """Words by code; null for `NONE`."""
    return _dictionary(codes, list(vocabulary), pa.int8())


def dictionary(index: Ints, texts: list[str]) -> pa.Array:
    """Texts by index; null for `NONE`."""
    return _dictionary(index, texts, pa.int32())


def _dictionary(index: Ints, texts: list[str], kind: pa.DataType) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(index, kind, mask=index == NONE), pa.array(texts, pa.string()))
