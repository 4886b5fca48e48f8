"""The world fitted to a given history: its days drawn again and perturbed, attacks made of its own sequences."""

import numpy as np
import pyarrow as pa

from detector.errors import UserError
from models.worlds.resampled.campaigns import attacks
from models.worlds.resampled.delivery import Delivered, deliver, undelivered
from models.worlds.resampled.fragments import fragments_of
from models.worlds.resampled.market import Market
from models.worlds.resampled.normal import Normal, normal_days
from models.worlds.resampled.people import people_of, source_habits
from models.worlds.resampled.rows import NONE, concatenate, rows_of, table_of
from models.worlds.resampled.sheet import STAGES, Sheet
from models.worlds.world import LABELS, Life, Size


def play(history: pa.Table, size: Size) -> Life:
    """The history as it is, and the days right after it, with fraud.

    `history`: events of normal days in order of arrival, with the columns of `EVENTS`. Its accounts and days are what
    it has: `size.accounts` and `size.days` are not read. Raises UserError for a history without events of accounts.
    """
    if not history.num_rows:
        raise UserError("the history has no events: give an events file of normal days")
    last_ms = int(np.max(history["occurred_at_ms"].to_numpy()))
    # The history's end is part of the seed: a life played on from a life that was played has ids of its own.
    rng = np.random.default_rng([size.seed, last_ms])
    rows, names = rows_of(history, rng)
    rows, way = undelivered(rows, history["event_id"])
    unknown = names.of("source", "")
    people = people_of(rows)
    habits = source_habits(rows, people, unknown, len(names.texts["source"]))
    coming = people.days[-1] + 1 + np.arange(size.judged_days)
    honest = normal_days(Normal(rows, people, habits, unknown), coming, names, rng)
    market = Market(rows, people, habits, fragments_of(rows, people, rng), names, rng)
    fraud, sheet = attacks(market, coming, size.cases)
    made = deliver(concatenate([honest, fraud]), way, rng)
    return Life(history, table_of(made.rows, names, made.event_ids), _labels(made, sheet))


def _labels(made: Delivered, sheet: Sheet) -> pa.Table:
    """The labels of all events of thieves, each event once."""
    at = np.flatnonzero(made.rows.case != NONE)
    ids, first = np.unique(made.event_ids.take(pa.array(at)).to_numpy(zero_copy_only=False), return_index=True)
    at = at[first]
    case, stage = made.rows.case[at].tolist(), made.rows.stage[at].tolist()
    columns = (
        ids.tolist(),
        [sheet.case_ids[number] for number in case],
        [sheet.typologies[number] for number in case],
        [STAGES[number] for number in stage],
    )
    return pa.table(list(columns), schema=LABELS)
