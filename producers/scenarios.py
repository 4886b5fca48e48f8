"""Scenarios: which days, how large a population, which cases; and the events they make, in order of arrival."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from detector.contract.vocabulary import DEBIT, LINK, OPEN
from detector.errors import UserError
from producers import campaigns, events, jst
from producers.attacks import attacks
from producers.campaigns import Campaign
from producers.drift import USUAL, Drift
from producers.evasion import NAIVE, Evasion
from producers.events import NO_CASE, Events
from producers.normal import SPILL_DAYS, month_of_life
from producers.population import EMAIL_ERA, SUBSCRIBER_ERA, Era, Population

DEFAULT_SEED = 2020
#: Seeds from here on are reserved for the attacks that training injects: a history must use other seeds.
TRAINING_SEEDS = 1 << 40
DEFAULT_ACCOUNTS = 80_000  # hide each of the 170 cases of September 2020 among 50 honest wallets
MAX_DAYS = 3_660


@dataclass(frozen=True, slots=True)
class Scenario:
    """What to simulate. The campaign begins on the first day; None is one drawn from the seed.

    `typologies`: these alone, with a usual wave for those that the campaign lacks; empty: those of the campaign.
    """

    name: str
    help: str
    start: dt.date
    days: int
    cases: int
    campaign: Campaign | None = campaigns.T1_ALONE
    typologies: tuple[str, ...] = ()
    accounts: int = DEFAULT_ACCOUNTS
    seed: int = DEFAULT_SEED
    wallet_events: bool = True
    era: Era = EMAIL_ERA
    drift: Drift = USUAL
    evasion: Evasion = NAIVE

    def __post_init__(self) -> None:
        if not 1 <= self.days <= MAX_DAYS:
            raise UserError(f"got {self.days} days, expected 1 … {MAX_DAYS}: choose another --days")
        if not 0 <= self.cases <= self.accounts:
            raise UserError(
                f"got {self.cases} cases, expected 0 … {self.accounts} (--accounts): choose another --cases"
            )
        if not 0 <= self.seed < 2**63:
            raise UserError(f"got seed {self.seed}, expected 0 … 2^63 - 1: choose another --seed")

    @property
    def dates(self) -> list[dt.date]:
        """The days of the scenario."""
        return [self.start + dt.timedelta(days=i) for i in range(self.days)]

    @property
    def played(self) -> Campaign:
        """The campaign of the typologies chosen."""
        whole = campaigns.drawn(self.seed, self.days) if self.campaign is None else self.campaign
        return whole.only(self.typologies) if self.typologies else whole


SCENARIOS: dict[str, Scenario] = {
    scenario.name: scenario
    for scenario in (
        Scenario("normal", "Days of normal life, for training.", dt.date(2020, 8, 1), 31, 0),
        Scenario(
            "ghost-wallets",
            "1-10 September 2020, cases of T1 alone.",
            dt.date(2020, 9, 1),
            10,
            66,  # cases known on 10 September (press)
            campaigns.GHOST_WALLETS,
        ),
        Scenario(
            "september-2020",
            "1-16 September 2020 as the press reported it: 170 cases, links stopped bank by bank from the 5th.",
            dt.date(2020, 9, 1),
            16,
            campaigns.SEPTEMBER_CASES,
            campaigns.SEPTEMBER_2020,
        ),
        Scenario(
            "may-2019",
            "May 2019: wallets of verified subscribers (T12) at two banks.",
            dt.date(2019, 5, 1),
            31,
            campaigns.MAY_CASES,
            campaigns.MAY_2019,
            era=SUBSCRIBER_ERA,
        ),
        Scenario(
            "quiet-year",
            "A year with a few scattered cases of all typologies.",
            dt.date(2020, 7, 1),
            365,
            campaigns.QUIET_CASES,
            campaigns.QUIET_YEAR,
            accounts=10_000,
        ),
        Scenario(
            "random",
            "Six weeks with all typologies, their days, services and banks drawn from the seed.",
            dt.date(2020, 9, 15),
            42,
            120,
            None,
        ),
    )
}


def simulate(scenario: Scenario) -> Iterator[Events]:
    """The events of `scenario` that arrive during its days, in order of arrival, in one piece for each month."""
    population = Population(scenario.seed, scenario.accounts, scenario.era, scenario.drift)
    begins_ms, ends_ms = jst.midnight_ms(scenario.dates[0]), jst.midnight_ms(scenario.dates[-1]) + jst.DAY_MS
    first, last = jst.month_of(scenario.dates[0]), jst.month_of(scenario.dates[-1])
    left_over = _cases_of(population, scenario)
    if scenario.start.day <= SPILL_DAYS and population.lives_in(first - 1):
        left_over = events.concatenate([month_of_life(population, first - 1), left_over])
    for month in range(first, last + 1):
        present = events.concatenate([left_over, month_of_life(population, month)])
        until = min(ends_ms, jst.midnight_ms(jst.first_day(month + 1)))
        wanted = (present.arrival_ms >= begins_ms) & (present.arrival_ms < until)
        if not scenario.wallet_events:
            wanted &= present.kind < OPEN
        which = np.flatnonzero(wanted)
        now = present.select(which[np.lexsort((present.event[which], present.arrival_ms[which]))])
        left_over = present.select(present.arrival_ms >= until)
        del present  # as large as what is yielded
        yield now


def sized(scenario: Scenario, wanted: int) -> Scenario:
    """The scenario with as many accounts as give about `wanted` events; found by a small pilot run."""
    pilot = replace(scenario, accounts=2_000, cases=0)
    seen = sum(part.size for part in simulate(pilot))
    return replace(scenario, accounts=max(10, round(wanted * pilot.accounts / seen)))


def honest_newcomers(part: Events) -> int:
    """Honest wallets in `part` that were opened, linked and charged within two hours."""
    normal = part.select(part.case == NO_CASE)
    soon = normal.occurred_at_ms - normal.opened_at_ms <= 2 * jst.HOUR_MS
    linked = np.unique(normal.wallet[soon & (normal.kind == LINK)])
    charged = np.unique(normal.wallet[soon & (normal.kind == DEBIT)])
    return len(np.intersect1d(linked, charged, assume_unique=True))


def _cases_of(population: Population, scenario: Scenario) -> Events:
    if scenario.cases == 0:
        return events.build(0)
    return attacks(population, scenario.dates, scenario.played, scenario.cases, scenario.evasion)
