"""Fragments of honest sequences, the material of attacks: newcomers' beginnings, and the largest days."""

from typing import NamedTuple

import numpy as np

from detector.contract.vocabulary import DEBIT, LINK, OK, PAYMENT
from detector.jst import DAY_MS, JST_MS
from models.worlds.resampled.people import People
from models.worlds.resampled.rows import Ints, Mask, Rng, Rows

#: A large day is one of this share with the largest sums; so many of them are kept.
LARGEST, KEPT = 0.2, 2_000
#: A beginning is a newcomer's if the wallet was linked within a day of its opening and charged within another.
SOON_MS = DAY_MS


class Start(NamedTuple):
    """How an honest newcomer began: `age_ms` of the wallet at the link, failed links before it, `wait_ms` from it to
    the first debit, and the time of day.
    """

    service: int
    age_ms: int
    failed: int
    wait_ms: int
    time_of_day_ms: int


#: Where a history has no newcomer: the wallet of the trace of September 2020 was linked within half an hour.
ASSUMED = Start(0, 10 * 60_000, 0, 2 * 60_000, 14 * 3_600_000)


class Fragments(NamedTuple):
    """Honest newcomers' beginnings, and indices of the events of large days of debits and of payments."""

    starts: tuple[Start, ...]
    debits: tuple[Ints, ...]
    payments: tuple[Ints, ...]


def fragments_of(rows: Rows, people: People, rng: Rng) -> Fragments:
    """The fragments of a history, whose events are in order of time."""
    debits = (rows.kind == DEBIT) & (rows.result == OK)
    return Fragments(
        _starts(rows, people),
        _large_days(rows, debits, people.person, people.day, rng),
        _large_days(rows, rows.kind == PAYMENT, rows.wallet, people.day, rng),
    )


def _starts(rows: Rows, people: People) -> tuple[Start, ...]:
    link = (rows.kind == LINK) & people.first
    linked, link_at = np.unique(np.where(link & (rows.result == OK), rows.wallet, -1), return_index=True)
    debited, debit_at = np.unique(np.where(rows.kind == DEBIT, rows.wallet, -1), return_index=True)
    both, of_link, of_debit = np.intersect1d(linked, debited, return_indices=True)
    of_link, of_debit = link_at[of_link][both >= 0], debit_at[of_debit][both >= 0]
    at_ms = rows.occurred_at_ms
    age_ms = at_ms[of_link] - rows.wallet_opened_at_ms[of_link]
    wait_ms = at_ms[of_debit] - at_ms[of_link]
    failed = np.bincount(rows.wallet[link & (rows.result != OK)], minlength=int(rows.wallet.max()) + 1)
    soon = (age_ms >= 0) & (age_ms <= SOON_MS) & (wait_ms > 0) & (wait_ms <= SOON_MS)
    time_of_day = (at_ms[of_link] + JST_MS) % DAY_MS
    columns = (rows.service[of_link], age_ms, failed[rows.wallet[of_link]], wait_ms, time_of_day)
    return tuple(Start(*values) for values in np.stack(columns, axis=1)[soon].tolist())


def _large_days(rows: Rows, which: Mask, whose: Ints, day: Ints, rng: Rng) -> tuple[Ints, ...]:
    """Indices of the events of each large day of one person or wallet."""
    index = np.flatnonzero(which)
    key = whose[index] * (day[-1] + 1) + day[index]
    order = np.argsort(key, kind="stable")
    begins = np.flatnonzero(np.append(True, np.diff(key[order]) != 0)[: len(key)])
    if not len(begins):
        return ()
    ends = np.append(begins[1:], len(index))
    sums = np.add.reduceat(rows.amount_yen[index[order]], begins)
    large = np.flatnonzero(sums >= np.quantile(sums, 1 - LARGEST))
    kept = np.sort(rng.choice(large, min(KEPT, len(large)), replace=False))
    return tuple(index[order[begins[number] : ends[number]]] for number in kept.tolist())
