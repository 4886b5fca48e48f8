"""The journal as tables of the contract's fields, in the order in which events arrive."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from detector.contract.vocabulary import AUTHS, DEBIT, KINDS, LINK, OPEN, PAYMENT, PURPOSES, RESULTS, TRANSFER
from detector.jst import DAY_MS
from models.worlds.agents import assumptions as a
from models.worlds.agents.addresses import UNKNOWN
from models.worlds.agents.city import City
from models.worlds.agents.journal import NONE
from models.worlds.world import EVENTS

Ints = npt.NDArray[np.int64]
Entries = npt.NDArray[Any]
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)


def words(numbers: npt.ArrayLike, salt: int) -> pa.StringArray:
    """A different word of 16 hex digits for each number (SplitMix64, a bijection: Steele et al. 2014)."""
    x = np.asarray(numbers).astype(np.uint64) + np.uint64(salt * 0x9E3779B97F4A7C15 % 2**64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    data = (x ^ (x >> np.uint64(31))).view(np.uint8)
    digits = _HEX[np.stack((data >> 4, data & 15), axis=1)]
    ends = np.arange(len(x) + 1, dtype=np.int32) * 16
    return pa.StringArray.from_buffers(len(x), pa.py_buffer(ends), pa.py_buffer(digits.tobytes()))


def delivered(city: City, entries: Entries, rng: np.random.Generator) -> tuple[Entries, Ints]:
    """Entries in order of arrival, with the number of the event of each: a few arrive late, a few twice."""
    n = len(entries)
    arrival = entries["occurred_at_ms"] + rng.exponential(a.DELAY_MS, n).astype(np.int64)
    late = rng.random(n) < a.LATE
    arrival[late] += (a.LATE_MEDIAN_MS * rng.lognormal(0, a.LATE_SIGMA, int(late.sum()))).astype(np.int64)
    _hold_back(city, entries, arrival, rng)
    twice = np.flatnonzero(rng.random(n) < a.DUPLICATES)
    again = arrival[twice] + rng.integers(1_000, a.DUPLICATE_WITHIN_MS, len(twice))
    number = np.concatenate((np.arange(n), twice))
    order = np.argsort(np.concatenate((arrival, again)), kind="stable")
    return entries[number[order]], number[order]


def _hold_back(city: City, entries: Entries, arrival: Ints, rng: np.random.Generator) -> None:
    """Outages: what happens at a bank in these hours arrives afterwards."""
    first, last = int(arrival.min()), int(arrival.max())
    bank = city.people.bank[entries["account"]]
    outages = rng.poisson((last - first) / DAY_MS * a.OUTAGES_A_DAY)
    for begin in np.sort(rng.integers(first, last, outages)).tolist():
        end = begin + a.OUTAGE_MS
        held = (entries["account"] != NONE) & (bank == rng.integers(0, len(a.BANKS)))
        held &= (arrival >= begin) & (arrival < end)
        arrival[held] = end + (arrival[held] - begin) // 100  # in their order, a hundred times as fast


def table_of(city: City, entries: Entries, ids: pa.StringArray, salt: int) -> pa.Table:
    """The entries as a table of `EVENTS`; `salt` makes the names of one life differ from another's."""
    kind, wallet = entries["kind"], entries["wallet"]
    on_account, paying, sending = kind < OPEN, kind == PAYMENT, kind == TRANSFER
    wallets = words(np.arange(city.wallets.size), salt + 1)
    shops = np.unique(entries["shop"])
    sources = np.union1d(entries["source"], [UNKNOWN])
    names = pa.concat_arrays([pa.array([""]), words(sources[1:], salt + 2)])
    categories = [category.name for category in a.CATEGORIES]
    columns = {
        "event_id": ids,
        "kind": _coded(kind, list(KINDS), np.int8),
        "occurred_at_ms": pa.array(entries["occurred_at_ms"]),
        "service": _coded(city.wallets.service[wallet], [service.name for service in a.SERVICES], np.int8),
        "wallet": _coded(wallet, wallets, np.int32),
        "wallet_opened_at_ms": pa.array(city.wallets.opened_ms[wallet]),
        "wallet_verified": pa.array(entries["verified"] == 1),
        "source": _coded(np.searchsorted(sources, entries["source"]), names, np.int32),
        "bank": _coded(city.people.bank[entries["account"]], [b.code for b in a.BANKS], np.int32, on_account),
        "account": _coded(entries["account"], words(np.arange(city.people.size), salt + 3), np.int32, on_account),
        "auth": _coded(entries["auth"], list(AUTHS), np.int8, kind == LINK),
        "result": _coded(entries["result"], list(RESULTS), np.int8, (kind == LINK) | (kind == DEBIT)),
        "amount_yen": pa.array(entries["amount_yen"].astype(np.int64), mask=entries["amount_yen"] == NONE),
        "purpose": _coded(entries["purpose"], list(PURPOSES), np.int8, kind == DEBIT),
        "shop": _coded(np.searchsorted(shops, entries["shop"]), words(shops, salt + 4), np.int32, paying),
        "shop_category": _coded(entries["category"], categories, np.int8, paying),
        "counterparty": wallets.take(pa.array(entries["counterparty"], mask=~sending)),
    }
    return pa.table([columns[name] for name in EVENTS.names], schema=EVENTS)


def _coded(
    codes: npt.NDArray[Any],
    dictionary: list[str] | pa.StringArray,
    kind: type[np.signedinteger[Any]],
    where: npt.NDArray[np.bool_] | None = None,
) -> pa.DictionaryArray:
    indices = pa.array(codes.astype(kind), mask=None if where is None else ~where)
    return pa.DictionaryArray.from_arrays(indices, pa.array(dictionary, pa.string()))
