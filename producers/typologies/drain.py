"""T1, ghost wallet and drain to the cap: open, link by PIN, take 300,000 yen in a minute, buy goods."""

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import (
    CHARGE,
    DEBIT,
    LINK,
    MONTHLY_CAP_YEN,
    OK,
    OPEN,
    PAYMENT,
    PIN4,
    WRONG_CREDENTIALS,
)
from producers import events, jst, shops
from producers.draws import Rng, pick
from producers.events import Events
from producers.typologies.plan import Parameter, Plan

LINK_DELAY = Parameter("link_delay_s", 120, 1_800, "s", "wallet opened to first link attempt: 2-30 min (INCIDENT T1)")
FIRST_CHARGE_DELAY = Parameter("first_charge_delay_s", 20, 600, "s", "link to first charge: assumed")
GAP = Parameter("gap_s", 10, 20, "s", "between charges: the passbook of the 77 Bank's customer")
FAILED_PIN = Parameter("failed_pin_share", 0.0, 0.2, "share", "cases with one wrong PIN first: assumed")
PURCHASES = Parameter("purchases", 2, 6, "payments", "goods within 24 h of the opening: arrests of January 2021")
PURCHASE_YEN = Parameter("purchase_yen", 42_000, shops.MAX_PAYMENT_YEN, "yen", "just under the bar-code limit")
PARAMETERS = (LINK_DELAY, FIRST_CHARGE_DELAY, GAP, FAILED_PIN, PURCHASES, PURCHASE_YEN)

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
GOODS = ("convenience", "electronics", "tobacco")  # what was bought: tobacco and tablets (press, Jan 2021)


def generate(rng: Rng, plan: Plan) -> Events:
    """The events of T1 for each case of `plan`."""
    size = len(plan.case)
    linked = plan.begins_ms + _between(rng, LINK_DELAY, size) * jst.SECOND_MS
    fails = np.flatnonzero(rng.random(size) < rng.uniform(FAILED_PIN.low, FAILED_PIN.high))
    failed_at = linked[fails]
    linked[fails] += rng.integers(15, 60, len(fails)) * jst.SECOND_MS
    charged = linked + _between(rng, FIRST_CHARGE_DELAY, size) * jst.SECOND_MS
    every = np.arange(size)
    return events.concatenate(
        [
            _event(plan, every, plan.begins_ms, kind=OPEN, account=0),
            _event(plan, fails, failed_at, kind=LINK, auth=PIN4, result=WRONG_CREDENTIALS),
            _event(plan, every, linked, kind=LINK, auth=PIN4, result=OK),
            charges(rng, plan, charged, pick(rng, np.arange(len(SPLITS)), [share for _, share in SPLITS], size)),
            _purchases(rng, plan, charged),
        ]
    )


def charges(rng: Rng, plan: Plan, begins_ms: npt.NDArray[np.int64], split: npt.NDArray[np.int64]) -> Events:
    """The debits of each case from `begins_ms` on, by its row of `SPLITS`."""
    yen = _YEN[split]
    gaps = rng.integers(int(GAP.low * jst.SECOND_MS), int(GAP.high * jst.SECOND_MS) + 1, yen.shape)
    moments = begins_ms[:, None] + np.cumsum(gaps, axis=1) - gaps[:, :1]
    some = yen > 0
    case = np.broadcast_to(np.arange(len(begins_ms))[:, None], yen.shape)[some]
    return _event(plan, case, moments[some], kind=DEBIT, amount_yen=yen[some], purpose=CHARGE, result=OK)


def _purchases(rng: Rng, plan: Plan, charged: npt.NDArray[np.int64]) -> Events:
    """Goods bought with the money, within a day of the wallet's opening."""
    count = rng.integers(int(PURCHASES.low), int(PURCHASES.high) + 1, len(charged))
    case = np.repeat(np.arange(len(charged)), count)
    moment = charged[case] + rng.integers(5 * jst.MINUTE_MS, 22 * jst.HOUR_MS, len(case))
    yen = rng.integers(int(PURCHASE_YEN.low), int(PURCHASE_YEN.high) + 1, len(case))
    shop = shops.of_category(rng, GOODS, len(case), plan.accounts)
    return _event(plan, case, moment, kind=PAYMENT, account=0, amount_yen=yen, shop=shop)


def _event(plan: Plan, which: npt.NDArray[np.int64], moment: npt.NDArray[np.int64], **columns: object) -> Events:
    return events.build(
        len(which),
        **{
            "case": plan.case[which],
            "occurred_at_ms": moment,
            "service": plan.service[which],
            "wallet": plan.wallet[which],
            "opened_at_ms": plan.begins_ms[which],
            "verified": False,
            "source": plan.source[which],
            "account": plan.account[which],
            **columns,
        },
    )


def _between(rng: Rng, parameter: Parameter, size: int) -> npt.NDArray[np.int64]:
    return rng.integers(int(parameter.low), int(parameter.high) + 1, size)
