"""T5, mass enrolment: on some days a handful of sources open wallets by the dozen; each then goes the way of T1."""

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import OPEN
from producers import events, jst
from producers.draws import Rng
from producers.events import Events
from producers.typologies import acts, drain
from producers.typologies.plan import Parameter, Plan, between

A_DAY = Parameter("wallets_a_day", 20, 100, "wallets", "opened on a day: up to about 100 at the peak (NHK, 11 Sep)")
SOURCES = Parameter("sources", 1, 5, "sources", "of a day's wallets: several came from one address (NHK, 11 Sep)")
SPAN = Parameter("span_h", 2, 10, "h", "in which a day's wallets are opened: assumed")
PARAMETERS = (A_DAY, SOURCES, SPAN, *drain.PARAMETERS)
FIRST_HOUR, LAST_HOUR = 8, 20  # *assumed*; and none so late that a link falls on the next day


def generate(rng: Rng, plan: Plan) -> Events:
    """The events of T5. Where a day has too few cases, wallets are opened that were never used."""
    begins, source, stock = plan.begins_ms.copy(), plan.source.copy(), []
    for members in _days(rng, plan):
        midnight = (int(begins[members].min()) + jst.OFFSET_MS) // jst.DAY_MS * jst.DAY_MS - jst.OFFSET_MS
        span_ms = int(between(rng, plan, SPAN, 1)[0]) * jst.HOUR_MS
        from_ms = midnight + int(rng.integers(FIRST_HOUR * jst.HOUR_MS, LAST_HOUR * jst.HOUR_MS - span_ms + 1))
        sources = plan.supply.sources(int(between(rng, plan, SOURCES, 1)[0]))
        unused = max(0, int(plan.range_of(A_DAY)[0]) - len(members))
        moment = from_ms + rng.integers(0, span_ms, len(members) + unused)
        opener = sources[rng.integers(0, len(sources), len(moment))]
        begins[members], source[members] = moment[unused:], opener[unused:]
        stock.append(_unused(plan.select(members[:1]), moment[:unused], opener[:unused]))
    played = drain.generate(rng, plan._replace(begins_ms=begins, source=source))
    return events.concatenate([played, *stock])


def _days(rng: Rng, plan: Plan) -> list[npt.NDArray[np.int64]]:
    """Cases in bundles of a day each: all of that day and as many of the next as it takes."""
    order = np.argsort(plan.begins_ms, kind="stable")
    day = (plan.begins_ms[order] + jst.OFFSET_MS) // jst.DAY_MS
    bundles, first = [], 0
    while first < len(order):
        same_day = int(np.searchsorted(day, day[first], side="right"))
        after = max(same_day, first + int(between(rng, plan, A_DAY, 1)[0]))
        bundles.append(order[first : min(after, first + int(A_DAY.high))])
        first += len(bundles[-1])
    return bundles


def _unused(plan: Plan, moment: npt.NDArray[np.int64], source: npt.NDArray[np.uint64]) -> Events:
    """Wallets that were opened and not linked in time."""
    size = len(moment)
    wallets = plan.supply.wallets(size)
    return acts.event(
        plan,
        np.zeros(size, np.int64),
        moment,
        kind=OPEN,
        case=plan.supply.campaign(),
        wallet=wallets,
        opened_at_ms=moment,
        source=source,
    )
