"""Building blocks of the typologies: opening and linking a wallet, charging, spending, sending on, paying out."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import (
    CHARGE,
    DEBIT,
    INSUFFICIENT,
    LINK,
    OK,
    OPEN,
    PAYMENT,
    PAYOUT,
    PIN4,
    UNLINK,
    WRONG_CREDENTIALS,
)
from producers import events, jst, shops
from producers.cases import STAGE_OF_KIND
from producers.draws import Rng
from producers.events import Events
from producers.typologies.plan import Parameter, Plan, between

LINK_DELAY = Parameter("link_delay_s", 120, 1_800, "s", "wallet opened to first link attempt: 2-30 min (INCIDENT T1)")
FIRST_CHARGE_DELAY = Parameter("first_charge_delay_s", 20, 600, "s", "link to first charge: assumed")
GAP = Parameter("gap_s", 10, 20, "s", "between charges: the passbook of the 77 Bank's customer")
FAILED_PIN = Parameter("failed_pin_share", 0.0, 0.2, "share", "cases with one wrong PIN first: assumed")
PURCHASES = Parameter("purchases", 2, 6, "payments", "goods within 24 h of the opening: arrests of January 2021")
PURCHASE_YEN = Parameter("purchase_yen", 42_000, shops.MAX_PAYMENT_YEN, "yen", "just under the bar-code limit")

GOODS = ("convenience", "electronics", "tobacco")  # what was bought: tobacco and tablets (press, Jan 2021)
LEAST_PAYMENT_YEN = 500  # a smaller remainder stays in the wallet
PAYOUT_YEN = 20_000  # limit of a payout to a bank (press, Sept 2020)
PAYOUTS_A_MONTH = 5

Indices = npt.NDArray[np.int64]
Moments = npt.NDArray[np.int64]
Yen = npt.NDArray[np.int64]


class Taking(NamedTuple):
    """Charges: their events, and for each case the moment of the last one and the yen received; shape `(n,)`."""

    events: Events
    done_ms: Moments
    yen: Yen


def event(plan: Plan, which: Indices, moment: Moments, *, kind: int, **columns: object) -> Events:
    """Events of one kind of the cases at `which`; other columns may be given."""
    usual: dict[str, object] = {
        "kind": kind,
        "stage": STAGE_OF_KIND[kind],
        "case": plan.case[which],
        "occurred_at_ms": moment,
        "service": plan.service[which],
        "wallet": plan.wallet[which],
        "opened_at_ms": plan.begins_ms[which],
        "verified": plan.verified,
        "source": plan.source[which],
        "account": plan.account[which] if kind in (LINK, UNLINK, DEBIT) else 0,
    }
    return events.build(len(which), **(usual | columns))


def enter(rng: Rng, plan: Plan, linked_ms: Moments | None = None) -> tuple[Events, Moments]:
    """Each wallet opened and linked, after a wrong PIN here and there; and when the link was made.

    `linked_ms`: the first attempt, else some minutes after the opening.
    """
    size = plan.size
    linked = plan.begins_ms + between(rng, plan, LINK_DELAY, size) * jst.SECOND_MS if linked_ms is None else linked_ms
    fails = np.flatnonzero(rng.random(size) < rng.uniform(*plan.range_of(FAILED_PIN)))
    failed_at = linked[fails]
    linked[fails] += rng.integers(15, 60, len(fails)) * jst.SECOND_MS
    every = np.arange(size)
    played = [
        event(plan, every, plan.begins_ms, kind=OPEN),
        event(plan, fails, failed_at, kind=LINK, auth=PIN4, result=WRONG_CREDENTIALS),
        event(plan, every, linked, kind=LINK, auth=PIN4, result=OK),
    ]
    return events.concatenate(played), linked


def first_charge(rng: Rng, plan: Plan, linked_ms: Moments) -> Moments:
    """When each case begins to charge, soon after its link."""
    return linked_ms + between(rng, plan, FIRST_CHARGE_DELAY, plan.size) * jst.SECOND_MS


def charges(
    rng: Rng,
    plan: Plan,
    begins_ms: Moments,
    wanted: Yen,
    limit: Yen | None = None,
    refusal: npt.NDArray[np.int64] | int = INSUFFICIENT,
) -> Taking:
    """Charges of the `wanted` yen, shape `(n, most)`, 0 for none, some seconds apart.

    Where the sum passes `limit` (that of the plan, if not given) the charge is refused and the rest is charged instead.
    """
    limit = plan.yen if limit is None else limit
    low, high = plan.range_of(GAP)
    gaps = rng.integers(int(low * jst.SECOND_MS), int(high * jst.SECOND_MS) + 1, wanted.shape)
    moments = begins_ms[:, None] + np.cumsum(gaps, axis=1) - gaps[:, :1]
    allowed = np.minimum(np.cumsum(wanted, axis=1), limit[:, None])
    given = np.diff(allowed, axis=1, prepend=0)
    short = (given < wanted) & (np.cumsum(given < wanted, axis=1) == 1)
    failed_at = moments.copy()
    moments[short] += gaps[short]
    case = np.broadcast_to(np.arange(plan.size)[:, None], wanted.shape)
    some = given > 0
    taken = event(plan, case[some], moments[some], kind=DEBIT, amount_yen=given[some], purpose=CHARGE, result=OK)
    result = np.broadcast_to(refusal, plan.size)[case[short]]
    refused = event(
        plan, case[short], failed_at[short], kind=DEBIT, amount_yen=wanted[short], purpose=CHARGE, result=result
    )
    done = np.where(some | short, moments, begins_ms[:, None]).max(axis=1)
    return Taking(events.concatenate([taken, refused]), done, given.sum(axis=1))


def goods(rng: Rng, plan: Plan, charged_ms: Moments, money: Yen) -> Events:
    """Goods bought with the money, within a day of the wallet's opening."""
    count = between(rng, plan, PURCHASES, plan.size)
    case = np.repeat(np.arange(plan.size), count)
    moment = charged_ms[case] + rng.integers(5 * jst.MINUTE_MS, 22 * jst.HOUR_MS, len(case))
    yen = between(rng, plan, PURCHASE_YEN, len(case))
    shop = shops.of_category(rng, GOODS, len(case), plan.accounts)
    return payments(plan, case, moment, affordable(case, yen, money), shop)


def payments(plan: Plan, case: Indices, moment: Moments, yen: Yen, shop: npt.NDArray[np.uint64]) -> Events:
    """Payments of those amounts that are at least `LEAST_PAYMENT_YEN`."""
    paid = yen >= LEAST_PAYMENT_YEN
    return event(plan, case[paid], moment[paid], kind=PAYMENT, amount_yen=yen[paid], shop=shop[paid])


def affordable(case: Indices, yen: Yen, money: Yen) -> Yen:
    """The amounts cut to what is left of each case's `money`; `case` is in ascending order."""
    spent = np.cumsum(yen)
    first = np.searchsorted(case, case)  # index of the case's first amount
    before = spent - yen
    left: Yen = money[case] - (before - before[first])
    return np.clip(yen, 0, np.maximum(left, 0))


def parts(rng: Rng, case: Indices, total: Yen) -> Yen:
    """`total` yen of each case in as many parts as `case` names it; the largest is at most 7/3 of the smallest."""
    weight = rng.uniform(0.6, 1.4, len(case))
    sums = np.bincount(case, weight, len(total))
    share: Yen = (total[case] * weight / sums[case]).astype(np.int64)
    return share


def payouts(plan: Plan, which: Indices, moment: Moments) -> Events:
    """Payouts of the usual limit to a bank account."""
    return event(plan, which, moment, kind=PAYOUT, amount_yen=PAYOUT_YEN)
