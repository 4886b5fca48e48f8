"""Scores of a frame of events, as a worker gives them."""

from pathlib import Path

import pandas as pd

from detector.artifact import read_model
from detector.core.chains import CHAINS, chain_of
from detector.jst import DAY_MS
from detector.settings import Settings
from models.left_out import left_out_of, without
from models.scoring import Scoring
from producers.batches import Which, to_batches, to_table
from producers.tables import SCHEMA

BATCH = 8192


def score(
    events: pd.DataFrame, model: str | Path, *, warm_up: pd.DataFrame | None = None, features: bool = False
) -> pd.DataFrame:
    """What a model says about each event of a frame with the contract's fields, in its order.

    The state begins empty, or with the events of `warm_up`. Columns as `kozamori score` writes them: `alarm` in false
    alarms a day (lower is worse), `score` in [0, 1] (higher is worse), `alert`, `case_id`; with `features` all of them.
    Raises UserError for a bad model, for a column of several types, or for the first row that is no valid event.
    """
    table = to_table(events, "events")
    earlier = None if warm_up is None else to_table(warm_up, "warm_up")
    used = read_model(Path(model), *CHAINS)
    settings, chain = Settings(), without(chain_of(used.stages), left_out_of(used))
    topics = settings.account_events, settings.wallet_events
    scoring = Scoring(used, chain, ttl_ms=settings.ttl_days * DAY_MS, topics=topics, features=features)
    which: Which = "all" if chain.reads_wallet_events else "account"
    before = 0
    if earlier is not None:
        scoring.warm_up(to_batches(earlier, BATCH, which=which, name="warm_up"))
        before = earlier.num_rows
    kept = [name for name in table.column_names if name in SCHEMA.names]
    found = scoring.score(table.select(kept), to_batches(table, BATCH, first_row=before, which=which, name="events"))
    frame: pd.DataFrame = found.to_pandas()
    return frame
