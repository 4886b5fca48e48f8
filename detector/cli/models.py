"""`kozamori train`: from an events file to a model folder."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from detector.artifact import check_target, write_model
from detector.attack_injection import ACCOUNTS_A_CASE, CASES, Prepared, inject_attacks
from detector.cli.alert_files import read_alerts
from detector.cli.mapping import load, notify
from detector.cli.model_tables import held_out, summary
from detector.cli.options import Own, as_json, bank_budgets, own_data
from detector.cli.tables import print_tables
from detector.cli.verdict_files import read_verdicts
from detector.contract.batch import Batch
from detector.contract.hashing import hash64_many
from detector.contract.vocabulary import KINDS
from detector.core.chains import CHAINS, chain_of
from detector.core.model import Model
from detector.core.stage import Chain
from detector.errors import UserError
from detector.jst import DAY_MS
from detector.paths import write_whole
from detector.settings import Settings
from models.backtest.labels import labels_of
from models.datasets import SCORED_KINDS
from models.guard_rail import GuardRail, guard_rail
from models.left_out import MANIFEST_KEY, without
from models.reports.held_out import picture
from models.training import Plan
from models.training import train as fit
from models.verdicts import followed, said_of
from producers.batches import Which, to_batches
from producers.files import read_labels
from producers.source import Source

DEFAULTS = Plan()
#: Detectors by the name of their part of the budget.
DETECTORS = {"attack_trained": "boosting", "joint_tails": "joint_tail", "forest": "isolation_forest"}
PICTURE = "held_out.png"  # in the model folder: what each detector costs and catches
BATCH = 8192  # events a pipeline call; larger batches gain nothing


def _forms(context: click.Context, parameter: click.Parameter, value: str) -> tuple[str, ...]:
    """The forms of the detectors named."""
    del context, parameter
    names = [name.strip() for name in value.split(",")]
    if unknown := [name for name in names if name not in DETECTORS]:
        raise click.BadParameter(f"got {', '.join(unknown)!r}, expected some of {', '.join(DETECTORS)}")
    return tuple(DETECTORS[name] for name in names)


@click.command(
    epilog="""\b
Examples:
  kozamori train august/events.parquet -o model
  kozamori train history.jsonl -o model --budget 5 --json
  kozamori train own.csv --mapping own.toml -o model
  kozamori train august/events.parquet -o model --detectors forest
  kozamori train august/events.parquet -o model --bank-budget 0116=2 --bank-budget 0005=0.5
  kozamori alerts --json > alerts.jsonl; kozamori train history.jsonl -o model --exclude alerts.jsonl
  kozamori train history.jsonl -o model --exclude alerts.jsonl --verdicts verdicts.csv

\b
Verdicts, here as CSV (or JSON lines with the same names); `at` may be left out:
  alert_id,verdict,at
  account+wallet+source-account-events-0-4711,right,2020-09-08T09:30:00+09:00
  account+wallet+source-account-events-3-1234,wrong,2020-09-08T09:40:00+09:00
right: the case is fraud, no normal life. wrong: it is normal life and learnt from, unless it looks like an attack to
trees that did not learn it. unsure: like an alert without a verdict. The last verdict on a case counts.

The first days only fill the state (--burn-in). Of those after them two of three are trained on, the third measures
false alarms. Simulated attacks are injected into them, to learn how one begins; others measure what is caught.
"""
)
@click.argument("events", type=click.Path(path_type=Path))
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Model folder to write.")
@click.option(
    "--budget",
    type=click.FloatRange(min=0, min_open=True),
    default=DEFAULTS.budget,
    show_default=True,
    help="False alert groups a day over all banks that the desk can bear; a group is one account, one day.",
)
@bank_budgets
@click.option("--seed", type=click.IntRange(min=0), default=DEFAULTS.seed, show_default=True, help="Of the forest.")
@click.option(
    "--max-samples",
    type=click.IntRange(2, 65_536),
    default=DEFAULTS.max_samples,
    show_default=True,
    help="Events each tree of the forest sees; more sees finer and scores slower.",
)
@click.option(
    "--stages",
    type=click.Choice([chain.name for chain in CHAINS]),
    default=CHAINS[-1].name,
    show_default=True,
    help="Stages whose features the model looks at; the worker runs these.",
)
@click.option(
    "--inject",
    "cases",
    type=click.IntRange(min=0),
    help="Simulated cases to train on; a quarter as many others measure what is caught."
    f"  [default: {CASES:,}, or one for {ACCOUNTS_A_CASE} accounts where that is fewer]",
)
@click.option("--no-inject", "cases", flag_value=0, help="Learn from the events alone, not from simulated attacks.")
@click.option(
    "--detectors",
    default=",".join(DETECTORS),
    show_default=True,
    callback=_forms,
    help="Which to train.",
)
@click.option(
    "--leave-one-out",
    is_flag=True,
    help="Also measure what is caught of each typology by training on the others only; takes a dozen times as long.",
)
@click.option(
    "--exclude",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Alerts as `kozamori alerts --json` prints them: their cases are not learnt from. May be given several times.",
)
@click.option(
    "--verdicts",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Verdicts (right, wrong, unsure) on alerts of --exclude, .jsonl or .csv. May be given several times.",
)
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    help="Which events are fraud, and no normal life.  [default: as --mapping says]",
)
@click.option(
    "--burn-in",
    type=click.IntRange(min=0),
    help="First days that only fill the state: not learnt from, not counted.  [default: until it has settled]",
)
@click.option("--force", is_flag=True, help="Replace the model in the folder.")
@own_data
@as_json
def train(
    events: Path,
    output: Path,
    budget: float,
    bank_budgets: dict[str, float],
    seed: int,
    max_samples: int,
    stages: str,
    cases: int | None,
    detectors: tuple[str, ...],
    exclude: tuple[Path, ...],
    verdicts: tuple[Path, ...],
    labels: Path | None,
    burn_in: int | None,
    own: Own,
    *,
    leave_one_out: bool,
    force: bool,
    as_json: bool,
) -> None:
    """Train a model on an events file of normal life."""
    check_target(output, force=force)
    source = load(own)
    mapping, left_out = source.mapping, source.left_out
    for missing, features in mapping.left_out().items() if mapping else ():
        notify(f"no {missing}: left out {', '.join(features)}")
    chain = without(chain_of(stages), left_out)
    console = Console(stderr=True)
    with _progress(console) as bar:
        task = bar.add_task("features", total=None)
        alerts = [alert for path in exclude for alert in read_alerts(path)]
        said = said_of(alerts, (verdict for path in verdicts for verdict in read_verdicts(path)))
        guard = guard_rail(alerts, _fraud(events, labels, source), said.life)
        given = _Given(events, chain, source, cases if "boosting" in detectors else 0, seed, burn_in, guard, set())
        data, attacked, left = _read(given, lambda rows: bar.advance(task, rows))
        bar.update(task, description="detectors")
        kinds = tuple(KINDS[code] for code in SCORED_KINDS if mapping is None or KINDS[code] in mapping.kinds)
        plan = Plan(
            budget,
            seed,
            max_samples,
            kinds=kinds,
            forms=detectors,
            leave_one_out=leave_one_out,
            bank_budgets=bank_budgets,
        )
        data, refused = followed(data, chain, plan, attacked, left)
        draft = fit(data, chain, plan, _sha256(events), attacked, left)
        if verdicts:
            not_followed = [said.cleared[number] for number in refused]
            draft = replace(
                draft, training={**draft.training, "verdicts": {**said.cases, "not_followed": not_followed}}
            )
        if left_out:
            draft = replace(draft, training={**draft.training, MANIFEST_KEY: left_out})
    model = write_model(output, draft, force=force)
    write_whole(output / PICTURE, picture(model.manifest))
    if as_json:
        click.echo(json.dumps({"model": str(output), "sha256": model.sha256, **_shown(model)}))
    else:
        print_tables(summary(model, output), held_out(model))


class _Given(NamedTuple):
    """Training data of a model."""

    events: Path
    chain: Chain
    source: Source
    cases: int | None
    seed: int
    burn_in: int | None
    guard: GuardRail
    matched: set[int]


def _read(given: _Given, advance: Callable[[int], None]) -> Prepared:
    """Normal events, the burn-in, and injected cases if wanted."""
    ttl_ms = Settings.model_fields["ttl_days"].default * DAY_MS
    batches = partial(_batches, given)
    prepared = inject_attacks(
        batches,
        given.chain,
        ttl_ms,
        cases=given.cases,
        seed=given.seed,
        burn_in=given.burn_in,
        advance=advance,
        life=given.guard.life,
    )
    if not len(prepared.data.kind):
        raise UserError(f"{given.events}: no link or debit events: give a history of account events")
    labelled = len(np.unique(given.guard.fraud))
    if labelled and not given.matched:
        raise UserError(
            f"none of the {labelled:,} labelled events is in {given.events}: give the labels of these events (their"
            " event_id), or none"
        )
    if len(given.matched) < labelled:
        notify(f"{labelled - len(given.matched):,} of {labelled:,} labelled events are not in {given.events}")
    return prepared


def _fraud(events: Path, labelled: Path | None, source: Source) -> npt.NDArray[np.uint64]:
    """Hashes of the ids of fraudulent events: of a labels file, else as the mapping says."""
    if labelled is not None:
        return labels_of(read_labels(labelled)).event_id
    return hash64_many(source.frauds(events))


def _batches(given: _Given) -> Iterator[Batch]:
    """The history's events that the chain reads, the labelled ones among them noted."""
    which: Which = "all" if given.chain.reads_wallet_events else "account"
    row = 0
    for table in given.source.tables(given.events):
        for batch in to_batches(table, BATCH, first_row=row, which=which, name=str(given.events)):
            given.matched.update(batch.event_id[np.isin(batch.event_id, given.guard.fraud)].tolist())
            yield batch
        row += table.num_rows


def _shown(model: Model) -> dict[str, Any]:
    return {name: value for name, value in model.manifest.items() if name != "schema"}


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,} events"),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    )
