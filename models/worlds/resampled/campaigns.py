"""Attacks on the days to come: campaigns of cases, each case a sequence of a thief's steps."""

import numpy as np

from detector.contract.vocabulary import OK
from detector.jst import DAY_MS, JST_MS
from models.backtest.labels import CAMPAIGN
from models.worlds.resampled.market import Market, Victim
from models.worlds.resampled.plans import Plan, possible, turns_of
from models.worlds.resampled.rows import Ints, Rows
from models.worlds.resampled.sheet import LINKING, SPRAY, Sheet
from models.worlds.resampled.thieves import Thief, Wallet

HOUR_MS = 3_600_000
#: What a spray tries: 200 accounts and more (the press's hypothesis; the upper end assumed, it gives most of the
#: events), at most half of the known ones, twenty with each wallet, over one day to all that are left.
SPRAY_TRIES, SPRAY_KNOWN, TRIES_A_WALLET = (200, 2_000), 0.5, 20
#: One in ten attempts of a pin-point fails: the operator spoke of more than eight in ten that succeed.
PIN_POINT_FAILS = 0.1
#: Tests before a drain, and the pause after them: PayPal's cases were of 5,000 yen on average; the pause is assumed.
TEST_YEN, TEST_PAUSE_MS = (1_000, 5_000), (10 * 60_000, 24 * HOUR_MS)
SLEEP_DAYS = (1, 30)
SPENT = (0.7, 1.0)  # of the yen taken: some is left in the wallet when it is closed (assumed)
FAN_OUT = (2, 6)  # wallets that a first one sends to
JITTER_MS = 30 * 60_000  # thieves come at honest newcomers' hours, give or take


def attacks(market: Market, coming: Ints, cases: int) -> tuple[Rows, Sheet]:
    """Events of about `cases` cases, at least one of each plan that is possible, and the sheet with their ids."""
    sheet = Sheet()
    plans = possible(market, coming) if cases else ()
    weights = sum(plan.weight for plan in plans)
    for plan in plans:
        left = max(round(cases * plan.weight / weights), 1)
        while left > 0:
            size = min(int(market.rng.integers(plan.campaign[0], plan.campaign[1] + 1)), left)
            _Campaign(market, sheet, plan, coming).play(size)
            left -= size
    rows = sheet.rows()
    return rows.select(rows.occurred_at_ms < _midnight(int(coming[-1]) + 1)), sheet


class _Campaign:
    """One campaign of a plan, on the days to come."""

    def __init__(self, market: Market, sheet: Sheet, plan: Plan, coming: Ints) -> None:
        self.market, self.sheet, self.plan, self.coming = market, sheet, plan, coming
        rng = self.rng = market.rng
        self.thief = Thief(market, sheet, _midnight(int(coming[0])), int(rng.integers(1, plan.sources + 1)))
        latest = coming[: len(coming) - plan.least_days + 1]
        if plan.straddle:
            self.turn = int(rng.choice(turns_of(coming)))
            latest = coming[(coming < self.turn) & (coming >= self.turn - plan.spread_days)]
        self.first = int(rng.choice(latest))
        self.last = min(self.first + plan.spread_days - 1, int(latest[-1]))
        self.shop = self._shop()

    def play(self, size: int) -> None:
        """Write the events of `size` cases."""
        number = len(self.sheet.case_ids)
        if self.plan.sprays:
            self._spray(self.sheet.case(self.plan.name, f"{CAMPAIGN.strip('-')}-{number}"))
        elif self.plan.misses:
            self._miss(self.sheet.case(self.plan.name, f"{CAMPAIGN.strip('-')}-{number}"), size)
        for _ in range(size):
            self.thief.next_source()
            self._case(self.sheet.case(self.plan.name, str(len(self.sheet.case_ids))))

    def _case(self, case: int) -> None:
        """One victim: enrolled, drained, and so on through services or hops; then cashed out."""
        plan, thief = self.plan, self.thief
        victim = self.market.victim(thief.bank)
        at_ms = self._moment(int(self.rng.integers(self.first, self.last + 1)))
        for service in self._services():
            for hop in range(plan.hops):
                wallet, begin_ms = self._enrol(case, service, victim, at_ms)
                end_ms, taken = self._drain(case, wallet, victim, begin_ms)
                self._cash_out(case, wallet, end_ms, taken)
                at_ms = end_ms + thief.between(120_000, HOUR_MS)
                if hop < plan.hops - 1:
                    thief.unlink(case, wallet, victim, at_ms)
                    at_ms += thief.between(120_000, HOUR_MS)

    def _enrol(self, case: int, service: int, victim: Victim, at_ms: int) -> tuple[Wallet, int]:
        """The wallet that the account is linked to, and when it is drained."""
        start = self.thief.start()
        wallet = self.thief.verified() if self.plan.verified else self.thief.open(case, service, at_ms, start)
        self.thief.link(case, wallet, victim, at_ms, 0 if self.plan.misses else start.failed)
        wait_ms = max(int(start.wait_ms / self.thief.speed), 1_000)
        if self.plan.sleeps:
            day = (at_ms + JST_MS) // DAY_MS
            most = min(SLEEP_DAYS[1], int(self.coming[-1]) - day)
            wait_ms = DAY_MS * int(self.rng.integers(SLEEP_DAYS[0], max(most, SLEEP_DAYS[0]) + 1))
        return wallet, at_ms + wait_ms

    def _drain(self, case: int, wallet: Wallet, victim: Victim, at_ms: int) -> tuple[int, int]:
        """The end of the drain and the yen taken in all."""
        thief, plan = self.thief, self.plan
        tested = 0
        if plan.tests:
            for _ in range(int(self.rng.integers(1, 3))):
                yen = int(self.rng.integers(TEST_YEN[0] // 1_000, TEST_YEN[1] // 1_000 + 1)) * 1_000
                thief.debit(case, wallet, victim, at_ms, yen, OK)
                tested += yen
                at_ms += thief.between(*TEST_PAUSE_MS)
        target = thief.target(whole=plan.whole_cap) - tested
        end_ms, taken = thief.drain(case, wallet, victim, at_ms, target)
        if plan.straddle:
            again_ms = max(self._moment(self.turn), end_ms)
            end_ms, more = thief.drain(case, wallet, victim, again_ms, thief.target(whole=plan.whole_cap))
            taken += more
        return end_ms, taken + tested

    def _cash_out(self, case: int, wallet: Wallet, at_ms: int, taken: int) -> None:
        yen = int(taken * self.rng.uniform(*SPENT))
        if self.plan.cash_out == "fan_out":
            self.thief.send(case, wallet, at_ms, yen, FAN_OUT)
        else:
            most = self.plan.cash_out == "mule"
            self.thief.buy(case, wallet, at_ms, yen, self.shop, large=most)

    def _spray(self, case: int) -> None:
        """Failed links on many accounts, from the campaign's first day to the last to come."""
        known = int(self.market.known_accounts * SPRAY_KNOWN)
        tries = min(self.thief.between(*SPRAY_TRIES), max(known, TRIES_A_WALLET))
        self.last = int(self.rng.integers(self.first, int(self.coming[-1]) + 1))
        days = np.sort(self.rng.integers(self.first, self.last + 1, tries)).tolist()
        for number, victim in enumerate(self.market.anyone(self.thief.bank, tries)):
            at_ms = self._moment(days[number])
            if number % TRIES_A_WALLET == 0:
                self.thief.next_source()
                start = self.thief.start()
                wallet = self.thief.open(case, start.service, _midnight(days[number]), start)
            self.thief.fail(case, SPRAY, wallet, victim, at_ms)

    def _miss(self, case: int, size: int) -> None:
        """The few accounts that did not open."""
        for victim in self.market.anyone(self.thief.bank, int(self.rng.binomial(size, PIN_POINT_FAILS))):
            at_ms = self._moment(int(self.rng.integers(self.first, self.last + 1)))
            start = self.thief.start()
            wallet = self.thief.open(case, start.service, at_ms, start)
            self.thief.fail(case, LINKING, wallet, victim, at_ms)

    def _services(self) -> list[int]:
        """The service of an honest newcomer; where a plan wants more, others drawn from the history's."""
        service = self.thief.start().service
        others = [other for other in self.market.services if other != service]
        return [service, *self.rng.permutation(others)[: self.plan.services - 1].tolist()]

    def _shop(self) -> tuple[int, int] | None:
        """The one shop of a plan with one, and its category: of a large day of payments."""
        payments = self.market.parts.payments
        if self.plan.cash_out != "one_shop" or not payments:
            return None
        at = payments[self.rng.integers(len(payments))][0]
        return int(self.market.rows.shop[at]), int(self.market.rows.shop_category[at])

    def _moment(self, day: int) -> int:
        """A moment of the day at which an honest newcomer might have linked."""
        of_day = self.thief.start().time_of_day_ms + int(self.rng.normal(0, JITTER_MS))
        return _midnight(day) + min(max(of_day, 1), DAY_MS - 1)


def _midnight(day: int) -> int:
    return day * DAY_MS - JST_MS
