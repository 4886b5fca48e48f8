"""The events every contestant gets, and the models they score with: simulated, seeded, the same for all."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import joblib
import numpy as np
import numpy.typing as npt
from sklearn.ensemble import IsolationForest

from detector.artifact import pack, unpack, write_model
from detector.attack_injection import inject_attacks
from detector.bench.plain_faust import FOREST, MISSING
from detector.contract.batch import Batch
from detector.core.chains import ACCOUNT_CHAIN
from detector.core.model import Model
from detector.core.stage import Chain
from detector.errors import UserError
from detector.jst import DAY_MS
from models.training import Plan, train
from producers.batches import to_batches
from producers.messages import column_values, values_of
from producers.scenarios import SCENARIOS, Scenario, sized
from producers.simulation import tables

#: Enough to train and calibrate on, seconds to simulate; a bench that measures less trains on as little, down to the
#: least that calibrates.
TRAINING_EVENTS, FEWEST_TRAINING_EVENTS = 60_000, 10_000
TRAINING_BATCH = 8192
TTL_MS = 400 * DAY_MS
#: Simulations differ a little from the size asked for; too few would be refused.
SPARE = 1.05
#: Share of the training events that alert, the worker's and plain Faust's: twice what 20 groups a day of 60,000
#: accounts give. The default budget is for a whole country's banks, and far too loose for so small a history.
ALERT_SHARE = 0.001


class Workload(NamedTuple):
    """Messages in order of arrival, and the scenario they come from."""

    keys: list[bytes]
    values: list[bytes]
    scenario: Scenario


def simulate_events(events: int, accounts: int | None, seed: int) -> Workload:
    """The first `events` account events of September 2020, attacks included, over `accounts` (None: what it takes).

    Raises UserError when so many accounts have fewer events.
    """
    base = replace(SCENARIOS["ghost-wallets"], seed=seed, wallet_events=False, cases=0)
    scenario = replace(base, accounts=accounts) if accounts else sized(base, round(events * SPARE))
    attacked = replace(scenario, cases=min(SCENARIOS["ghost-wallets"].cases, scenario.accounts))
    keys: list[bytes] = []
    values: list[bytes] = []
    for table, _ in tables(attacked):
        left = table.slice(0, events - len(values))
        keys += [account.encode() for account in column_values(left["account"])]
        values += values_of(left)
    if len(values) < events:
        raise UserError(
            f"{scenario.accounts} accounts have {len(values)} events in {scenario.days} days, {events} were asked for:"
            " give more --accounts, or leave it out"
        )
    return Workload(keys, values, attacked)


def train_models(
    folder: Path, seed: int, measured: int, *, chain: Chain = ACCOUNT_CHAIN, alert_share: float | None = None
) -> Model:
    """Train on simulated normal days and write a model named after its chain, and `plain.joblib` for plain Faust.

    `measured` is how many events or rows the bench goes through: a small one trains on less. `alert_share` sets the
    budget so that about this share of the training events would alert; None leaves 20 a day.
    """
    events = min(TRAINING_EVENTS, max(FEWEST_TRAINING_EVENTS, measured))
    data, cases, _ = inject_attacks(lambda: _normal_days(seed + 1, events, chain), chain, TTL_MS, seed=seed, burn_in=0)
    draft = train(data, chain, Plan(seed=seed), "simulated", cases)
    if alert_share is not None:
        alarm = unpack(pack(draft), chain).judge(data.X, data.kind).alarm
        draft = replace(draft, budget=float(np.quantile(alarm, alert_share)))
    if chain is ACCOUNT_CHAIN:
        _train_plain(folder / FOREST, data.X, seed)
    return write_model(folder / chain.name, draft)


def _normal_days(seed: int, events: int, chain: Chain) -> Iterator[Batch]:
    first_row = 0
    scenario = replace(SCENARIOS["normal"], seed=seed, wallet_events=chain.reads_wallet_events)
    for table, _ in tables(sized(scenario, events)):
        yield from to_batches(table, TRAINING_BATCH, first_row=first_row, which="all")
        first_row += table.num_rows


def _train_plain(path: Path, X: npt.NDArray[np.float32], seed: int) -> None:
    """scikit-learn's forest of the same size on the same features, and the score that one event in 1000 exceeds."""
    X = np.nan_to_num(X, nan=MISSING)
    forest = IsolationForest(n_estimators=100, max_samples=256, random_state=seed).fit(X)
    joblib.dump((forest, float(np.quantile(-forest.score_samples(X), 1 - ALERT_SHARE))), path)
