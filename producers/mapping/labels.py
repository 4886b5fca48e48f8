"""Labels for a back-test from a column that says which rows are fraud: rows become cases."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from detector.contract.keyed_hash import KeyedHash
from detector.errors import UserError
from producers.mapping.events import Mapper, assigned, meets
from producers.mapping.problems import Tally
from producers.mapping.rows import Rows, read_rows
from producers.mapping.specification import LabelRules, Mapping
from producers.tables import LABELS

HOUR_MS = 3_600_000


def _nobody(_: Tally) -> None:
    return None


def read_labels(
    path: Path, mapping: Mapping, key: KeyedHash | None, told: Callable[[Tally], None] = _nobody
) -> pd.DataFrame:
    """Labels of the file's fraudulent events: columns `event_id`, `case_id`, `typology`, `stage`, in order of the file.

    `told` gets the tally of the rows that say fraud.

    Raises UserError where the mapping has no [labels], no event is labelled, or as `read_events`.
    """
    rules = mapping.labels
    if rules is None:
        raise UserError(f"{mapping.path}: no [labels]: say there which rows are fraud, or give --labels")
    frauds = _all_frauds(path, rules, mapping, key, told)
    if frauds.empty:
        values = ", ".join(rules.fraud.values)
        raise UserError(
            f"{path}: no event has {values} in column {rules.fraud.column!r}: correct `labels.fraud` of {mapping.path}"
        )
    frauds["case_id"] = _named(frauds) if rules.case else _by_time(frauds, rules)
    labels: pd.DataFrame = frauds.assign(stage="")[LABELS.names].astype("str")
    return labels


def read_frauds(
    path: Path, mapping: Mapping, key: KeyedHash | None, told: Callable[[Tally], None] = _nobody
) -> list[str]:
    """Ids of the file's fraudulent events, none without [labels] in the mapping; UserError as `read_events`."""
    if mapping.labels is None:
        return []
    frauds = _all_frauds(path, mapping.labels, mapping, key, told)
    return [] if frauds.empty else [str(event_id) for event_id in frauds["event_id"]]


def _all_frauds(
    path: Path, rules: LabelRules, mapping: Mapping, key: KeyedHash | None, told: Callable[[Tally], None]
) -> pd.DataFrame:
    # The limit is of all rows, not of those that say fraud.
    limitless = replace(mapping.input, bad_rows=replace(mapping.input.bad_rows, limit=1.0))
    mapper = Mapper(path, replace(mapping, input=limitless), key, Tally())
    parts = [_frauds(rows, rules, mapping, mapper) for rows in read_rows(path, mapping)]
    told(mapper.tally)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _frauds(rows: Rows, rules: LabelRules, mapping: Mapping, mapper: Mapper) -> pd.DataFrame:
    """The fraudulent events of a slice; only their rows are converted."""
    fraud = meets(rows.texts, rules.fraud) & (assigned(rows.texts, mapping.events) >= 0)
    table = mapper.events(rows.select(np.flatnonzero(fraud)))
    # An event of the wallet has no account.
    subject = [table["account"], table["wallet"]] if rules.by == "account" else [table["wallet"]]
    frame: pd.DataFrame = table.select(["event_id", "occurred_at_ms"]).to_pandas()
    frame["subject"] = pc.coalesce(*subject).to_pandas()
    if rules.case:
        frame["case"] = _of_lines(table, rows, rules.case)
    named = _of_lines(table, rows, rules.typology_column) if rules.typology_column else [None] * table.num_rows
    frame["typology"] = [name or rules.typology for name in named]
    return frame


def _of_lines(table: pa.Table, rows: Rows, column: str) -> list[str | None]:
    """What stands in a column of the file, for each event of the table."""
    of_line = dict(zip(rows.line.tolist(), rows.texts[column].to_pylist(), strict=True))
    return [of_line[line] for line in table["line"].to_pylist()]


def _named(frauds: pd.DataFrame) -> "pd.Series[str]":
    """The file's own cases; a fraudulent event without one is a case by itself."""
    return frauds["case"].fillna("event " + frauds["event_id"].astype("str"))


def _by_time(frauds: pd.DataFrame, rules: LabelRules) -> "pd.Series[str]":
    """A case is one subject's events until a gap longer than the mapping's hours."""
    ordered = frauds.sort_values(["subject", "occurred_at_ms"], kind="stable")
    pause = ordered["occurred_at_ms"].diff() > rules.hours * HOUR_MS
    begins = pause | (ordered["subject"] != ordered["subject"].shift())
    number = begins.cumsum().sort_index()
    return "case-" + number.astype("str").str.zfill(6)
