"""Lives for `kozamori ablation`: adapts the simulator to its experiments, foreign worlds to their judge."""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import partial

import pyarrow as pa

from detector.attack_injection import Prepared, inject_attacks, simulated
from detector.contract.batch import Batch
from detector.core.stage import Chain
from models.ablation.experiments import Setting, Values
from models.ablation.foreign import Lived
from models.ablation.run import Size
from models.backtest.labels import Labels, labels_of
from models.history import HistoryObserver
from models.inject import Attacks
from models.worlds import world as foreign
from producers import simulation
from producers.batches import to_batches
from producers.campaigns import ANY_DAY, Campaign, Wave
from producers.drift import Drift
from producers.evasion import Evasion
from producers.scenarios import SCENARIOS, Scenario
from producers.typologies.table import TYPOLOGIES

BATCH = 8192  # events a pipeline call; larger batches gain nothing
SLICE = 262_144  # events of a table made into batches at once
#: First judged day; the training days end the day before.
JUDGED_FROM = dt.date(2020, 9, 1)
#: Days given to a world that is drawn from a history: each kind of day once.
GIVEN_DAYS = 31
#: Not before this day: a drain across the turn of the month (T2) is to be seen whole.
STRADDLES_FROM = 10
#: A spray (T3) tries hundreds of accounts for one it opens: fewer unlabelled cases of it.
RARER = {"T3": 0.2}


@dataclass(frozen=True, slots=True)
class Simulations:
    """The simulator behind the experiments' port."""

    size: Size

    def history(self, seed: int, setting: Setting) -> list[Batch]:
        """The days before those judged, with unlabelled cases where the setting has some."""
        start = JUDGED_FROM - dt.timedelta(days=self.size.days)
        cases = round(setting.hidden * self.size.accounts)
        scenario = replace(self._scenario(seed, setting.life), start=start, days=self.size.days, cases=cases)
        return _played(replace(scenario, campaign=_campaign(RARER)), 0)[0]

    def attacks(self, history: list[Batch], cases: int, seed: int) -> Attacks:
        """Cases of all typologies among the history's accounts."""
        observer = HistoryObserver()
        for _ in observer.watch(history):
            pass
        return simulated(observer.history, cases, seed)

    def log(self, seed: int, setting: Setting, first_offset: int) -> tuple[list[Batch], Labels]:
        """The days judged, and as many cases of each typology."""
        scenario = replace(
            self._scenario(seed, setting.drift or setting.life, drifts=bool(setting.drift)),
            start=JUDGED_FROM,
            days=self.size.judged_days,
            cases=self.size.judged * len(TYPOLOGIES),
            campaign=_campaign({}),
            evasion=Evasion(**dict(setting.thieves)),
        )
        batches, labels = _played(scenario, first_offset)
        return batches, labels_of(labels.to_pandas())

    def _scenario(self, seed: int, life: Values, *, drifts: bool = False) -> Scenario:
        since = JUDGED_FROM if drifts else dt.date.min
        drift = Drift(**dict(life), since=since)
        return replace(SCENARIOS["normal"], accounts=self.size.accounts, seed=seed, drift=drift)


@dataclass(frozen=True, slots=True)
class ForeignLives:
    """Foreign worlds behind the port of their judge."""

    def life(self, world: foreign.World, size: foreign.Size) -> Lived:
        """The world's life, made from days of the simulator where it is made from a history."""
        life = world.play(size, _history_for(size) if world.from_history else None)
        history = partial(_batches, life.history, 0)
        return Lived(history, partial(_batches, life.judged, life.history.num_rows), labels_of(life.labels.to_pandas()))

    def prepared(self, history: Callable[[], Iterable[Batch]], chain: Chain, ttl_ms: int, seed: int) -> Prepared:
        """As `kozamori train` prepares a history."""
        return inject_attacks(history, chain, ttl_ms, seed=seed)


def _history_for(size: foreign.Size) -> pa.Table:
    start = JUDGED_FROM - dt.timedelta(days=GIVEN_DAYS + size.days)
    usual = replace(SCENARIOS["normal"], accounts=size.accounts, seed=size.seed, start=start, days=GIVEN_DAYS)
    return pa.concat_tables([events for events, _ in simulation.tables(usual)], promote_options="default")


def _batches(events: pa.Table, first_row: int) -> Iterator[Batch]:
    """Batches of a table's events, rows counted from `first_row`; made slice by slice, to hold few at once."""
    for start in range(0, events.num_rows, SLICE):
        yield from to_batches(events.slice(start, SLICE), BATCH, first_row=first_row + start, which="all")


def _campaign(fewer: dict[str, float]) -> Campaign:
    """All typologies alike, on any day."""
    return Campaign(
        tuple(
            Wave(
                typology.id,
                fewer.get(typology.id, 1.0),
                (STRADDLES_FROM if typology.id == "T2" else 0, ANY_DAY),
            )
            for typology in TYPOLOGIES
        )
    )


def _played(scenario: Scenario, first_row: int) -> tuple[list[Batch], pa.Table]:
    """The events of a scenario, rows counted from `first_row`, and their labels."""
    batches: list[Batch] = []
    labels: list[pa.Table] = []
    for events, labelled in simulation.tables(scenario):
        batches += to_batches(events, BATCH, first_row=first_row, which="all", name=scenario.name)
        labels.append(labelled)
        first_row += events.num_rows
    return batches, pa.concat_tables(labels)
