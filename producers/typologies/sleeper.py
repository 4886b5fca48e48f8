"""T6, sleeper link: linked while it was possible, charged days later, when new links had been stopped."""

import numpy as np

from producers import events, jst
from producers.draws import Rng
from producers.events import Events
from producers.typologies import acts, drain
from producers.typologies.plan import NEVER_MS, Parameter, Plan

SLEEP = Parameter("sleep_days", 1, 30, "days", "link to first charge: the case after the stop of 10 Sep; assumed")
PARAMETERS = (
    acts.LINK_DELAY,
    acts.FAILED_PIN,
    SLEEP,
    acts.GAP,
    acts.PURCHASES,
    acts.PURCHASE_YEN,
)


def generate(rng: Rng, plan: Plan) -> Events:
    """The events of T6: the first charge comes after the stop, if there is one, and before the days end, if it can."""
    low, high = (int(days * jst.DAY_MS) for days in plan.range_of(SLEEP))
    entered, linked = acts.enter(rng, plan)
    stopped = np.where(plan.link_until_ms == NEVER_MS, 0, plan.link_until_ms)
    earliest = np.clip(stopped, linked + low, linked + high)
    latest = np.clip(plan.ends_ms - jst.HOUR_MS, earliest, linked + high)
    charged = earliest + (rng.random(plan.size) * (latest - earliest)).astype(np.int64)
    taking = drain.to_cap(rng, plan, charged)
    return events.concatenate([entered, taking.events, acts.goods(rng, plan, charged, taking.yen)])
