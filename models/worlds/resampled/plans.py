"""The typologies as a table of edits of honest sequences."""

from dataclasses import dataclass
from typing import Literal

from detector.contract.vocabulary import DEBIT, LINK, PAYMENT, TRANSFER, UNLINK
from models.worlds.resampled.days import date_of
from models.worlds.resampled.market import Market
from models.worlds.resampled.rows import Ints

CashOut = Literal["goods", "mule", "fan_out", "one_shop"]


@dataclass(frozen=True, slots=True)
class Plan:
    """A typology: kinds of event it cannot do without, weight of its share of the cases, how many cases a campaign has,
    from at most how many sources and over how many days, and the edits that its cases differ by.
    """

    name: str
    what: str
    needs: tuple[int, ...] = ()
    weight: int = 1
    campaign: tuple[int, int] = (1, 5)
    sources: int = 1
    spread_days: int = 3
    least_days: int = 1
    whole_cap: bool = True
    straddle: bool = False
    tests: bool = False
    sleeps: bool = False
    verified: bool = False
    sprays: bool = False
    misses: bool = False
    hops: int = 1
    services: int = 1
    cash_out: CashOut = "goods"


#: A mass enrolment has a third of the cases, so that it is of its full size: 20–100 wallets a day (the press).
PLANS = (
    Plan("T1", "ghost wallet, drained to the cap"),
    Plan("T2", "drained before a month's turn and after it", straddle=True, campaign=(1, 3)),
    Plan("T3", "accounts tried in turn, those that open drained", (LINK,), sprays=True, campaign=(1, 3), sources=3),
    Plan("T4", "one source, accounts that nearly all open", (LINK,), misses=True, campaign=(5, 20), spread_days=7),
    Plan("T5", "wallets enrolled in masses on a day", weight=6, campaign=(20, 100), sources=5, spread_days=1),
    Plan("T6", "linked, drained days later", (LINK,), sleeps=True, least_days=2, whole_cap=False),
    Plan("T7", "drained, unlinked, linked to a next wallet", (LINK, UNLINK), hops=3, campaign=(1, 2)),
    Plan("T8", "large payments by one buyer", (PAYMENT,), cash_out="mule", campaign=(5, 20), whole_cap=False),
    Plan("T9", "sent on to wallets and collected", (TRANSFER,), cash_out="fan_out", whole_cap=False),
    Plan("T10", "an account through several services in a day", services=3, whole_cap=False),
    Plan("T11", "small debits first", tests=True),
    Plan("T12", "a verified subscriber's wallet", verified=True),
    Plan("T13", "many wallets at one shop", (PAYMENT,), cash_out="one_shop", campaign=(5, 20), whole_cap=False),
)


def possible(market: Market, coming: Ints) -> tuple[Plan, ...]:
    """Plans that the history's kinds of event, its services and wallets, and the days to come allow."""
    if DEBIT not in market.kinds:
        return ()
    turns = turns_of(coming)
    return tuple(
        plan
        for plan in PLANS
        if market.kinds.issuperset(plan.needs)
        and len(coming) >= plan.least_days
        and (turns or not plan.straddle)
        and (len(market.services) > 1 or plan.services == 1)
        and (len(market.verified) or not plan.verified)
    )


def turns_of(coming: Ints) -> list[int]:
    """First days of a month that have a day before them."""
    return [day for day in coming[1:].tolist() if date_of(day).day == 1]
