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
from producers.population import ODD, Population
from producers.typologies.plan import Plan
from producers.typologies.table import BY_ID

ATTACKED_BANKS = 11  # banks with cases on 10 September 2020 (press)
CONCENTRATION = 1.1  # Zipf exponent over them: most cases at few banks; *assumed*
KNOWN_VICTIM_SHARE = 0.12  # victims whose account some wallet was tied to before; *assumed*: mostly none
WALLETS_PER_SOURCE = 4  # several wallets came from one address (NHK, 11 Sep 2020); the number is *assumed*
SERVICE_WEIGHTS = {"docomo_account": 0.80, "paypay": 0.14, "kyash": 0.03, "linepay": 0.03}  # cases of 16 Sep 2020
NIGHT_SHARE = 0.25  # cases at any hour; the others keep the hours of shops, *assumed*
SERIES = 1 << 27  # of event numbers and of wallets, apart from those of any month


def attacks(population: Population, days: list[dt.date], weights: list[float], cases: int, typology: str) -> Events:
    """`cases` cases of `typology` spread over `days` by `weights`, with arrival times; depends on the arguments alone."""
    rng = stream(population.seed, "attacks-" + typology, jst.month_of(days[0]))
    day = np.sort(pick(rng, np.arange(len(days)), weights, cases))
    hours = season.times_of_day(rng, cases)
    any_hour = rng.random(cases) < NIGHT_SHARE
    hours[any_hour] = rng.integers(0, jst.DAY_MS, int(any_hour.sum()))
    begins = np.array([jst.midnight_ms(d) for d in days], np.int64)[day] + hours
    number = np.arange(cases)
    plan = Plan(
        case=number.astype(np.int32),
        begins_ms=begins,
        account=_victims(rng, population, cases, jst.month_of(days[0])),
        wallet=(number + (SERIES << 20)).astype(np.uint64),
        service=pick(
            rng, [SERVICES.index(name) for name in SERVICE_WEIGHTS], list(SERVICE_WEIGHTS.values()), cases
        ).astype(np.int8),
        source=np.uint64(ODD << 60) | (number // WALLETS_PER_SOURCE).astype(np.uint64),
        accounts=population.accounts,
    )
    played = BY_ID[typology].generate(rng, plan)
    played = played._replace(event=event_numbers(population.seed, SERIES, played.size))
    delay = 20 + rng.exponential(MEAN_DELAY_MS, played.size)
    return played._replace(arrival_ms=played.occurred_at_ms + delay.astype(np.int64))


def _victims(rng: Rng, population: Population, cases: int, month: int) -> npt.NDArray[np.uint64]:
    """Accounts at few banks that link by PIN alone; most were never tied to a wallet."""
    targets = rng.permutation(banks.PIN_BANKS)[:ATTACKED_BANKS]
    weights = 1.0 / np.arange(1, len(targets) + 1) ** CONCENTRATION
    bank = pick(rng, targets, weights, cases)
    strangers = (banks.CODES[bank].astype(np.uint64) << np.uint64(40)) | (np.arange(cases) + (1 << 36)).astype(
        np.uint64
    )
    known = np.unique(population.until(month).account)
    of_bank = known >> np.uint64(40)
    victims = strangers.copy()
    for place in np.flatnonzero(rng.random(cases) < KNOWN_VICTIM_SHARE):
        mates = known[of_bank == np.uint64(banks.CODES[bank[place]])]
        if len(mates):
            victims[place] = mates[rng.integers(0, len(mates))]
    return victims
