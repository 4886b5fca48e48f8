"""T13, store burst: many drained wallets spend at one shop within hours."""

import numpy as np

from producers import events, jst, shops
from producers.draws import Rng
from producers.events import Events
from producers.typologies import acts, drain
from producers.typologies.acts import Moments
from producers.typologies.plan import Parameter, Plan, between, bundles

WALLETS = Parameter("wallets", 10, 40, "wallets", "that spend at one shop: assumed (INCIDENT T13)")
HOURS = Parameter("burst_h", 1, 6, "h", "from first to last payment: 'within hours' (INCIDENT T13), assumed")
SPREAD = Parameter("drains_h", 1, 6, "h", "in which the wallets are opened and charged: assumed")
PAUSE = Parameter("pause_h", 1, 12, "h", "last charge to the burst: assumed")
PARAMETERS = (
    acts.LINK_DELAY,
    acts.FIRST_CHARGE_DELAY,
    acts.GAP,
    acts.FAILED_PIN,
    WALLETS,
    HOURS,
    SPREAD,
    PAUSE,
    acts.PURCHASES,
    acts.PURCHASE_YEN,
)


def generate(rng: Rng, plan: Plan) -> Events:
    """The events of T13 for each case of `plan`."""
    played = []
    for members in bundles(rng, plan, WALLETS):
        of = plan.select(members)
        spread_ms = int(between(rng, plan, SPREAD, 1)[0]) * jst.HOUR_MS
        of = of._replace(begins_ms=_together(rng, of, spread_ms))
        entered, linked = acts.enter(rng, of)
        taking = drain.to_cap(rng, of, acts.first_charge(rng, of, linked))
        played += [entered, taking.events, _burst(rng, of, taking)]
    return events.concatenate(played)


def _together(rng: Rng, plan: Plan, spread_ms: int) -> Moments:
    """Begins within hours of the first one, and in time for the link."""
    begins = plan.begins_ms.min() + rng.integers(0, spread_ms, plan.size)
    latest: Moments = np.minimum(begins, np.maximum(plan.link_until_ms - 2 * jst.HOUR_MS, plan.begins_ms.min()))
    return latest


def _burst(rng: Rng, plan: Plan, taking: acts.Taking) -> Events:
    """The payments of all wallets at one shop."""
    from_ms = int(taking.done_ms.max()) + int(between(rng, plan, PAUSE, 1)[0]) * jst.HOUR_MS
    length_ms = int(between(rng, plan, HOURS, 1)[0]) * jst.HOUR_MS
    case = np.repeat(np.arange(plan.size), between(rng, plan, acts.PURCHASES, plan.size))
    moment = from_ms + rng.integers(0, length_ms, len(case))
    yen = acts.affordable(case, between(rng, plan, acts.PURCHASE_YEN, len(case)), taking.yen)
    shop = np.repeat(shops.of_category(rng, acts.GOODS, 1, plan.accounts), len(case))
    return acts.payments(plan, case, moment, yen, shop)
