"""Training data: a history, with simulated attacks (T1–T13) injected into its accounts and days."""

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from detector.contract.batch import Batch, concatenate
from detector.contract.vocabulary import MONTHLY_CAP_YEN
from detector.core.stage import Chain
from detector.jst import date_of
from models.adapted import THROUGH_OWN, adapted
from models.burn_in import NO_BURN_IN, BurnIn, find, given
from models.datasets import Dataset, Life, all_normal, collect
from models.history import History, HistoryObserver
from models.inject import NO_CASE, Attacks, Cases, collect_cases
from models.span import check_days
from producers import campaigns
from producers.attacks import attacks
from producers.batches import to_batches
from producers.campaigns import ANY_DAY, Campaign
from producers.cases import is_campaign, typology_indices
from producers.population import EMAIL_ERA, Era, Population
from producers.scenarios import TRAINING_SEEDS
from producers.tables import to_table
from producers.texts import Texts
from producers.typologies.table import INDEX, TYPOLOGIES

#: Simulated cases: with fewer the trees overfit to single cases, with more training takes longer without gain.
CASES = 4_000
#: In small histories at most one case for so many accounts, so that few of the accounts are victims.
ACCOUNTS_A_CASE = 8
#: Cases a round: each round draws its own parameters, services and banks, so that trees do not overfit to a campaign.
ROUND = 65
#: Held-out cases for each training case: enough to measure the share caught early to a few hundredths.
HELD_OUT_CASES = 0.25
#: A spray (T3) tries two thousand accounts for one it opens: fewer cases of it, or they would take most of the time.
RARER = {"T3": 0.2}
ACCOUNTS = 10_000  # of the population that campaigns are drawn in
#: What one drain yields, by round: the cap, or what an account holds (187,000 yen a case: press, 15 Sep 2020).
YEN = ((MONTHLY_CAP_YEN, MONTHLY_CAP_YEN), (30_000, MONTHLY_CAP_YEN))
#: A mass enrolment (T5) is told by its size: in every so many-th round most cases are of one, on two days.
MASS_EVERY, MASS = 4, 2.0
ROUNDS = 1 << 12


class Prepared(NamedTuple):
    """What a model is trained on: see `models.training.train`."""

    data: Dataset
    cases: Cases | None
    burn_in: BurnIn


def inject_attacks(
    batches: Callable[[], Iterable[Batch]],
    chain: Chain,
    ttl_ms: int,
    *,
    cases: int | None = None,
    seed: int = 1,
    burn_in: int | None = None,
    advance: Callable[[int], None] = lambda _: None,
    life: Life = all_normal,
) -> Prepared:
    """The data set of a history, its burn-in, and about `cases` simulated cases injected into the days after it.

    `cases`: None for a number that suits the history's size, 0 for none. `burn_in`: days; None: found from the history.
    `batches` gives the history's batches from its beginning at each call. `advance` gets the number of events read;
    with cases the history is read twice. `life` gives the class of each event. Raises UserError for fewer than three
    days, and as `burn_in.find`.
    """
    observer = HistoryObserver()
    data = collect(observer.watch(batches()), chain, ttl_ms, advance, life)
    history = observer.history
    if not len(data.kind):
        return Prepared(data, None, NO_BURN_IN)
    left_out = find(data, chain, seed) if burn_in is None else given(burn_in, history.days)
    wanted = min(CASES, len(history.ties.account) // ACCOUNTS_A_CASE) if cases is None else cases
    if not wanted:
        return Prepared(data, None, left_out)
    settled = history._replace(days=left_out.after(history.days))
    return Prepared(data, collect_cases(batches(), simulated(settled, wanted, seed), chain, ttl_ms, advance), left_out)


def simulated(history: History, cases: int, seed: int) -> Attacks:
    """About `cases` training cases of all typologies, and held-out ones, on all days.

    Raises UserError for fewer than three days.
    """
    check_days(history.days)
    dates = [date_of(day) for day in range(int(history.days[0]), int(history.days[-1]) + 1)]
    rounds = [
        *(_Round(size, held_out=False) for size in _sizes(cases)),
        *(_Round(size, held_out=True) for size in _sizes(round(cases * HELD_OUT_CASES))),
    ]
    first_seed = TRAINING_SEEDS + seed % TRAINING_SEEDS * ROUNDS
    parts = [_play(one, index, first_seed + index, dates, history) for index, one in enumerate(rounds)]
    order = np.argsort(np.concatenate([part.arrival_ms for part in parts]), kind="stable")
    columns = {
        name: np.concatenate([getattr(part, name) for part in parts])[order]
        for name in ("arrival_ms", "case", "typology", "held_out")
    }
    names = tuple(typology.id for typology in TYPOLOGIES)
    return Attacks(batch=concatenate([part.batch for part in parts]).select(order), names=names, **columns)


class _Round(NamedTuple):
    cases: int
    held_out: bool


def _sizes(cases: int) -> list[int]:
    """Cases of the rounds: one of each typology at least."""
    rounds = max(1, min(ROUNDS // 2, round(cases / ROUND)))
    return [max(len(TYPOLOGIES), len(range(index, cases, rounds))) for index in range(rounds)]


def _play(one: _Round, index: int, seed: int, dates: list[dt.date], history: History) -> Attacks:
    """One round, its events of the kinds that the history has."""
    began = dates[0].replace(day=1)
    opened = EMAIL_ERA.begins - EMAIL_ERA.wallets_since
    population = Population(seed, ACCOUNTS, Era(began, began - opened, EMAIL_ERA.verified_share))
    played = attacks(population, dates, _campaign(seed, len(dates), index), one.cases)
    played = played.select(np.isin(played.kind, history.kinds))
    (batch,) = to_batches(to_table(played, Texts(seed)), max(1, played.size), which="all")
    played = played.select(batch.record)
    case = np.where(is_campaign(played.case), NO_CASE, played.case.astype(np.int64) | index << 32)
    typology = typology_indices(played.case).astype(np.int8)
    through_own = np.isin(typology, [INDEX[name] for name in THROUGH_OWN])
    rng = np.random.default_rng(seed)
    batch, given, arrival_ms = adapted(rng, batch, played.arrival_ms, case, through_own, history)
    return Attacks(
        batch=batch,
        arrival_ms=arrival_ms,
        case=case[given],
        typology=typology[given],
        held_out=np.full(batch.size, one.held_out),
        names=(),
    )


def _campaign(seed: int, days: int, index: int) -> Campaign:
    """Services and banks drawn from the seed, all typologies alike, on any day; in some rounds one mass enrolment."""
    drawn, rng = campaigns.drawn(seed, days), np.random.default_rng(seed)
    yen = YEN[int(rng.integers(0, len(YEN)))]
    waves = [replace(wave, cases=RARER.get(wave.typology, 1.0), days=(0, ANY_DAY), yen=yen) for wave in drawn.waves]
    if index % MASS_EVERY == 0:
        first = int(rng.integers(0, days))
        waves = [
            replace(wave, cases=MASS * len(waves), days=(first, first + 1)) if wave.typology == "T5" else wave
            for wave in waves
        ]
    return replace(drawn, waves=tuple(waves))
