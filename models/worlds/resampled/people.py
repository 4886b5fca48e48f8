"""Who is who in a history: persons, what came to them new, and what is usual of sources."""

from typing import NamedTuple

import numpy as np

from detector.contract.vocabulary import LINK, OPEN
from detector.jst import day_of
from models.worlds.resampled.rows import NONE, Ints, Mask, Rows

#: A newcomer's first days are played again as they were; later ones are drawn like everybody's. Nearly all who open,
#: link and charge do so within three days; of a longer beginning, the last days of a short history would miss much.
FIRST_DAYS = 3
#: Shares of what is new are counted in this last part of a history: before, all is new to whoever begins to look.
SETTLED = 1 / 3


class People(NamedTuple):
    """Of `n` events of a history, in order of time.

    `day` int64 (n,), as `jst.day_of`; `days`: all days from the first to the last. `person` int64 (n,): accounts and
    wallets that were ever tied to each other are one person's. `first` bool (n,): within the first days of a wallet
    that came during the history. `came` int64 (n,): the day on which the event's wallet came, `NONE` if it was known.
    `account_came` bool (n,): the account came with it. `settled` bool (n,): in the last part of the history.
    """

    day: Ints
    days: Ints
    person: Ints
    first: Mask
    came: Ints
    account_came: Mask
    settled: Mask


def people_of(rows: Rows) -> People:
    """The people of a history, whose events are in order of time."""
    day = day_of(rows.occurred_at_ms)
    days = np.arange(day[0], day[-1] + 1)
    beginning = first_of(rows.wallet)
    comes = np.isin(rows.kind[beginning], (OPEN, LINK))
    came = np.where(comes, day[beginning], NONE)
    first = comes & (day < came + FIRST_DAYS)
    seen = first_of(rows.account)
    account_came = first & (rows.account != NONE) & (rows.kind[seen] == LINK) & first[seen] & (came[seen] == came)
    settled = day >= days[-1] - int(SETTLED * len(days))
    return People(day, days, _persons(rows), first, came, account_came, settled)


def first_of(codes: Ints) -> Ints:
    """Index of the first event with the same code, int64 (n,)."""
    _, first, index = np.unique(codes, return_index=True, return_inverse=True)
    return first[index.reshape(-1)].astype(np.int64)


def _persons(rows: Rows) -> Ints:
    """Connected accounts and wallets, numbered from 0: each takes the least number among its neighbours, until none
    changes; the few wallets of a person are near each other.
    """
    wallets = int(rows.wallet.max()) + 1
    tied = rows.account != NONE
    wallet, account = rows.wallet[tied], rows.account[tied]
    pairs = np.unique(np.stack([wallet, account + wallets]), axis=1)
    least = np.arange(wallets + int(rows.account.max(initial=NONE)) + 1)
    while True:
        before = least.copy()
        np.minimum.at(least, pairs[0], before[pairs[1]])
        np.minimum.at(least, pairs[1], least[pairs[0]])
        least = least[least]
        if (least == before).all():
            break
    return np.unique(least[rows.wallet], return_inverse=True)[1].reshape(-1).astype(np.int64)


class SourceHabits(NamedTuple):
    """Shares of a known person's days in the settled part of a history: `new` with a source that nobody had used,
    `others` with one that only others had. `used`: sources of all events with a known one, to draw from; `lone` bool,
    by code: of one person only.
    """

    new: float
    others: float
    used: Ints
    lone: Mask


def source_habits(rows: Rows, people: People, unknown: int, sources: int) -> SourceHabits:
    """How sources change in a history; `unknown` is the code of the empty source, `sources` their number."""
    known = np.flatnonzero(rows.source != unknown)
    source, person = rows.source[known], people.person[known]
    pair = person * sources + source
    begins = first_of(pair) == np.arange(len(known))
    users = np.bincount(source[begins], minlength=sources)
    debut = first_of(source) == np.arange(len(known))
    told = people.settled[known] & ~people.first[known]
    a_day = person * len(people.days) + people.day[known] - people.days[0]
    total = max(len(np.unique(a_day[told])), 1)
    new = len(np.unique(a_day[told & begins & debut])) / total
    others = len(np.unique(a_day[told & begins & ~debut])) / total
    return SourceHabits(new, others, source, users == 1)
