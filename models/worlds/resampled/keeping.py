"""What days drawn again keep of a history: amounts of its kind, unlinked accounts left alone, the cap of the month."""

import numpy as np

from detector.contract.vocabulary import CHARGE, DEBIT, LINK, MONTHLY_CAP_YEN, OK, UNLINK
from detector.jst import DAY_MS, JST_MS
from models.worlds.resampled.days import date_of
from models.worlds.resampled.rows import NONE, Ints, Mask, Rng, Rows, concatenate

#: So many amounts differ from the last time, by a tenth in steps as round as the amount: most people charge the same.
OTHER_AMOUNTS, STEP = 0.2, 0.1


def other_amounts(history: Rows, made: Rows, rng: Rng) -> Ints:
    """Amounts, some a step more or less; never more than the history's largest of the kind."""
    amount = made.amount_yen
    unit = np.ones(made.size, np.int64)
    for power in range(1, 9):
        ten = 10**power
        unit = np.where((amount > 0) & (amount % ten == 0) & (ten <= amount * STEP), ten, unit)
    steps = np.maximum(np.round(amount * STEP / unit), 1).astype(np.int64)
    other = amount + unit * steps * rng.choice((-1, 1), made.size)
    moves = (amount > 1) & (rng.random(made.size) < OTHER_AMOUNTS)
    largest = np.zeros(history.kind.max() + 1, np.int64)
    np.maximum.at(largest, history.kind, history.amount_yen)
    return np.where(moves & (other >= 1) & (other <= largest[made.kind]), other, amount)


def still_linked(history: Rows, made: Rows) -> Mask:
    """All but debits from accounts, and unlinks, that an unlink was the last word on."""
    both = concatenate([history, made])
    tied = np.flatnonzero(both.account != NONE)
    pair = both.account[tied] * (int(both.wallet.max()) + 1) + both.wallet[tied]
    order = np.argsort(pair, kind="stable")
    pair, tied = pair[order], tied[order]
    kind, ok = both.kind[tied], both.result[tied] == OK
    says = np.where(kind == UNLINK, 1, np.where((kind == LINK) & ok, 0, NONE))
    position = np.arange(len(tied))
    begins = np.append(True, pair[1:] != pair[:-1]) if len(pair) else np.empty(0, np.bool_)
    last = np.maximum.accumulate(np.where((says != NONE) | begins, position, 0))
    before = np.where(begins, 0, np.append(0, last[:-1])[: len(last)])
    unlinked = ~begins & (says[before] == 1)
    keep = np.ones(both.size, np.bool_)
    keep[tied[unlinked & ((kind == DEBIT) | (kind == UNLINK))]] = False
    return keep[history.size :]


def within_cap(history: Rows, made: Rows) -> Mask:
    """All but charges above a wallet's cap of the month: the published one, or the history's greatest sum if more."""
    both = concatenate([history, made])
    charges = (both.kind == DEBIT) & (both.result == OK) & (both.purpose == CHARGE)
    index = np.flatnonzero(charges)
    day = (both.occurred_at_ms[index] + JST_MS) // DAY_MS
    days, where = np.unique(day, return_inverse=True)
    months = np.array([date_of(number).year * 12 + date_of(number).month for number in days.tolist()], np.int64)
    key = (both.wallet[index] * (months.max(initial=0) + 1)) + (months[where.reshape(-1)] if len(days) else day)
    order = np.argsort(key, kind="stable")
    index, key = index[order], key[order]
    total = np.cumsum(both.amount_yen[index])
    begins = np.append(True, key[1:] != key[:-1]) if len(key) else np.empty(0, np.bool_)
    before = np.maximum.accumulate(np.where(begins, total - both.amount_yen[index], 0))
    total = total - before
    cap = max(MONTHLY_CAP_YEN, int(total[index < history.size].max(initial=0)))
    keep = np.ones(both.size, np.bool_)
    keep[index[total > cap]] = False
    return keep[history.size :]
