"""All thieves of a city: when gangs can pay for it they start cases and campaigns, and go on with what is under way."""

import heapq
from itertools import count

import numpy as np

from models.worlds.agents import loot, schemes, shops
from models.worlds.agents.calendar import Day
from models.worlds.agents.case import Case, one
from models.worlds.agents.city import STORED, City
from models.worlds.agents.gangs import Gang, a_service, a_victim, allot, an_address, found
from models.worlds.agents.schemes import DAY_MS, HOUR_MS, MINUTE_MS, Scheme, waits

_CAMPAIGNS = ("T3", "T5", "T13")
_NEED_BALANCE = ("T8", "T9", "T13")  # money is spent or sent on later, from a balance
_MANY_YEN = 400_000  # an account for T2 and T7, which take more than one cap


class Underworld:
    """The gangs, and a calendar of what they go on with; `names[number]` is a case's or a campaign's name."""

    def __init__(self, city: City, cases: int, days: list[Day]) -> None:
        self.names: list[str] = []
        self._city = city
        self._last_ms = days[-1].end_ms
        self._waiting: list[tuple[int, int, Scheme]] = []
        self._order = count()
        self._robbed: set[int] = set()
        self._gangs: list[Gang] = []
        self._campaigns: dict[str, int] = {}
        if not cases:
            return
        turning = any(day.date.day >= 28 and day.left + day.date.day > day.last_of_month for day in days)
        plan = allot(city.rng, cases, straddle=turning)
        self._gangs = found(city, max(1, cases // loot.CASES_A_GANG), days[0].number, len(days))
        for typology, number in plan.items():
            if typology in _CAMPAIGNS:
                self._campaigns[typology] = number
            else:
                for _ in range(number):
                    # The first gang is there before the month's turn, which T2 needs.
                    which = 0 if typology == "T2" else int(city.rng.integers(len(self._gangs)))
                    self._gangs[which].jobs.append(typology)
        for gang in self._gangs:
            # Sleepers first: they need the time; the others as opportunity has it.
            city.rng.shuffle(gang.jobs)
            gang.jobs.sort(key=lambda job: job != "T6")

    def act(self) -> None:
        """One day of all gangs."""
        for gang in self._gangs:
            if self._city.day.number >= gang.first_day:
                self._start(gang)
        while self._waiting and self._waiting[0][0] < self._city.day.end_ms:
            ms, _, scheme = heapq.heappop(self._waiting)
            self._go_on(scheme, ms)

    def _start(self, gang: Gang) -> None:
        day = self._city.day
        if day.number == gang.first_day:
            self._begin_campaigns(gang)
        if day.date.day >= 28:  # the month's turn is near: what waited for it
            ready = 1.0 if day.date.day == day.last_of_month else 0.5
            self._launch(gang, [job for job in gang.jobs if job == "T2" and self._city.rng.random() < ready])
        jobs = [job for job in gang.jobs if job != "T2"]
        affordable = min(gang.hands, gang.purse_yen // loot.CREDENTIALS_YEN)
        pressed = -(-len(jobs) // max(1, day.left - 2))  # the seller lends what is needed to go through the list
        self._launch(gang, jobs[: max(affordable, pressed)])

    def _launch(self, gang: Gang, jobs: list[str]) -> None:
        for job in jobs:
            gang.jobs.remove(job)
            gang.purse_yen = max(0, gang.purse_yen - loot.CREDENTIALS_YEN)
            ms = self._office_hours(gang)
            case = self._case(gang, job, least_yen=_MANY_YEN if job in {"T2", "T7"} else loot.RICH_YEN)
            if job != "T4" and self._city.rng.random() < loot.FALSE_CREDENTIALS:
                self._add(self._false_start(gang, job, case.service, ms), ms)
            self._add(schemes.SINGLE[job](case, ms), ms)

    def _begin_campaigns(self, gang: Gang) -> None:
        """Sprays, mass enrolments and bursts: each is one gang's, as long as there are gangs."""
        for typology in _CAMPAIGNS:
            if self._campaigns.get(typology) and gang.number == _CAMPAIGNS.index(typology) % len(self._gangs):
                number = self._campaigns.pop(typology)
                begin = {"T3": self._spray, "T5": self._enrol, "T13": self._burst}[typology]
                ms = self._office_hours(gang)
                self._add(begin(gang, number, ms), ms)

    def _spray(self, gang: Gang, successes: int, ms: int) -> Scheme:
        """T3: few attempts a day at many accounts, at most two at one; what succeeds is drained."""
        rng, city = self._city.rng, self._city
        attempts = max(successes, int(successes / loot.SPRAY_SUCCESS))
        hits = set(rng.choice(attempts, successes, replace=False).tolist())
        mean_ms = 0.85 * (self._last_ms - ms) / attempts
        campaign = self._campaign_case(gang, "T3", a_service(rng))
        wallet = campaign.open(ms)
        for attempt in range(attempts):
            ms += waits(rng, mean_ms)
            yield ms
            if attempt % loot.ATTEMPTS_A_WALLET == loot.ATTEMPTS_A_WALLET - 1:
                campaign.address = an_address(city, gang)
                wallet = campaign.open(ms)
            if attempt not in hits:
                campaign.link(wallet, ms + MINUTE_MS, self._anybody(gang), right=False)
                continue
            case = self._case(gang, "T3", least_yen=0)
            case.service, case.address = campaign.service, campaign.address
            case.link(wallet, ms + MINUTE_MS)
            self._add(schemes.take_all(case, wallet, ms + 2 * MINUTE_MS), ms + 2 * MINUTE_MS)
            wallet = campaign.open(ms + 2 * MINUTE_MS)

    def _enrol(self, gang: Gang, number: int, ms: int) -> Scheme:
        """T5: on a day or two dozens of wallets from a few addresses, of which not all find an account."""
        rng, city = self._city.rng, self._city
        addresses = city.addresses.fresh(int(rng.integers(2, loot.ENROLMENT_ADDRESSES + 1)))
        wallets = int(number / (1 - loot.ENROLMENT_IDLE)) + 1
        useful = set(rng.choice(wallets, number, replace=False).tolist())
        campaign = self._campaign_case(gang, "T5", gang.service)
        for rank in range(wallets):
            ms += waits(rng, 8 * MINUTE_MS if rank != wallets // 2 else 12 * HOUR_MS)
            yield ms
            if rank in useful:
                case = self._case(gang, "T5", least_yen=loot.RICH_YEN)
                case.service, case.address = campaign.service, int(rng.choice(addresses))
                self._add(schemes.plain(case, ms), ms)
            else:
                campaign.address = int(rng.choice(addresses))
                wallet = campaign.open(ms)
                campaign.link(wallet, ms + 4 * MINUTE_MS, self._anybody(gang), right=False)

    def _burst(self, gang: Gang, number: int, ms: int) -> Scheme:
        """T13: wallets filled within two days, spent at one shop in one afternoon."""
        rng = self._city.rng
        at_ms = self._city.day.begin_ms + 2 * DAY_MS + int(rng.uniform(11, 16) * HOUR_MS)
        category = one(shops.ELECTRONICS)
        shop = int(shops.shop_of(rng, one(gang.region), category, rng.integers(0, 1_000, 1))[0])
        for _ in range(number):
            ms += waits(rng, DAY_MS / number)
            yield ms
            self._add(schemes.burst(self._case(gang, "T13", least_yen=loot.RICH_YEN), ms, shop, at_ms), ms)

    def _false_start(self, gang: Gang, typology: str, service: int, ms: int) -> Scheme:
        """Wrong credentials that were bought: one attempt at somebody's account."""
        campaign = self._campaign_case(gang, typology, service)
        wallet = campaign.open(ms)
        yield ms + 5 * MINUTE_MS
        campaign.link(wallet, ms + 5 * MINUTE_MS, self._anybody(gang), right=False)

    def _case(self, gang: Gang, typology: str, least_yen: int) -> Case:
        rng = self._city.rng
        victim = a_victim(self._city, gang, self._robbed, least_yen)
        service = gang.service if rng.random() < loot.MAIN_SERVICE else a_service(rng)
        while typology in _NEED_BALANCE and not STORED[service]:
            service = a_service(rng)
        self.names.append(f"{typology}-{len(self.names):04}")
        return Case(self._city, gang, len(self.names) - 1, victim, service, an_address(self._city, gang))

    def _campaign_case(self, gang: Gang, typology: str, service: int) -> Case:
        self.names.append(f"{typology}-campaign-{len(self.names):04}")
        return Case(self._city, gang, len(self.names) - 1, -1, service, an_address(self._city, gang))

    def _anybody(self, gang: Gang) -> int:
        """An account of a bank that the gang knows, whose credentials it does not have."""
        at_banks = np.flatnonzero(np.isin(self._city.people.bank, gang.banks))
        return int(self._city.rng.choice(at_banks))

    def _office_hours(self, gang: Gang) -> int:
        hour = float(np.clip(self._city.rng.normal(gang.hour, 3), 0.5, 23.5))
        return self._city.day.begin_ms + int(hour * HOUR_MS)

    def _add(self, scheme: Scheme, ms: int) -> None:
        heapq.heappush(self._waiting, (ms, next(self._order), scheme))

    def _go_on(self, scheme: Scheme, ms: int) -> None:
        following = next(scheme, None)
        if following is not None and following < self._last_ms:
            self._add(scheme, max(ms, following))
