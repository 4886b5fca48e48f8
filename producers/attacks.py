"""The cases of a scenario: when they begin, whom they hit, and from where; then each typology plays its own."""

import datetime as dt

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import SERVICES
from producers import banks, jst, season
from producers.delivery import MEAN_DELAY_MS
from producers.draws import Rng, pick, stream
from producers.events import Events
from producers.normal import event_numbers
from producers.population import BEGINS, ODD, Population
from producers.typologies.plan import Plan
from producers.typologies.table import BY_ID

ATTACKED_BANKS = 11  # banks with cases on 10 September 2020 (press)
CONCENTRATION = 1.1  # Zipf exponent over them: most cases at few banks; *assumed*
KNOWN_VICTIM_SHARE = 0.12  # victims whose account some wallet was tied to before; *assumed*: mostly none
WALLETS_PER_SOURCE = 4  # several wallets came from one address (NHK, 11 Sep 2020); the number is *assumed*
SERVICE_WEIGHTS = {"docomo_account": 0.80, "paypay": 0.14, "kyash": 0.03, "linepay": 0.03}  # cases of 16 Sep 2020
NIGHT_SHARE = 0.25  # cases at any hour; the others keep the hours of shops, *assumed*
STRANGERS = 1 << 39  # account numbers from here on belong to nobody who has a wallet
SERIES = 1 << 27  # of event numbers and of wallets, apart from those of any month


def attacks(population: Population, days: list[dt.date], weights: list[float], cases: int, typology: str) -> Events:
    """`cases` cases of `typology` spread over `days` by `weights`, with arrival times; a function of its arguments."""
    series = _series(typology, days[0])
    rng = stream(population.seed, "attacks", series)
    day = np.sort(pick(rng, np.arange(len(days)), weights, cases))
    hours = season.times_of_day(rng, cases)
    any_hour = rng.random(cases) < NIGHT_SHARE
    hours[any_hour] = rng.integers(0, jst.DAY_MS, int(any_hour.sum()))
    begins = np.array([jst.midnight_ms(d) for d in days], np.int64)[day] + hours
    number = np.arange(cases)
    plan = Plan(
        case=number.astype(np.int32),
        begins_ms=begins,
        account=_victims(rng, population, number + ((series & SERIES - 1) << 20), jst.month_of(days[0])),
        wallet=(number + (series << 20)).astype(np.uint64),
        service=_services(rng, cases),
        source=np.uint64(ODD << 60 | series << 20) | (number // WALLETS_PER_SOURCE).astype(np.uint64),
        accounts=population.accounts,
    )
    played = BY_ID[typology].generate(rng, plan)
    played = played._replace(event=event_numbers(population.seed, series, played.size))
    delay = 20 + rng.exponential(MEAN_DELAY_MS, played.size)
    return played._replace(arrival_ms=played.occurred_at_ms + delay.astype(np.int64))


def _series(typology: str, first: dt.date) -> int:
    """A number for the attacks of one run, so that runs of other days or typologies have other wallets and events."""
    return SERIES | list(BY_ID).index(typology) << 14 | (first - BEGINS).days


def _services(rng: Rng, size: int) -> npt.NDArray[np.int8]:
    codes = [SERVICES.index(name) for name in SERVICE_WEIGHTS]
    services: npt.NDArray[np.int8] = pick(rng, codes, list(SERVICE_WEIGHTS.values()), size).astype(np.int8)
    return services


def _victims(rng: Rng, population: Population, number: npt.NDArray[np.int64], month: int) -> npt.NDArray[np.uint64]:
    """Accounts at few banks that link by PIN alone; most, those of the given numbers, were never tied to a wallet."""
    cases = len(number)
    targets = rng.permutation(banks.PIN_BANKS)[:ATTACKED_BANKS]
    weights = 1.0 / np.arange(1, len(targets) + 1) ** CONCENTRATION
    bank = pick(rng, targets, weights, cases)
    code = banks.CODES[bank].astype(np.uint64)
    strangers = (code << np.uint64(40)) | (number + STRANGERS).astype(np.uint64)
    known = np.unique(population.until(month).account)
    of_bank = known >> np.uint64(40)
    victims: npt.NDArray[np.uint64] = strangers.copy()
    for place in np.flatnonzero(rng.random(cases) < KNOWN_VICTIM_SHARE):
        mates = known[of_bank == code[place]]
        if len(mates):
            victims[place] = mates[rng.integers(0, len(mates))]
    return victims
