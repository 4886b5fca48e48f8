"""`kozamori replay-2020`: the fraud of 2019 and 2020 once more, with alerts."""

import datetime as dt
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import click
import pyarrow as pa
from rich.console import Console
from rich.table import Table

from detector.artifact import pack, read_model, unpack
from detector.attack_injection import inject_attacks
from detector.cli.folders import write_files
from detector.cli.mapping import chain_for
from detector.cli.options import as_json
from detector.cli.progress import progress
from detector.contract.batch import Batch
from detector.core.chains import CHAINS
from detector.core.model import Model
from detector.core.stage import Chain
from detector.jst import DAY_MS
from detector.languages import Language
from detector.settings import Settings
from models.backtest.labels import labels_of
from models.backtest.played import play
from models.facts_2020 import FACTS
from models.replay_2020 import EPISODES, Episode, figures, replayed
from models.reports.timeline import picture
from models.training import Plan, train
from producers import simulation
from producers.banks import BANKS
from producers.batches import Which, to_batches
from producers.scenarios import DEFAULT_SEED, SCENARIOS, TRAINING_SEEDS, Scenario
from producers.source import Source

BATCH = 8192  # events a pipeline call; larger batches gain nothing
DEFAULT_ACCOUNTS = 40_000  # as the demo; all four months in less than a minute
MIN_ACCOUNTS = 1_000  # with fewer, the normal days are too little life to learn from
NORMAL_DAYS = 30
PLAIN_WIDTH = 120  # where there is no terminal to ask: the tables fit
PICTURE, FIGURES = "timeline.png", "figures.json"


@click.command(
    epilog="""\b
Examples:
  kozamori replay-2020
  kozamori replay-2020 -o replay --accounts 100000 --lang ja
  kozamori replay-2020 --model model --json

What was reported to the public and when is fact (press); cases, hours and banks are simulated. Each episode has its own
model, trained on the 30 days before it, and a state that has seen them; alerts come at the limit set on those days. The
budget is of false alerts a day, whatever the number of accounts: with fewer of them, fraud is found more easily.
"""
)
@click.option(
    "-o", "--output", type=click.Path(file_okay=False, path_type=Path), help=f"Folder for {PICTURE} and {FIGURES}."
)
@click.option("--model", "folder", type=click.Path(path_type=Path), help="Model folder, instead of training.")
@click.option(
    "--accounts",
    type=click.IntRange(min=MIN_ACCOUNTS),
    default=DEFAULT_ACCOUNTS,
    show_default=True,
    help="Linked accounts when the population begins.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, TRAINING_SEEDS - 1),
    default=DEFAULT_SEED,
    show_default=True,
    help="Of the simulated population.",
)
@click.option(
    "--lang", type=click.Choice(["en", "ja"]), default="en", show_default=True, help="Language of the picture."
)
@as_json
def replay(
    output: Path | None, folder: Path | None, accounts: int, seed: int, lang: Language, *, as_json: bool
) -> None:
    """Would we have caught it? Replay May 2019 and September 2020, beside what was reported to the public and when."""
    model = None if folder is None else read_model(folder, *CHAINS)
    click.echo(f"seed {seed} of the population, {Plan().seed} of the forests; {accounts:,} accounts", err=True)
    console = Console(stderr=True)
    with progress(console) as bar:
        task = bar.add_task("events", total=None, note="")
        episodes = tuple(
            replay_scenario(
                replace(SCENARIOS[name], accounts=accounts, seed=seed), model, lambda n: bar.advance(task, n)
            )
            for name in EPISODES
        )
    found = figures(episodes, seed, accounts)
    if output is not None:
        banks = {f"{bank.code:04}": bank.name_ja if lang == "ja" else bank.name for bank in BANKS}
        drawn = picture(episodes, lang, banks)
        write_files(output, {PICTURE: drawn, FIGURES: json.dumps(found, indent=2).encode() + b"\n"})
    if as_json:
        click.echo(json.dumps(found, allow_nan=False))
        return
    screen = Console()
    if not screen.is_terminal:
        screen.width = PLAIN_WIDTH
    screen.print(_facts(), *(_banks(one) for one in episodes), _summary(episodes))
    if output is not None:
        click.echo(f"picture: {output / PICTURE}")


def replay_scenario(
    scenario: Scenario, given: Model | None, advance: Callable[[int], object] = lambda _: None
) -> Episode:
    """Play the normal days before `scenario` and then the scenario itself, with the model `given` or one of those days.

    `advance` gets the number of events made. Raises UserError if the days have too few events to train on.
    """
    chain = CHAINS[-1] if given is None else chain_for(given, Source())
    before = replace(
        SCENARIOS["normal"],
        start=scenario.start - dt.timedelta(days=NORMAL_DAYS),
        days=NORMAL_DAYS,
        accounts=scenario.accounts,
        seed=scenario.seed,
        era=scenario.era,
    )
    ttl_ms = Settings.model_fields["ttl_days"].default * DAY_MS
    history, _ = _batches(before, chain, 0, advance)
    model = given
    if model is None:
        identity = hashlib.sha256(repr(before).encode()).hexdigest()
        data, cases, burn_in = inject_attacks(lambda: history, chain, ttl_ms)
        model = unpack(pack(train(data, chain, Plan(), identity, cases, burn_in)), chain)
    batches, labels = _batches(scenario, chain, int(history[-1].offset[-1]) + 1, advance)
    named = labels_of(labels.to_pandas())
    played = play(batches, model, chain, named, ttl_ms=ttl_ms, warm_up=history)
    return replayed(scenario.name, scenario.dates, played, named, model)


def _batches(
    scenario: Scenario, chain: Chain, first_row: int, advance: Callable[[int], object]
) -> tuple[list[Batch], pa.Table]:
    """The events of a scenario that `chain` reads, rows counted from `first_row`, and their labels."""
    which: Which = "all" if chain.reads_wallet_events else "account"
    batches: list[Batch] = []
    labels: list[pa.Table] = []
    for events, labelled in simulation.tables(scenario):
        batches += to_batches(events, BATCH, first_row=first_row, which=which, name=scenario.name)
        labels.append(labelled)
        first_row += events.num_rows
        advance(events.num_rows)
    return batches, pa.concat_tables(labels)


def _facts() -> Table:
    table = _table("Reported by the press", "when", "public", "what", "source")
    for fact in FACTS:
        table.add_row(fact.when, "yes" if fact.public else "not yet", fact.text, fact.source)
    return table


def _banks(one: Episode) -> Table:
    title = f"{one.scenario}, simulated: what would have been said, bank by bank (JST)"
    table = _table(title, "bank", "first case", "first alert", "cases", "alerted", "yen taken", "lost", "saved")
    for row in one.banks():
        yen = (f"{part:,}" for part in (row.yen_taken, row.yen_lost, row.yen_saved))
        alerted = row.first_alert_at or "never"
        table.add_row(row.bank, _short(row.first_case_at), _short(alerted), str(row.cases), str(row.alerted), *yen)
    return table


def _summary(episodes: tuple[Episode, ...]) -> Table:
    table = _table("Would we have caught it?", "", *(one.scenario for one in episodes))
    by_episode = [one.figures() for one in episodes]
    rows = (
        ("cases", "{cases}"),
        ("alerted", "{alerted}"),
        ("alerted early", "{early}"),
        ("yen taken", "{yen_taken:,}"),
        ("lost until the first alert", "{yen_lost:,}"),
        ("saved", "{yen_saved:,}"),
        ("first alert", "{first_alert_at}"),
        ("public", "{public}"),
        ("days from alert to public, at least", "{lead_days}"),
        ("false alert groups a day", "{false_groups_per_day:.1f} (budget {budget:g})"),
    )
    for name, shape in rows:
        table.add_row(name, *(shape.format(**figures) for figures in by_episode))
    return table


def _table(title: str, *headings: str) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading)
    return table


def _short(at: str) -> str:
    """A moment without its year and zone: 09-01 14:05:12."""
    return at[5:19].replace("T", " ") if at[:1].isdigit() else at
