"""Before the replay: days simulated, a model trained, through the functions of `kozamori simulate` and `train`."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from detector.artifact import write_model
from detector.attack_injection import inject_attacks
from detector.core.chains import CHAINS
from detector.core.model import Model
from detector.demo.plan import Plan
from detector.jst import DAY_MS
from detector.settings import Settings
from models.training import Plan as TrainingPlan
from models.training import train
from producers import simulation
from producers.batches import Which, read_batches
from producers.scenarios import Scenario

BATCH = 8192  # events a pipeline call; larger batches gain nothing


@dataclass(frozen=True, slots=True)
class Days:
    """Simulated days in files."""

    events: Path
    labels: Path
    size: int
    cases: int


def simulated(scenario: Scenario, folder: Path, advance: Callable[[int], None]) -> Days:
    """Write the days of `scenario` into `folder`; `advance` gets the number of events written."""
    summary = simulation.write(scenario, folder, ".parquet", advance)
    return Days(folder / "events.parquet", folder / "labels.parquet", summary["events"], summary["cases"])


def trained(events: Path, folder: Path, plan: Plan, advance: Callable[[int], None]) -> Model:
    """Train on a file of normal life and write the model into `folder`; `advance` gets the number of events
    read; they are read twice."""
    ttl_ms = Settings.model_fields["ttl_days"].default * DAY_MS
    chain = CHAINS[-1]
    which: Which = "all" if chain.reads_wallet_events else "account"
    prepared = inject_attacks(lambda: read_batches(events, BATCH, which=which), chain, ttl_ms, advance=advance)
    with events.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return write_model(
        folder, train(prepared.data, chain, TrainingPlan(budget=plan.budget), digest, prepared.cases, prepared.burn_in)
    )
