"""How events reach the bus: with small delays, sometimes late or twice, and in one burst after an outage."""

import numpy as np

from producers import events, jst
from producers.draws import Rng
from producers.events import Events
from producers.outages import held, outages_of

MEAN_DELAY_MS = 400
LATE_SHARE = 0.006  # minutes late: a slow batch at a service
VERY_LATE_SHARE = 0.0004  # hours late: a phone that was off-line, a repaired interface
MAX_DELAY_MS = 12 * jst.HOUR_MS  # nothing is later than that, outages included
TWICE_SHARE = 0.002  # delivered again with the same id; all of these are *assumed*


def deliver(rng: Rng, sent: Events, month: int) -> Events:
    """`sent` with arrival times, and some events twice; not yet in order of arrival."""
    delay = rng.exponential(MEAN_DELAY_MS, sent.size)
    u = rng.random(sent.size)
    delay += np.where(u < LATE_SHARE, rng.uniform(0, 15 * jst.MINUTE_MS, sent.size), 0)
    delay += np.where(u < VERY_LATE_SHARE, rng.uniform(0, 6 * jst.HOUR_MS, sent.size), 0)
    arrival = sent.occurred_at_ms + 20 + delay.astype(np.int64)
    arrival = held(sent, arrival, outages_of(rng, month))
    arrival = np.minimum(arrival, sent.occurred_at_ms + MAX_DELAY_MS)
    first = sent._replace(arrival_ms=arrival)
    again = first.select(rng.random(sent.size) < TWICE_SHARE)
    pause = rng.integers(200, 2 * jst.MINUTE_MS, again.size)
    return events.concatenate([first, again._replace(arrival_ms=again.arrival_ms + pause)])
