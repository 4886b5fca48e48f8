"""T4, pin-point: the thief knows the PINs; one attempt an account, nearly all succeed, some wallets take several."""

import math

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import LINK, OK, OPEN, PIN4, WRONG_CREDENTIALS
from producers import events, jst
from producers.draws import Rng
from producers.events import Events
from producers.typologies import acts, drain
from producers.typologies.plan import Parameter, Plan, between, bundles, one_of

SUCCESS = Parameter("success", 0.8, 1.0, "share", "of attempts, one an account: the operator's statement, more assumed")
PER_WALLET = Parameter("accounts_per_wallet", 1, 3, "accounts", "linked to one wallet one after the other: assumed")
NEXT_LINK = Parameter("next_link_min", 2, 20, "min", "between the links of one wallet: assumed")
PARAMETERS = (
    SUCCESS,
    PER_WALLET,
    NEXT_LINK,
    acts.LINK_DELAY,
    acts.FIRST_CHARGE_DELAY,
    acts.GAP,
    acts.PURCHASES,
    acts.PURCHASE_YEN,
)


def generate(rng: Rng, plan: Plan) -> Events:
    """The events of T4 for each case of `plan`; a case whose attempt fails has no more than that."""
    owner, turn = _shared_wallets(rng, plan)
    delay_ms = between(rng, plan, acts.LINK_DELAY, plan.size) * jst.SECOND_MS
    plan = plan._replace(**{name: getattr(plan, name)[owner] for name in ("begins_ms", "wallet", "service", "source")})
    linked = plan.begins_ms + delay_ms[owner] + turn * between(rng, plan, NEXT_LINK, plan.size) * jst.MINUTE_MS
    result = np.full(plan.size, OK)
    result[rng.permutation(plan.size)[: _failures(plan.size, one_of(rng, plan, SUCCESS))]] = WRONG_CREDENTIALS
    owners = np.flatnonzero(turn == 0)
    opens = acts.event(plan, owners, plan.begins_ms[owners], kind=OPEN)
    links = acts.event(plan, np.arange(plan.size), linked, kind=LINK, auth=PIN4, result=result)
    good = np.flatnonzero(result == OK)
    robbed = plan.select(good)
    charged = acts.first_charge(rng, robbed, linked[good])
    taking = drain.to_cap(rng, robbed, charged)
    return events.concatenate([opens, links, taking.events, acts.goods(rng, robbed, charged, taking.yen)])


def _shared_wallets(rng: Rng, plan: Plan) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The case whose wallet each case uses, and which account of that wallet it is; shape `(n,)`."""
    owner, turn = np.zeros(plan.size, np.int64), np.zeros(plan.size, np.int64)
    for members in bundles(rng, plan, PER_WALLET):
        owner[members], turn[members] = members[0], np.arange(len(members))
    return owner, turn


def _failures(size: int, success: float) -> int:
    """How many attempts fail: fewer than the share allows, so that more than 80 % succeed."""
    return max(0, math.ceil(size * (1 - success)) - 1)
