"""The figures of normal life as tables: what is measured, within which bounds, and where the bounds come from."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from detector.contract.vocabulary import (
    DEBIT,
    EKYC,
    INSUFFICIENT,
    LINK,
    LOCKED,
    MONTHLY_CAP_YEN,
    OK,
    OPEN,
    OTP,
    OVER_CAP,
    PAYMENT,
    PAYOUT,
    PIN4,
    REFUSED,
    TRANSFER,
    WRONG_CREDENTIALS,
)
from producers import jst, season
from producers import life_measures as measured
from producers.life import Life, share
from producers.payouts import MAX_PAYOUT_YEN, PAYOUTS_A_MONTH
from producers.shops import MAX_PAYMENT_YEN
from producers.ties import CAMPUS, CARRIER, COUNTER, HOUSEHOLD

Measure = Callable[[Life], float]
#: Rates are scaled to the population of our scenarios, whatever the size of the one measured.
STANDARD_ACCOUNTS = 60_000
CASES_A_DAY = 170 / 16  # 1-16 September 2020 (INCIDENT)
HIDDEN = 50 * CASES_A_DAY / 2  # honest newcomers to hide them; the offer of September doubles what is usual

LIMIT = "published limit"
NAMED = "named in INCIDENT.md; size assumed"
USUAL = "1,000 … 30,000 are usual (press); weights assumed"
ASSUMED = "assumed"
CENSUS = "2.2 persons a household (census 2020)"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: `measure(life)` lies between `low` and `high`, both included, by what `basis` says."""

    name: str
    unit: str
    measure: Measure
    low: float
    high: float
    basis: str


def _scaled(measure: Measure, per_accounts: int = 1_000) -> Measure:
    """A number of the month for so many accounts."""
    return lambda life: measure(life) / life.accounts * per_accounts


def _a_day(measure: Measure) -> Measure:
    """A number of the month as a day of the standard population."""
    return lambda life: measure(life) / life.days / life.accounts * STANDARD_ACCOUNTS


def _each(measure: Measure) -> Measure:
    """A number of the month for each case."""
    return lambda life: _a_day(measure)(life) / CASES_A_DAY


def _newcomers(life: Life) -> float:
    return measured.newcomers(life).size


def _begin_big(life: Life) -> float:
    return _newcomers(life) * measured.big_starts(life)


def _result(kind: int, result: int) -> Measure:
    return lambda life: share(life.of(kind).result == result)


def _auth(auth: int) -> Measure:
    return lambda life: share(life.of(LINK).auth == auth)


def _yen(kind: int, quantile: float) -> Measure:
    return lambda life: float(np.quantile(life.of(kind).amount_yen, quantile, method="lower"))


def _wallets(kind: int, quantile: float) -> Measure:
    return lambda life: float(np.quantile(measured.wallets_by_source(life, kind), quantile, method="lower"))


def _late(over_ms: int) -> Measure:
    return lambda life: share(life.once.arrival_ms - life.once.occurred_at_ms > over_ms)


def _pay_day(life: Life) -> float:
    debits = life.per_day(DEBIT)
    return float(debits[season.pay_day(life.month).day - 1] / np.median(debits))


def _campaign(life: Life) -> float:
    offered = np.array([season.campaign(day) is not None for day in jst.days_of(life.month)])
    return float(life.per_day(OPEN)[offered].mean() / life.per_day(OPEN)[~offered].mean())


def _nights(life: Life) -> float:
    hours = np.bincount(jst.hour_of(life.of(DEBIT).occurred_at_ms), minlength=24)
    return float(hours[1:5].mean() / hours[[8, 12, 18, 19, 20]].mean())


def _families(life: Life) -> float:
    wallets = measured.wallets_by_source(life, HOUSEHOLD)
    return share((wallets >= 2) & (wallets <= 5))


WHEN = (
    Figure("debits on pay-day, of a median day", "times", _pay_day, 2, 8, NAMED),
    Figure("debits on the 1st, of the 15th", "times", measured.month_start, 1.1, 3, NAMED),
    Figure("new wallets on campaign days, of other days", "times", _campaign, 1.2, 3, NAMED),
    Figure("debits in an hour of the night (1-5), of a busy hour", "share", _nights, 0, 0.2, ASSUMED),
)
TIES = (
    Figure(
        "wallets opened, linked and charged within 2 h, a day",
        "wallets",
        _a_day(_newcomers),
        HIDDEN,
        600,
        "50 for each case of September 2020",
    ),
    Figure("of those, with a first charge of 50,000 yen and more", "share", measured.big_starts, 0.03, 0.15, ASSUMED),
    Figure("attempts for each link made", "tries", measured.tries, 1.05, 1.25, ASSUMED),
    Figure("attempts with wrong credentials", "share", _result(LINK, WRONG_CREDENTIALS), 0.05, 0.15, ASSUMED),
    Figure("attempts that lock the method", "share", _result(LINK, LOCKED), 0.0005, 0.02, ASSUMED),
    Figure("links by PIN alone", "share", _auth(PIN4), 0.3, 0.8, NAMED),
    Figure("links by one-time passcode", "share", _auth(OTP), 0.1, 0.5, NAMED),
    Figure("links by eKYC", "share", _auth(EKYC), 0.1, 0.5, NAMED),
    Figure("links again from a new phone, of 1,000 accounts", "links", _scaled(measured.relinks), 5, 80, NAMED),
    Figure("accounts moved to a fresh wallet, of 1,000", "accounts", _scaled(measured.moved), 2, 40, ASSUMED),
    Figure("accounts debited by several wallets", "share", measured.several_wallets, 0.05, 0.3, ASSUMED),
    Figure("wallets that debit several accounts", "share", measured.several_accounts, 0.02, 0.12, ASSUMED),
    Figure("days of an account with several services", "share", measured.several_services, 0.01, 0.08, ASSUMED),
)
MONEY = (
    Figure("median debit", "yen", _yen(DEBIT, 0.5), 3_000, 10_000, USUAL),
    Figure("debit that one in twenty passes", "yen", _yen(DEBIT, 0.95), 20_000, 60_000, USUAL),
    Figure("debits carried out", "share", _result(DEBIT, OK), 0.95, 1, ASSUMED),
    Figure("debits without funds", "share", _result(DEBIT, INSUFFICIENT), 0.008, 0.03, ASSUMED),
    Figure("of those, tried again within ten minutes", "share", measured.retried, 0.3, 0.7, ASSUMED),
    Figure("debits over the cap", "share", _result(DEBIT, OVER_CAP), 0.0002, 0.01, ASSUMED),
    Figure("debits refused", "share", _result(DEBIT, REFUSED), 0.0001, 0.003, ASSUMED),
    Figure("most charged by a wallet", "yen", measured.most_charged, MONTHLY_CAP_YEN, MONTHLY_CAP_YEN, LIMIT),
    Figure("whole caps within an hour, a day", "owners", _a_day(measured.whole_caps), 1, 15, NAMED),
)
SOURCES = (
    Figure("wallets at a home, median", "wallets", _wallets(HOUSEHOLD, 0.5), 1, 3, CENSUS),
    Figure("homes with two to five wallets", "share", _families, 0.35, 0.75, CENSUS),
    Figure("wallets behind a carrier's address, median", "wallets", _wallets(CARRIER, 0.5), 500, 5_000, NAMED),
    Figure("wallets on a campus, median", "wallets", _wallets(CAMPUS, 0.5), 50, 1_000, ASSUMED),
    Figure("wallets set up at a shop's counter, median", "wallets", _wallets(COUNTER, 0.5), 5, 200, ASSUMED),
    Figure("most wallets opened at one source in a day", "wallets", measured.opened_at_one_source, 4, 100, ASSUMED),
)
SPENDING = (
    Figure("median payment", "yen", _yen(PAYMENT, 0.5), 500, 3_000, ASSUMED),
    Figure("largest payment", "yen", _yen(PAYMENT, 1.0), 49_500, MAX_PAYMENT_YEN, LIMIT),
    Figure("payments of 42,000 yen and more, a day", "payments", _a_day(measured.near_the_limit), 20, 300, ASSUMED),
    Figure("charges of 100,000 yen, half gone within a day", "share", measured.spent_soon, 0.1, 0.7, ASSUMED),
    Figure("tobacco for 30,000 yen, of 1,000 accounts", "wallets", _scaled(measured.smokers), 0.5, 20, NAMED),
    Figure("electronics for 30,000 yen, of 1,000 accounts", "wallets", _scaled(measured.tablets), 2, 80, NAMED),
    Figure("median transfer", "yen", _yen(TRANSFER, 0.5), 1_000, 6_000, ASSUMED),
    Figure("senders to one wallet in a thousand, at least", "wallets", measured.fan_in, 15, 60, ASSUMED),
    Figure("receivers from one wallet in a thousand, at least", "wallets", measured.fan_out, 4, 60, ASSUMED),
    Figure("largest payout", "yen", _yen(PAYOUT, 1.0), MAX_PAYOUT_YEN, MAX_PAYOUT_YEN, LIMIT),
    Figure("most payouts of a wallet", "payouts", measured.most_payouts, PAYOUTS_A_MONTH, PAYOUTS_A_MONTH, LIMIT),
)
BUS = (
    Figure("events that come twice", "share", lambda life: 1 - life.once.size / life.arrived.size, 0.001, 0.004, NAMED),
    Figure("events more than a minute late", "share", _late(jst.MINUTE_MS), 0.003, 0.03, NAMED),
    Figure("events more than an hour late", "share", _late(jst.HOUR_MS), 0.0001, 0.01, NAMED),
    Figure("late events of a bank in one minute, at most", "events", measured.largest_heap, 5, 5_000, NAMED),
)
SECTIONS: dict[str, tuple[Figure, ...]] = {
    "When": WHEN,
    "Wallets and links": TIES,
    "Debits": MONEY,
    "Sources": SOURCES,
    "Spending": SPENDING,
    "On the bus": BUS,
}
#: What hides a case: honest look-alikes of a day, for each case of a day.
OF_A_CASE: tuple[tuple[str, Measure], ...] = tuple(
    (name, _each(measure))
    for name, measure in (
        ("new wallets, linked and charged within 2 h; twice as many on days of an offer", _newcomers),
        (
            "of those, with a first charge of 50,000 yen and more",
            _begin_big,
        ),
        ("whole caps taken within an hour", measured.whole_caps),
        ("payments of 42,000 yen and more", measured.near_the_limit),
        ("accounts moved to a fresh wallet", measured.moved),
    )
)
