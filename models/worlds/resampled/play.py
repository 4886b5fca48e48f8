"""The world fitted to a given history: its days drawn again and perturbed, attacks made of its own sequences."""

import numpy as np
import pyarrow as pa

from detector.errors import UserError
from detector.jst import DAY_MS, JST_MS
from models.worlds.resampled.campaigns import attacks
from models.worlds.resampled.delivery import Delivered, deliver, undelivered
from models.worlds.resampled.fragments import fragments_of
from models.worlds.resampled.market import Market
from models.worlds.resampled.normal import Normal, normal_days
from models.worlds.resampled.people import people_of, source_habits
from models.worlds.resampled.rows import NONE, concatenate, in_full, rows_of, table_of
from models.worlds.resampled.sheet import STAGES, Sheet
from models.worlds.world import LABELS, Life, Size


def play(history: pa.Table, size: Size) -> Life:
    """The history and, drawn from it, `size.days` more without fraud; right after them the judged days, with fraud.

    Days of a real life and days drawn again differ: a model is to learn the life that it is judged in, and of the given
    history no more than who is known. `history`: events of normal days in order of arrival, with the columns of
    `EVENTS`; its accounts are what it has, `size.accounts` is not read. Raises UserError for one without events.
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
    coming = people.days[-1] + 1 + np.arange(size.days + size.judged_days)
    honest = normal_days(Normal(rows, people, habits, unknown), coming, names, rng)
    market = Market(rows, people, habits, fragments_of(rows, people, rng), names, rng)
    fraud, sheet = attacks(market, coming[size.days :], size.cases)
    made = deliver(concatenate([honest, fraud]), way, rng)
    drawn = table_of(made.rows, names, made.event_ids)
    begins_ms = int(coming[size.days]) * DAY_MS - JST_MS
    first = int(np.argmax(made.rows.occurred_at_ms >= begins_ms))
    return Life(pa.concat_tables([in_full(history), drawn.slice(0, first)]), drawn.slice(first), _labels(made, sheet))


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
