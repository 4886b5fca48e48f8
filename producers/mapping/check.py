"""Dry run of a mapping: what it reads from a file, before anything is done with it."""

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from detector.contract.hashing import hash64_many
from detector.contract.keyed_hash import KeyedHash
from detector.jst import JST
from producers.mapping.events import Mapper, assigned, meets
from producers.mapping.policies import BadRows
from producers.mapping.problems import Tally
from producers.mapping.rows import Rows, read_rows
from producers.mapping.specification import Mapping

FIRST = 5  # events shown
#: Stands in for the deployment's key where there is none yet: hashes of a dry run are used nowhere else.
DRY_KEY = KeyedHash(b"kozamori mapping check")


@dataclass(slots=True)
class Findings:
    """What was understood of a file. `late`: events earlier than one above them, 0 where they are sorted; `again`:
    those with the id of one above them, which count once; `backwards`: those before their wallet was opened.
    """

    tally: Tally = field(default_factory=Tally)
    events: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    frauds: int = 0
    late: int = 0
    again: int = 0
    backwards: int = 0
    first: list[dict[str, Any]] = field(default_factory=list)
    times_ms: tuple[int, int] | None = None
    yen: tuple[int, int] | None = None
    distinct: dict[str, int] = field(default_factory=dict)
    no_event: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, Any]:
        """For programs."""
        return {
            "rows": self.tally.rows,
            "events": self.events,
            "kinds": dict(self.kinds),
            "ignored": self.tally.ignored,
            "of_no_event": dict(self.no_event.most_common()),
            "not_understood": self.tally.bad,
            "problems": [{"line": one.line, "text": one.text} for one in self.tally.first],
            "sorts": [{"rows": sort.count, "first": str(sort.first[0])} for sort in self.tally.sorts.values()],
            "lines_with_broken_bytes_not_read": len(self.tally.marred),
            "first_time": self.times_ms and moment(self.times_ms[0]),
            "last_time": self.times_ms and moment(self.times_ms[1]),
            "least_yen": self.yen and self.yen[0],
            "most_yen": self.yen and self.yen[1],
            "late": self.late,
            "again": self.again,
            "before_the_wallet_was_opened": self.backwards,
            "distinct": self.distinct,
            "fraudulent": self.frauds,
            "first": self.first,
        }


def check(path: Path, mapping: Mapping, key: KeyedHash | None, slices: int | None = None) -> Findings:
    """Read a file through a mapping, the first `slices` of it or all; bad rows are reported, never raised.

    Raises UserError for a file that cannot be read or lacks a column.
    """
    found = Findings()
    patient = replace(mapping, input=replace(mapping.input, bad_rows=BadRows("skip", 1.0)))
    mapper = Mapper(path, patient, key or DRY_KEY, found.tally)
    seen: dict[str, set[Any]] = {name: set() for name in ("account", "wallet", "source", "bank")}
    ids: list[npt.NDArray[np.uint64]] = []
    for rows in islice(read_rows(path, patient), slices):
        table = mapper.events(rows)
        if mapping.labels is not None:
            fraud = rows.line[meets(rows.texts, mapping.labels.fraud)]
            found.frauds += int(np.isin(table["line"].to_numpy(), fraud).sum())
        _add(found, table)
        found.no_event.update(_no_event(rows, mapping))
        ids.append(_ids(table))
        for name, values in seen.items():
            values.update(value for value in pc.unique(table[name]).to_pylist() if value)
    if mapping.input.order == "time":
        found.late = 0
    every = np.concatenate([np.empty(0, np.uint64), *ids])
    found.again = len(every) - len(np.unique(every))
    found.distinct = {name: len(values) for name, values in seen.items()}
    return found


def _no_event(rows: Rows, mapping: Mapping) -> Counter[str]:
    """What stands in the columns that conditions look at, of the rows that are no event."""
    columns = dict.fromkeys(condition.column for events in mapping.events for condition in events.conditions)
    nothing = pa.array(assigned(rows.texts, mapping.events) < 0)
    found = Counter[str]()
    for column in columns:
        for one in pc.value_counts(rows.texts[column].filter(nothing)).to_pylist():
            found[f"{column} = {one['values'] or 'nothing'}"] += one["counts"]
    return found


def _ids(table: pa.Table) -> npt.NDArray[np.uint64]:
    """Hashes of what must be unique: the id for a service, a kind and an account."""
    account = pc.coalesce(table["account"], table["wallet"])
    joined = pc.binary_join_element_wise(table["service"], table["kind"], account, table["event_id"], "\0")
    return hash64_many(joined.to_pylist())


def moment(ms: int) -> str:
    """A time as people in Japan read it."""
    return dt.datetime.fromtimestamp(ms / 1000, JST).isoformat(timespec="seconds")


def _add(found: Findings, table: pa.Table) -> None:
    if not table.num_rows:
        return
    if len(found.first) < FIRST:
        found.first += table.slice(0, FIRST - len(found.first)).to_pylist()
    times = table["occurred_at_ms"].to_numpy()
    found.backwards += int((table["wallet_opened_at_ms"].to_numpy() > times).sum())
    last = found.times_ms[1] if found.times_ms else int(times[0])
    found.late += int((times < np.maximum.accumulate(np.append(last, times))[:-1]).sum())
    found.times_ms = _wider(found.times_ms, int(times.min()), int(times.max()))
    amounts = table["amount_yen"].drop_null()
    if len(amounts):
        found.yen = _wider(found.yen, *(pc.min_max(amounts).as_py()[name] for name in ("min", "max")))
    found.events += table.num_rows
    found.kinds.update(table["kind"].to_pylist())


def _wider(span: tuple[int, int] | None, low: int, high: int) -> tuple[int, int]:
    return (low, high) if span is None else (min(span[0], low), max(span[1], high))
