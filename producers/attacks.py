"""The cases of a campaign: when they begin, whom they hit, and from where; then each typology plays its own."""

import datetime as dt

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import SERVICES
from detector.errors import UserError
from producers import banks, events, jst, season
from producers.campaigns import Campaign, Targets, Wave, shares
from producers.delivery import MEAN_DELAY_MS
from producers.draws import Rng, pick, stream
from producers.evasion import NAIVE, Evasion
from producers.events import Events
from producers.population import BEGINS, Population
from producers.typologies.plan import NEVER_MS, Plan
from producers.typologies.supply import Supply
from producers.typologies.table import BY_ID, INDEX

CONCENTRATION = 1.1  # Zipf exponent over the banks of a wave: most cases at few banks; *assumed*
KNOWN_VICTIM_SHARE = 0.12  # victims whose account some wallet was tied to before; *assumed*: mostly none
WALLETS_PER_SOURCE = 4  # several wallets came from one address (NHK, 11 Sep 2020); the number is *assumed*
NIGHT_SHARE = 0.25  # cases at any hour; the others keep the hours of shops, *assumed*
ENTRY_MS = 2 * jst.HOUR_MS  # a wallet is opened and linked in less
STOPPED = SERVICES.index("docomo_account")  # the service that banks stopped new links to


def attacks(
    population: Population, dates: list[dt.date], campaign: Campaign, cases: int, evasion: Evasion = NAIVE
) -> Events:
    """`cases` cases of `campaign` from the first of `dates` on, with arrival times; a function of its arguments.

    Waves that cannot be played on these days leave their cases to the others. Raises UserError when there is no other.
    """
    campaign = evasion.planned(campaign)
    playable = tuple(wave for wave in campaign.waves if _days(wave, dates))
    if not playable:
        names = ", ".join(sorted({wave.typology for wave in campaign.waves}))
        raise UserError(
            f"{dates[0]} … {dates[-1]} has no day for {names}: choose days around a month's end, or other --typologies"
        )
    world = _World(population, dates, campaign.stops, evasion)
    return events.concatenate(
        [
            world.play(turn, wave, count)
            for turn, (wave, count) in enumerate(zip(playable, shares(playable, cases), strict=True))
            if count
        ]
    )


class _World:
    """What the waves of one run share: numbers that are used once, known accounts, and when banks stop links."""

    def __init__(
        self, population: Population, dates: list[dt.date], stops: tuple[int, int] | None, evasion: Evasion
    ) -> None:
        self.population = population
        self.evasion = evasion
        self.dates = dates
        known = np.unique(population.until(jst.month_of(dates[0])).account)
        self._known = {int(code): known[known >> np.uint64(40) == code] for code in np.unique(known >> np.uint64(40))}
        self._robbed: set[int] = set()
        self._supplies: dict[str, Supply] = {}
        self._turns: dict[str, int] = {}
        self._order = stream(population.seed, "targets").permutation(banks.PIN_BANKS)
        self._stops_ms = stops_of(population.seed, dates, stops)

    def play(self, turn: int, wave: Wave, cases: int) -> Events:
        """The events of one wave."""
        supply = self._supplies.setdefault(wave.typology, Supply(INDEX[wave.typology], (self.dates[0] - BEGINS).days))
        of_typology = self._turns.get(wave.typology, 0)
        self._turns[wave.typology] = of_typology + 1
        rng = stream(self.population.seed, "attacks", supply.series | of_typology << 32)
        plan = self._plan(rng, wave, cases, supply)
        played = self.evasion.played(wave.typology, BY_ID[wave.typology].generate(rng, plan))
        played = played._replace(event=supply.events(self.population.seed, played.size))
        delay = 20 + rng.exponential(MEAN_DELAY_MS, played.size)
        return played._replace(arrival_ms=played.occurred_at_ms + delay.astype(np.int64))

    def _plan(self, rng: Rng, wave: Wave, cases: int, supply: Supply) -> Plan:
        days = _days(wave, self.dates)
        weights = [wave.weights[min(i, len(wave.weights) - 1)] for i in range(len(days))]
        day = np.sort(pick(rng, np.arange(len(days)), weights, cases))
        hours = season.times_of_day(rng, cases)
        any_hour = rng.random(cases) < NIGHT_SHARE
        hours[any_hour] = rng.integers(0, jst.DAY_MS, int(any_hour.sum()))
        account = self._victims(rng, wave.targets, cases, supply)
        service = _services(rng, wave, cases)
        until_ms = self._link_until(account, service)
        midnights = np.array([jst.midnight_ms(date) for date in days], np.int64)
        day = _in_time(rng, day, midnights, until_ms, weights)
        begins_ms = midnights[day] + hours
        begins_ms[begins_ms > until_ms - ENTRY_MS] -= ENTRY_MS
        return Plan(
            case=supply.cases(cases),
            begins_ms=begins_ms,
            account=account,
            wallet=supply.wallets(cases),
            service=service,
            source=supply.sources(-(-cases // WALLETS_PER_SOURCE))[np.arange(cases) // WALLETS_PER_SOURCE],
            yen=_yen(rng, wave, cases),
            link_until_ms=until_ms,
            supply=supply,
            accounts=self.population.accounts,
            ends_ms=jst.midnight_ms(self.dates[-1]) + jst.DAY_MS,
            narrowed={name: (low, high) for name, low, high in wave.narrowed},
        )

    def _victims(self, rng: Rng, targets: Targets, cases: int, supply: Supply) -> npt.NDArray[np.uint64]:
        """Accounts at banks that link by PIN alone, no account twice; most were never tied to a wallet."""
        code = banks.CODES[self._banks(rng, targets, cases)].astype(np.uint64)
        victims = supply.accounts(code)
        for index in np.flatnonzero(rng.random(cases) < KNOWN_VICTIM_SHARE):
            mates = self._known.get(int(code[index]))
            if mates is not None and (mate := int(mates[rng.integers(0, len(mates))])) not in self._robbed:
                self._robbed.add(mate)
                victims[index] = mate
        return victims

    def _banks(self, rng: Rng, targets: Targets, cases: int) -> npt.NDArray[np.int64]:
        """Indices of the banks hit."""
        if targets.hardest is None:
            chosen = rng.permutation(banks.PIN_BANKS)[: targets.banks]
            weights = 1.0 / np.arange(1, len(chosen) + 1) ** CONCENTRATION
        else:
            hardest = int(np.flatnonzero(banks.CODES == targets.hardest)[0])
            others = self._order[self._order != hardest][: targets.banks - 1]
            rest = 1.0 / np.arange(1, len(others) + 1) ** CONCENTRATION
            chosen = np.append(hardest, others)
            weights = np.append(targets.share, (1 - targets.share) * rest / rest.sum())
        indices: npt.NDArray[np.int64] = pick(rng, chosen, weights, cases)
        return indices

    def _link_until(self, account: npt.NDArray[np.uint64], service: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
        code = (account >> np.uint64(40)).tolist()
        until = np.array([self._stops_ms.get(bank, NEVER_MS) for bank in code], np.int64)
        return np.where(service == STOPPED, until, NEVER_MS)


def stops_of(seed: int, dates: list[dt.date], stops: tuple[int, int] | None) -> dict[int, int]:
    """The midnight from which each bank, by code, takes no new links: one by one over the days, the largest one last.

    `stops` are days counted from the first of `dates`; which bank stopped on which day is *assumed*.
    """
    if stops is None:
        return {}
    order = np.append(stream(seed, "stops").permutation(np.arange(1, len(banks.CODES))), 0)
    day = np.linspace(*stops, len(order)).astype(np.int64)
    midnights = jst.midnight_ms(dates[0]) + day * jst.DAY_MS
    return dict(zip(banks.CODES[order].tolist(), midnights.tolist(), strict=True))


def _days(wave: Wave, dates: list[dt.date]) -> list[dt.date]:
    """The days on which cases of the wave can begin."""
    first, last = wave.days
    return BY_ID[wave.typology].days(dates[first : last + 1])


def _in_time(
    rng: Rng,
    day: npt.NDArray[np.int64],
    midnights: npt.NDArray[np.int64],
    until_ms: npt.NDArray[np.int64],
    weights: list[float],
) -> npt.NDArray[np.int64]:
    """The days, drawn anew from those before the stop where the bank had stopped links by then."""
    late = np.flatnonzero(midnights[day] >= until_ms)
    open_days = np.maximum(np.searchsorted(midnights, until_ms[late]), 1)
    cumulated = np.cumsum(weights)
    moved = day.copy()
    moved[late] = np.searchsorted(cumulated, rng.random(len(late)) * cumulated[open_days - 1], side="right")
    return moved


def _services(rng: Rng, wave: Wave, size: int) -> npt.NDArray[np.int8]:
    codes = [SERVICES.index(name) for name, _ in wave.services]
    services: npt.NDArray[np.int8] = pick(rng, codes, [weight for _, weight in wave.services], size).astype(np.int8)
    return services


def _yen(rng: Rng, wave: Wave, cases: int) -> npt.NDArray[np.int64]:
    """What one drain of each account yields at most, whole thousands; evenly spread, so that few cases sum up right."""
    low, high = wave.yen
    if low == high:
        return np.full(cases, low)
    share = (rng.permutation(cases) + rng.random(cases)) / cases
    return (low + share * (high - low)).astype(np.int64) // 1_000 * 1_000
