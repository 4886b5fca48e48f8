"""T1, ghost wallet and drain to the cap: open, link by PIN, take 300,000 yen in a minute, buy goods.

T12 is the same with the wallet of a verified subscriber, often an old one.
"""

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import INSUFFICIENT, MONTHLY_CAP_YEN
from producers import events, jst
from producers.draws import Rng, pick
from producers.events import Events
from producers.typologies import acts
from producers.typologies.plan import Parameter, Plan, between, one_of

PARAMETERS = (
    acts.LINK_DELAY,
    acts.FIRST_CHARGE_DELAY,
    acts.GAP,
    acts.FAILED_PIN,
    acts.PURCHASES,
    acts.PURCHASE_YEN,
)
OLD_SHARE = Parameter("old_wallet_share", 0.3, 0.7, "share", "wallets opened long before the fraud: assumed")
WALLET_AGE = Parameter("wallet_age_days", 10, 600, "days", "of those when they are linked: assumed")

#: Ways to take the cap, in charges of thousands of yen, and how often; the first is the trace, the others *assumed*.
SPLITS: tuple[tuple[tuple[int, ...], float], ...] = (
    ((100, 90, 90, 20), 0.40),
    ((100, 100, 100), 0.25),
    ((90, 90, 90, 30), 0.15),
    ((100, 100, 50, 50), 0.12),
    ((60, 60, 60, 60, 60), 0.08),
)
_MOST = max(len(split) for split, _ in SPLITS)
_YEN = np.array([split + (0,) * (_MOST - len(split)) for split, _ in SPLITS], np.int64) * 1_000
assert (_YEN.sum(axis=1) == MONTHLY_CAP_YEN).all()


def generate(rng: Rng, plan: Plan) -> Events:
    """The events of T1 for each case of `plan`."""
    return _from_links(rng, plan, *acts.enter(rng, plan))


def generate_verified(rng: Rng, plan: Plan) -> Events:
    """The events of T12 for each case of `plan`."""
    size = plan.size
    linked = plan.begins_ms + between(rng, plan, acts.LINK_DELAY, size) * jst.SECOND_MS
    old = rng.random(size) < one_of(rng, plan, OLD_SHARE)
    age_ms = between(rng, plan, WALLET_AGE, size) * jst.DAY_MS
    subscribers = plan._replace(begins_ms=np.where(old, plan.begins_ms - age_ms, plan.begins_ms), verified=True)
    return _from_links(rng, subscribers, *acts.enter(rng, subscribers, linked))


def _from_links(rng: Rng, plan: Plan, entered: Events, linked_ms: npt.NDArray[np.int64]) -> Events:
    charged = acts.first_charge(rng, plan, linked_ms)
    taking = to_cap(rng, plan, charged)
    return events.concatenate([entered, taking.events, acts.goods(rng, plan, charged, taking.yen)])


def to_cap(
    rng: Rng,
    plan: Plan,
    begins_ms: npt.NDArray[np.int64],
    limit: npt.NDArray[np.int64] | None = None,
    refusal: npt.NDArray[np.int64] | int = INSUFFICIENT,
) -> acts.Taking:
    """The whole monthly cap from each account, from `begins_ms` on, or what `limit` leaves: see `acts.charges`."""
    split = pick(rng, np.arange(len(SPLITS)), [share for _, share in SPLITS], plan.size)
    return acts.charges(rng, plan, begins_ms, _YEN[split], limit, refusal)
