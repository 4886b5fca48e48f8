"""What is told of the cases beside the events: labels, and the summary with its table of typologies."""

import datetime as dt
import json
from pathlib import Path

import numpy as np
from support.frauds import population
from support.populations import events_of, scenario

from detector.contract.vocabulary import DEBIT, OK
from producers import banks, jst, simulation
from producers.attacks import attacks
from producers.cases import of_cases, typology_indices, victims_of
from producers.events import Events
from producers.files import read_events, read_labels
from producers.scenarios import SCENARIOS
from producers.typologies.table import TYPOLOGIES

README = Path(__file__).parents[3] / "producers" / "README.md"


def debits(events: Events) -> Events:
    return events.select((events.kind == DEBIT) & (events.result == OK))


def test_labels_name_case_typology_and_stage_of_every_event_of_a_thief(tmp_path: Path) -> None:
    chosen = scenario("random", accounts=400, cases=60)
    simulation.write(chosen, tmp_path)
    labels = read_labels(tmp_path / "labels.parquet")
    bad = of_cases(events_of(chosen))
    frames = list(read_events(tmp_path / "events.parquet"))
    kinds = {event: kind for frame in frames for event, kind in zip(frame.event_id, frame.kind, strict=True)}
    assert len(labels) == bad.size
    assert set(labels.event_id) <= set(kinds)
    assert {"T" + str(n) for n in range(1, 14)} == set(labels.typology)
    assert all(case.startswith(f"{typology}-") for case, typology in zip(labels.case_id, labels.typology, strict=True))
    of_kind = {
        "open": {"open"},
        "link": {"link", "probe"},
        "unlink": {"unlink"},
        "debit": {"charge", "test"},
        "payment": {"spend"},
        "transfer": {"transfer"},
        "payout": {"payout"},
    }
    seen = {(kinds[event], stage) for event, stage in zip(labels.event_id, labels.stage, strict=True)}
    assert seen == {(kind, stage) for kind, stages in of_kind.items() for stage in stages}


def test_the_summary_counts_cases_events_and_yen_of_each_typology(tmp_path: Path) -> None:
    chosen = scenario("random", accounts=400, cases=60)
    summary = simulation.write(chosen, tmp_path)
    assert summary == json.loads((tmp_path / "summary.json").read_text())
    bad = of_cases(events_of(chosen))
    played = summary["typologies"]
    assert [row.id for row in TYPOLOGIES] == list(played)
    assert sum(row["cases"] for row in played.values()) == summary["cases"] == len(victims_of(bad))
    assert sum(row["events"] for row in played.values()) == bad.size
    assert sum(row["yen"] for row in played.values()) == summary["yen_of_cases"] == debits(bad).amount_yen.sum()
    lines = simulation.markdown(played).splitlines()
    assert len(lines) == 2 + 13 + 1
    assert lines[-1] == f"|  | all | 60 | {bad.size:,} | {summary['yen_of_cases']:,} |"


def test_the_readme_shows_what_september_plays() -> None:
    chosen = SCENARIOS["september-2020"]
    events = attacks(population(chosen.seed, chosen.accounts), chosen.dates, chosen.played, chosen.cases)
    begins, ends = (jst.midnight_ms(date) for date in (chosen.start, chosen.dates[-1] + dt.timedelta(days=1)))
    shown = events.select((events.arrival_ms >= begins) & (events.arrival_ms < ends))
    rows = {}
    for place in np.unique(typology_indices(shown.case)).tolist():
        of = shown.select(typology_indices(shown.case) == place)
        counts = {"cases": len(victims_of(of)), "events": of.size, "yen": int(debits(of).amount_yen.sum())}
        rows[TYPOLOGIES[place].id] = {"name": TYPOLOGIES[place].name, **counts}
    assert simulation.markdown(rows) in README.read_text("utf-8")


def test_the_summary_tells_when_which_bank_stopped_links(tmp_path: Path) -> None:
    summary = simulation.write(scenario("september-2020", accounts=300), tmp_path)
    assert {f"{code:04}" for code in banks.CODES.tolist()} == set(summary["links_stopped"])
    assert summary["links_stopped"]["9900"] == "2020-09-10"
    assert {} == simulation.write(scenario(days=1, accounts=300), tmp_path)["links_stopped"]
