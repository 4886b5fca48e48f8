"""Months of normal life for tests, and a few made-up events."""

from functools import cache
from typing import Any

import numpy as np

from detector.contract.vocabulary import CHARGE, DEBIT, OK
from producers import events, jst
from producers.events import Events
from producers.life import Life, lived
from producers.population import Population

SEED = 2020
AUGUST, SEPTEMBER = 2020 * 12 + 7, 2020 * 12 + 8
BEGINS_MS = jst.midnight_ms(jst.first_day(AUGUST))


@cache
def month_of(month: int = AUGUST, accounts: int = 12_000, seed: int = SEED) -> Life:
    """The month as it arrived, measured once for all tests."""
    return lived(Population(seed, accounts), month)


def life_of(*parts: Events) -> Life:
    """August, made up of these events."""
    whole = events.concatenate(list(parts))
    return Life(whole._replace(event=np.arange(whole.size, dtype=np.uint64)), AUGUST, 100)


def some(kind: int, minutes: list[float], **columns: Any) -> Events:
    """Events of one kind, so many minutes after the month begins, of wallet 1 and account 1 unless told otherwise."""
    moment = BEGINS_MS + (np.array(minutes) * jst.MINUTE_MS).astype(np.int64)
    usual = {"kind": kind, "occurred_at_ms": moment, "arrival_ms": moment, "wallet": 1, "account": 1, "result": OK}
    return events.build(len(minutes), **(usual | columns))


def charges(minutes: list[float], amount_yen: Any, **columns: Any) -> Events:
    """Charges carried out."""
    return some(DEBIT, minutes, amount_yen=amount_yen, purpose=CHARGE, **columns)
