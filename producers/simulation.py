"""A scenario as files: events, labels and a summary."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa

from detector.contract.vocabulary import KINDS
from producers import banks
from producers.events import NO_CASE, Events
from producers.files import write_events, write_labels
from producers.scenarios import Scenario, honest_newcomers, simulate
from producers.tables import labels_of, to_table
from producers.texts import Texts

PIECE_ROWS = 262_144  # made into strings at once; small, as strings take more room than numbers


def tables(scenario: Scenario) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Events and labels of `scenario`, in order of arrival, piece by piece."""
    texts = Texts(scenario.seed)
    for part in simulate(scenario):
        for piece in _pieces(part):
            yield to_table(piece, texts), labels_of(piece, scenario.typology)


def write(
    scenario: Scenario, folder: Path, suffix: str = ".parquet", advance: Callable[[int], None] = lambda _: None
) -> dict[str, Any]:
    """Write `events`, `labels` and `summary.json` into `folder`; returns the summary. `advance`: see `write_events`."""
    labels: list[pa.Table] = []
    summaries: list[dict[str, Any]] = []
    texts = Texts(scenario.seed)

    def events() -> Iterator[pa.Table]:
        for part in simulate(scenario):
            labels.append(labels_of(part, scenario.typology))
            summaries.append(_count(part))
            for piece in _pieces(part):
                yield to_table(piece, texts)

    write_events(folder / f"events{suffix}", events(), advance)
    write_labels(folder / f"labels{suffix}", labels)
    summary = _summary(scenario, summaries)
    (folder / "summary.json").write_bytes(msgspec.json.format(msgspec.json.encode(summary)) + b"\n")
    return summary


def _pieces(part: Events) -> Iterator[Events]:
    for start in range(0, part.size, PIECE_ROWS):
        yield part.select(slice(start, start + PIECE_ROWS))


def _count(part: Events) -> dict[str, Any]:
    cases = part.select((part.case != NO_CASE) & (part.account != 0))
    return {
        "events": part.size,
        "kinds": np.bincount(part.kind, minlength=len(KINDS)),
        "cases": set(cases.case.tolist()),
        "banks_attacked": set((cases.account >> np.uint64(40)).tolist()),
        "yen_of_cases": int(cases.amount_yen.sum()),
        "honest_newcomers": honest_newcomers(part),
    }


def _summary(scenario: Scenario, counts: list[dict[str, Any]]) -> dict[str, Any]:
    attacked = set().union(*(count["banks_attacked"] for count in counts))
    cases = len(set().union(*(count["cases"] for count in counts)))
    newcomers = sum(count["honest_newcomers"] for count in counts)
    return {
        "scenario": scenario.name,
        "seed": scenario.seed,
        "accounts": scenario.accounts,
        "start": scenario.start.isoformat(),
        "days": scenario.days,
        "banks": len(banks.BANKS),
        "events": sum(count["events"] for count in counts),
        "kinds": dict(zip(KINDS, np.sum([count["kinds"] for count in counts], axis=0).tolist(), strict=True)),
        "cases": cases,
        "banks_attacked": sorted(f"{code:04}" for code in attacked),
        "yen_of_cases": sum(count["yen_of_cases"] for count in counts),
        "honest_newcomers": newcomers,
        "honest_newcomers_per_case": round(newcomers / cases, 1) if cases else None,
    }
