"""Normal days to come: known people's days drawn again, and newcomers' first days under new ids."""

from typing import NamedTuple

import numpy as np

from detector.contract.vocabulary import DEBIT, OK, OPEN, UNLINK
from detector.jst import DAY_MS, JST_MS
from models.worlds.resampled.days import Donors
from models.worlds.resampled.keeping import other_amounts, still_linked, within_cap
from models.worlds.resampled.people import People, SourceHabits
from models.worlds.resampled.rows import NONE, Ints, Mask, Names, Rng, Rows, concatenate

#: So many people's day is the same day of the history, the others' is drawn for each: campaigns and outages are
#: everybody's, habits are one's own. Nothing in a history tells the two apart; half and half keeps some of both.
TOGETHER = 0.5
#: A day is moved by about so much, and stretched or shortened: people keep hours, not minutes.
SHIFT_MS, STRETCH = 15 * 60_000, 0.15


class Normal(NamedTuple):
    """What normal days are made from: a history's events in order of time, its people, how its sources change."""

    rows: Rows
    people: People
    sources: SourceHabits
    unknown: int


class Known(NamedTuple):
    """Accounts of a history, each once, and their banks."""

    account: Ints
    bank: Ints


def normal_days(life: Normal, coming: Ints, names: Names, rng: Rng) -> Rows:
    """Honest events of the days `coming`, in order of time.

    The number of people stays at its mean over the history: a day from before a person came is drawn too, and is
    empty. A history of weeks cannot tell people who left from those who pause, so growth would be made up.
    """
    donors = Donors(life.people.days, coming)
    together = donors.shared(rng)
    made = concatenate(
        [_known(life, donors, together, coming, names, rng), _newcomers(life, together, coming, names, rng)]
    )
    made = made._replace(amount_yen=other_amounts(life.rows, made, rng))
    made = made.select(np.argsort(made.occurred_at_ms, kind="stable"))
    made = made.select(still_linked(life.rows, made))
    return made.select(within_cap(life.rows, made))


def _known(life: Normal, donors: Donors, together: Ints, coming: Ints, names: Names, rng: Rng) -> Rows:
    """Days of people whom the history knows, without the first days of what was new to them then."""
    rows, people = life.rows, life.people
    later = np.flatnonzero(~people.first & (rows.kind != OPEN))  # a wallet is opened once
    key = people.person[later] * len(people.days) + people.day[later] - people.days[0]
    order = np.argsort(key, kind="stable")
    later, key = later[order], key[order]
    count = int(people.person.max()) + 1
    drawn = np.where(rng.random((count, len(coming))) < TOGETHER, together, donors.each(count, rng))
    wanted = np.arange(count)[:, None] * len(people.days) + drawn - people.days[0]
    begin = np.searchsorted(key, wanted.ravel())
    length = np.searchsorted(key, wanted.ravel(), side="right") - begin
    full = np.flatnonzero(length)
    begin, length = begin[full], length[full]
    group = np.repeat(np.arange(len(full)), length)
    index = later[np.arange(len(group)) - np.repeat(np.cumsum(length) - length, length) + begin[group]]
    days = coming[full % len(coming)] - drawn.ravel()[full]
    made = rows.select(index)
    made = made._replace(occurred_at_ms=_moved(made.occurred_at_ms, group, days, rng))
    made = _other_unlinks(rows, made, rng)
    return made._replace(source=_other_sources(life, made.source, group, names, rng))


def _newcomers(life: Normal, together: Ints, coming: Ints, names: Names, rng: Rng) -> Rows:
    """First days of those who came on the history's day, under new ids, from each day to come."""
    people = life.people
    parts = [life.rows.select(slice(0, 0))]
    accounts, where = np.unique(life.rows.account, return_index=True)
    known = Known(accounts[accounts != NONE], life.rows.bank[where][accounts != NONE])
    for day, donor in zip(coming.tolist(), together.tolist(), strict=True):
        index = np.flatnonzero(people.first & (people.came == donor))
        made = life.rows.select(index)
        wallet, group = np.unique(made.wallet, return_inverse=True)
        group = group.reshape(-1)
        days = np.full(len(wallet), day - donor)
        at_ms = _moved(made.occurred_at_ms, group, days, rng)
        parts.append(
            made._replace(
                occurred_at_ms=at_ms,
                wallet=names.new("wallet", len(wallet))[group],
                wallet_opened_at_ms=np.minimum(made.wallet_opened_at_ms + at_ms - made.occurred_at_ms, at_ms),
                account=_new_accounts(life, index, known, names, rng),
                source=_renamed(made.source, life.sources.lone, "source", names),
            )
        )
    made = concatenate(parts)
    return made.select(made.occurred_at_ms < (coming[-1] + 1) * DAY_MS - JST_MS)


def _other_unlinks(history: Rows, made: Rows, rng: Rng) -> Rows:
    """The events, each unlink of another pair of an account and a wallet: those that unlinked have done so for good."""
    unlinks = np.flatnonzero(made.kind == UNLINK)
    debits = np.flatnonzero((history.kind == DEBIT) & (history.result == OK))
    if not len(unlinks) or not len(debits):
        return made
    of = rng.choice(debits, len(unlinks))
    changed = {}
    for name in ("service", "wallet", "wallet_opened_at_ms", "wallet_verified", "bank", "account"):
        changed[name] = getattr(made, name).copy()
        changed[name][unlinks] = getattr(history, name)[of]
    return made._replace(**changed)


def _new_accounts(life: Normal, index: Ints, known: Known, names: Names, rng: Rng) -> Ints:
    """New accounts for those that came with their wallet; for others, which had been known, known ones of the bank."""
    accounts, banks = life.rows.account[index], life.rows.bank[index]
    found, first, group = np.unique(accounts, return_index=True, return_inverse=True)
    to = found.copy()
    new = (found != NONE) & life.people.account_came[index][first]
    to[new] = names.new("account", int(new.sum()))
    for at in np.flatnonzero((found != NONE) & ~new).tolist():
        to[at] = rng.choice(known.account[known.bank == banks[first[at]]])
    return to[group.reshape(-1)]


def _renamed(codes: Ints, which: Mask, column: str, names: Names) -> Ints:
    """A new id instead of each one of `which` (by code)."""
    found, group = np.unique(codes, return_inverse=True)
    to = found.copy()
    new = (found != NONE) & which[found]
    to[new] = names.new(column, int(new.sum()))
    return to[group.reshape(-1)]


def _moved(at_ms: Ints, group: Ints, days: Ints, rng: Rng) -> Ints:
    """Times of groups (in order of time) moved by `days`, a little shifted and stretched, on the same first day."""
    count = len(days)
    begin = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(begin, group, at_ms)
    end = np.zeros(count, np.int64)
    np.maximum.at(end, group, at_ms)
    midnight = (begin + JST_MS) // DAY_MS * DAY_MS - JST_MS
    stretch = rng.uniform(1 - STRETCH, 1 + STRETCH, count)
    last = midnight + np.maximum(DAY_MS, (end - midnight) // DAY_MS * DAY_MS + DAY_MS) - 1
    shift = rng.normal(0, SHIFT_MS, count).astype(np.int64)
    span = ((end - begin) * stretch).astype(np.int64)
    start = np.clip(begin + shift, midnight, np.maximum(last - span, midnight))
    moved = start[group] + ((at_ms - begin[group]) * stretch[group]).astype(np.int64)
    moved = np.minimum(moved, last[group])
    return np.asarray(moved + days[group] * DAY_MS, np.int64)


def _other_sources(life: Normal, source: Ints, group: Ints, names: Names, rng: Rng) -> Ints:
    """Sources of people's days, some days with a new one or with one that others use, as often as in the history."""
    count = int(group[-1]) + 1 if len(group) else 0
    drawn = rng.random(count)
    to = np.full(count, NONE)
    new = drawn < life.sources.new
    to[new] = names.new("source", int(new.sum()))
    others = ~new & (drawn < life.sources.new + life.sources.others)
    to[others] = rng.choice(life.sources.used, int(others.sum())) if others.any() else NONE
    return np.where((to[group] != NONE) & (source != life.unknown), to[group], source)
