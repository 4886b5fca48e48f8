"""T7, relink hop: drain to the cap, cut the tie, link the same account to a fresh wallet, and again."""

import numpy as np

from detector.contract.vocabulary import UNLINK
from producers import events, jst
from producers.draws import Rng
from producers.events import Events
from producers.typologies import acts, drain
from producers.typologies.plan import Parameter, Plan, between

HOPS = Parameter("hops", 2, 5, "wallets", "one after the other on one account: suspected (INCIDENT T7)")
UNLINK_DELAY = Parameter("unlink_delay_min", 1, 60, "min", "last charge to the cut of the tie: assumed")
NEXT_WALLET = Parameter("next_wallet_min", 10, 2_880, "min", "cut to the opening of the next wallet: assumed")
PARAMETERS = (*drain.PARAMETERS, HOPS, UNLINK_DELAY, NEXT_WALLET)
#: Opening, link, charges and cut of one hop take less.
LONGEST_HOP_MS = 2 * jst.HOUR_MS


def generate(rng: Rng, plan: Plan) -> Events:
    """The events of T7; all hops come before the bank stops new links."""
    hops = between(rng, plan, HOPS, plan.size)
    latest = plan.link_until_ms - hops * (LONGEST_HOP_MS + jst.HOUR_MS)
    now = plan._replace(begins_ms=np.minimum(plan.begins_ms, latest))
    played = []
    while now.size:
        entered, linked = acts.enter(rng, now)
        charged = acts.first_charge(rng, now, linked)
        taking = drain.to_cap(rng, now, charged)
        cut = taking.done_ms + between(rng, now, UNLINK_DELAY, now.size) * jst.MINUTE_MS
        unlinked = acts.event(now, np.arange(now.size), cut, kind=UNLINK)
        played += [entered, taking.events, unlinked, acts.goods(rng, now, charged, taking.yen)]
        hops -= 1
        left = np.flatnonzero(hops)
        pause = between(rng, now, NEXT_WALLET, now.size) * jst.MINUTE_MS
        room = (np.minimum(now.link_until_ms, now.ends_ms) - cut) // np.maximum(hops, 1) - LONGEST_HOP_MS
        begins = cut + np.clip(pause, int(NEXT_WALLET.low) * jst.MINUTE_MS, np.maximum(room, 0))
        now = now._replace(begins_ms=begins, wallet=now.supply.wallets(now.size)).select(left)
        hops = hops[left]
    return events.concatenate(played)
