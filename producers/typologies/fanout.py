"""T9, fan-out: the charged money goes to several other wallets and from them to one collector, who cashes it."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import OPEN, PAYMENT, PAYOUT, TRANSFER
from producers import events, jst, shops
from producers.draws import Rng
from producers.events import Events
from producers.typologies import acts, drain
from producers.typologies.plan import Parameter, Plan, between, bundles

RECEIVERS = Parameter("receivers", 2, 6, "wallets", "that a case's money goes to (INCIDENT T9)")
CASES = Parameter("cases_per_collector", 3, 8, "cases", "that end at one collector: assumed")
MULES = Parameter("mules", 6, 10, "wallets", "of one collector, to choose receivers from: assumed")
SEND_DELAY = Parameter("send_delay_min", 2, 60, "min", "last charge to a transfer: assumed")
PASS_DELAY = Parameter("pass_delay_min", 5, 360, "min", "transfer received to transfer sent on: assumed")
MULE_AGE = Parameter("mule_age_h", 1, 168, "h", "receivers' wallets at the first case: assumed")
PAYOUTS = Parameter("payouts", 1, acts.PAYOUTS_A_MONTH, "payouts", "of 20,000 yen a month: the limit (INCIDENT)")
PARAMETERS = (
    acts.LINK_DELAY,
    acts.FIRST_CHARGE_DELAY,
    acts.GAP,
    acts.FAILED_PIN,
    RECEIVERS,
    CASES,
    MULES,
    SEND_DELAY,
    PASS_DELAY,
    MULE_AGE,
    PAYOUTS,
    acts.PURCHASE_YEN,
)
MONEY_OUT = 0.95  # of what reached a collector is cashed; *assumed*
CASH_DAYS = 3  # in which it is; *assumed*


class Ring(NamedTuple):
    """Wallets of one collector: those of its mules, shape `(m,)`, and its own; opened at `opened_ms`, own one last."""

    campaign: int
    mules: npt.NDArray[np.uint64]
    collector: np.uint64
    opened_ms: npt.NDArray[np.int64]
    sources: npt.NDArray[np.uint64]  # of the mules, and of the collector


def generate(rng: Rng, plan: Plan) -> Events:
    """The events of T9: a case's money up to the collector is the case's, what the ring does beyond the campaign's."""
    played = []
    for members in bundles(rng, plan, CASES):
        # Money moves within one service.
        of = plan.select(members)._replace(service=np.full(len(members), plan.service[members[0]]))
        ring = _ring(rng, of)
        entered, linked = acts.enter(rng, of)
        taking = drain.to_cap(rng, of, acts.first_charge(rng, of, linked))
        played += [_opens(of, ring), entered, taking.events, *_transfers(rng, of, ring, taking)]
        played.append(_cash(rng, of, ring, played[-1]))
    return events.concatenate(played)


def _ring(rng: Rng, plan: Plan) -> Ring:
    wallets = plan.supply.wallets(int(between(rng, plan, MULES, 1)[0]) + 1)
    ages = between(rng, plan, MULE_AGE, len(wallets)) * jst.HOUR_MS
    opened = plan.begins_ms.min() - ages
    return Ring(plan.supply.campaign(), wallets[:-1], wallets[-1], opened, plan.supply.sources(2))


def _opens(plan: Plan, ring: Ring) -> Events:
    none = np.zeros(len(ring.opened_ms), np.int64)
    return acts.event(
        plan,
        none,
        ring.opened_ms,
        kind=OPEN,
        case=ring.campaign,
        wallet=np.append(ring.mules, ring.collector),
        opened_at_ms=ring.opened_ms,
        source=ring.sources[np.append(none[1:], 1)],
    )


def _transfers(rng: Rng, plan: Plan, ring: Ring, taking: acts.Taking) -> tuple[Events, Events]:
    """From each case's wallet to its receivers, and from those on to the collector."""
    count = np.minimum(between(rng, plan, RECEIVERS, plan.size), len(ring.mules))
    mule = np.concatenate([rng.permutation(len(ring.mules))[:k] for k in count.tolist()])
    case = np.repeat(np.arange(plan.size), count)
    yen = acts.parts(rng, case, taking.yen)
    case, mule, yen = case[yen > 0], mule[yen > 0], yen[yen > 0]
    sent_ms = taking.done_ms[case] + between(rng, plan, SEND_DELAY, len(case)) * jst.MINUTE_MS
    passed_ms = sent_ms + between(rng, plan, PASS_DELAY, len(case)) * jst.MINUTE_MS
    sent = acts.event(plan, case, sent_ms, kind=TRANSFER, amount_yen=yen, counterparty=ring.mules[mule])
    passed = acts.event(
        plan,
        case,
        passed_ms,
        kind=TRANSFER,
        amount_yen=yen,
        counterparty=ring.collector,
        wallet=ring.mules[mule],
        opened_at_ms=ring.opened_ms[mule],
        source=ring.sources[0],
    )
    return sent, passed


def _cash(rng: Rng, plan: Plan, ring: Ring, received: Events) -> Events:
    """What the collector does with the money: payouts up to the month's limit, goods with the rest."""
    money = int(received.amount_yen.sum() * MONEY_OUT)
    last_ms = int(received.occurred_at_ms.max(initial=0))
    out = min(int(between(rng, plan, PAYOUTS, 1)[0]), money // acts.PAYOUT_YEN)
    count = (money - out * acts.PAYOUT_YEN) // shops.MAX_PAYMENT_YEN
    own = {
        "case": ring.campaign,
        "wallet": ring.collector,
        "opened_at_ms": ring.opened_ms[-1],
        "source": ring.sources[1],
    }
    moments = last_ms + rng.integers(10 * jst.MINUTE_MS, CASH_DAYS * jst.DAY_MS, out + count)
    none = np.zeros(out + count, np.int64)
    paid = acts.event(plan, none[:out], moments[:out], kind=PAYOUT, amount_yen=acts.PAYOUT_YEN, **own)
    yen = between(rng, plan, acts.PURCHASE_YEN, count)
    shop = shops.of_category(rng, acts.GOODS, count, plan.accounts)
    bought = acts.event(plan, none[out:], moments[out:], kind=PAYMENT, amount_yen=yen, shop=shop, **own)
    return events.concatenate([paid, bought])
