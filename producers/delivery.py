"""How events reach the bus: with small delays, sometimes late, sometimes twice, and in a heap after an outage."""

import numpy as np

from detector.contract.vocabulary import DEBIT
from producers import banks, events, jst
from producers.draws import Rng, pick
from producers.events import Events

MEAN_DELAY_MS = 400
LATE_SHARE = 0.006  # minutes late: a slow batch at a service
VERY_LATE_SHARE = 0.0004  # hours late: a phone that was off-line, a repaired interface
MAX_DELAY_MS = 12 * jst.HOUR_MS  # nothing is later than that, outages included
TWICE_SHARE = 0.002  # delivered again with the same id
OUTAGES_A_MONTH = 4  # of one bank each, all *assumed*


def deliver(rng: Rng, sent: Events, month: int) -> Events:
    """`sent` with arrival times, and some events twice; not yet in order of arrival."""
    delay = rng.exponential(MEAN_DELAY_MS, sent.size)
    u = rng.random(sent.size)
    delay += np.where(u < LATE_SHARE, rng.uniform(0, 15 * jst.MINUTE_MS, sent.size), 0)
    delay += np.where(u < VERY_LATE_SHARE, rng.uniform(0, 6 * jst.HOUR_MS, sent.size), 0)
    arrival = sent.occurred_at_ms + 20 + delay.astype(np.int64)
    for bank, begins_ms, ends_ms in _outages(rng, month):
        held = (sent.kind == DEBIT) & (sent.account >> np.uint64(40) == np.uint64(bank))
        held &= (arrival >= begins_ms) & (arrival < ends_ms)
        # The heap comes within a minute, still roughly in order.
        arrival[held] = ends_ms + (arrival[held] - begins_ms) * jst.MINUTE_MS // (ends_ms - begins_ms)
    arrival = np.minimum(arrival, sent.occurred_at_ms + MAX_DELAY_MS)
    first = sent._replace(arrival_ms=arrival)
    again = first.select(rng.random(sent.size) < TWICE_SHARE)
    pause = rng.integers(200, 2 * jst.MINUTE_MS, again.size)
    return events.concatenate([first, again._replace(arrival_ms=again.arrival_ms + pause)])


def _outages(rng: Rng, month: int) -> list[tuple[int, int, int]]:
    """Bank code, begin and end of each outage of the month."""
    days = jst.days_of(month)
    bank = pick(rng, banks.CODES, np.ones(len(banks.CODES)), OUTAGES_A_MONTH)
    day = rng.integers(0, len(days), OUTAGES_A_MONTH)
    hour = rng.integers(8, 20, OUTAGES_A_MONTH)
    length_ms = rng.integers(jst.HOUR_MS // 2, 3 * jst.HOUR_MS, OUTAGES_A_MONTH)
    begins = [jst.midnight_ms(days[d]) + int(h) * jst.HOUR_MS for d, h in zip(day, hour, strict=True)]
    return [(int(b), at, at + int(n)) for b, at, n in zip(bank, begins, length_ms, strict=True)]
