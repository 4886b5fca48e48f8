"""A scenario as files: events, labels and a summary."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from detector.contract.vocabulary import DEBIT, KINDS, OK
from detector.paths import write_whole
from producers import banks, jst
from producers.attacks import stops_of
from producers.cases import of_cases, typology_indices, victims_of
from producers.events import Events
from producers.files import write_events, write_labels
from producers.scenarios import Scenario, honest_newcomers, simulate
from producers.tables import labels_of, to_table
from producers.texts import Texts
from producers.typologies.table import TYPOLOGIES

_COUNTED = ("cases", "events", "yen")  # columns of each typology in a summary
PIECE_ROWS = 262_144  # made into strings at once; small, as strings take more room than numbers


def tables(scenario: Scenario) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Events and labels of `scenario`, in order of arrival, piece by piece."""
    texts = Texts(scenario.seed)
    for part in simulate(scenario):
        for piece in _pieces(part):
            yield to_table(piece, texts), labels_of(piece)


def write(
    scenario: Scenario, folder: Path, suffix: str = ".parquet", advance: Callable[[int], None] = lambda _: None
) -> dict[str, Any]:
    """Write `events`, `labels` and `summary.json` into `folder`; returns the summary. `advance`: see `write_events`."""
    labels: list[pa.Table] = []
    summaries: list[dict[str, Any]] = []
    texts = Texts(scenario.seed)

    def events() -> Iterator[pa.Table]:
        for part in simulate(scenario):
            labels.append(labels_of(part))
            summaries.append(_count(part))
            for piece in _pieces(part):
                yield to_table(piece, texts)

    write_events(folder / f"events{suffix}", events(), advance)
    write_labels(folder / f"labels{suffix}", labels)
    summary = _summary(scenario, summaries)
    write_whole(folder / "summary.json", msgspec.json.format(msgspec.json.encode(summary)) + b"\n")
    return summary


def _pieces(part: Events) -> Iterator[Events]:
    for start in range(0, part.size, PIECE_ROWS):
        yield part.select(slice(start, start + PIECE_ROWS))


def _count(part: Events) -> dict[str, Any]:
    bad = of_cases(part)
    debited = bad.select((bad.kind == DEBIT) & (bad.result == OK))
    size = len(TYPOLOGIES)
    return {
        "events": part.size,
        "kinds": np.bincount(part.kind, minlength=len(KINDS)),
        "cases": set(victims_of(bad).tolist()),
        "banks_attacked": set((debited.account >> np.uint64(40)).tolist()),
        "events_of": np.bincount(typology_indices(bad.case), minlength=size),
        "yen_of": np.bincount(typology_indices(debited.case), debited.amount_yen, size).astype(np.int64),
        "honest_newcomers": honest_newcomers(part),
    }


def _summary(scenario: Scenario, counts: list[dict[str, Any]]) -> dict[str, Any]:
    attacked = set().union(*(count["banks_attacked"] for count in counts))
    cases = np.array(sorted(set().union(*(count["cases"] for count in counts))), np.int32)
    newcomers = sum(count["honest_newcomers"] for count in counts)
    typologies = _by_typology(cases, counts)
    return {
        "scenario": scenario.name,
        "seed": scenario.seed,
        "accounts": scenario.accounts,
        "start": scenario.start.isoformat(),
        "days": scenario.days,
        "banks": len(banks.BANKS),
        "events": sum(count["events"] for count in counts),
        "kinds": dict(zip(KINDS, np.sum([count["kinds"] for count in counts], axis=0).tolist(), strict=True)),
        "cases": len(cases),
        "banks_attacked": sorted(f"{code:04}" for code in attacked),
        "links_stopped": _stops(scenario),
        "yen_of_cases": sum(row["yen"] for row in typologies.values()),
        "typologies": typologies,
        "honest_newcomers": newcomers,
        "honest_newcomers_per_case": round(newcomers / len(cases), 1) if len(cases) else None,
    }


def _stops(scenario: Scenario) -> dict[str, str]:
    """Since which day each bank takes no new links to Docomo wallets, by bank; empty where none stops."""
    if not scenario.cases:
        return {}
    stops = stops_of(scenario.seed, scenario.dates, scenario.played.stops)
    return {f"{code:04}": jst.date_of(at_ms).isoformat() for code, at_ms in sorted(stops.items())}


def _by_typology(cases: npt.NDArray[np.int32], counts: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """For each typology played: its name, cases, events (those of campaigns too) and yen debited."""
    number = np.bincount(typology_indices(cases), minlength=len(TYPOLOGIES)).tolist()
    events = np.sum([count["events_of"] for count in counts], axis=0).tolist()
    yen = np.sum([count["yen_of"] for count in counts], axis=0).tolist()
    return {
        typology.id: {"name": typology.name, "cases": number[index], "events": events[index], "yen": yen[index]}
        for index, typology in enumerate(TYPOLOGIES)
        if events[index]
    }


def markdown(typologies: dict[str, dict[str, Any]]) -> str:
    """The typologies of a summary as a Markdown table, with a line of totals."""
    total = {"name": "all", **{column: sum(row[column] for row in typologies.values()) for column in _COUNTED}}
    lines = ["| id | typology | cases | events | yen debited |", "|---|---|--:|--:|--:|"]
    for name, row in (*typologies.items(), ("", total)):
        lines.append(f"| {name} | {row['name']} | " + " | ".join(f"{row[column]:,}" for column in _COUNTED) + " |")
    return "\n".join(lines)
