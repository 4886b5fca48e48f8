"""`kozamori demo`: everything at once, for somebody who has just installed it."""

import json
from pathlib import Path

import click
from rich.console import Console

from detector import paths
from detector.cli.options import as_json
from detector.demo.plan import (
    DEFAULT_ACCOUNTS,
    DEFAULT_BUDGET,
    DEFAULT_SECONDS,
    Plan,
)
from detector.languages import Language
from producers.scenarios import DEFAULT_SEED, TRAINING_SEEDS

PLAIN_WIDTH = 120  # where there is no terminal to ask: the summary fits


@click.command(
    epilog="""\b
Examples:
  kozamori demo
  kozamori demo --budget 5 --lang ja -o report
  kozamori demo --keep
  kozamori demo --json > summary.json
"""
)
@click.option(
    "--budget",
    type=click.FloatRange(min=0, min_open=True),
    default=DEFAULT_BUDGET,
    show_default=True,
    help="False alert groups a day over all banks that the desk can bear.",
)
@click.option(
    "--seconds",
    type=float,
    default=DEFAULT_SECONDS,
    show_default=True,
    help="How long the ten days of September last.",
)
@click.option(
    "--accounts", type=int, default=DEFAULT_ACCOUNTS, show_default=True, help="Linked bank accounts to simulate."
)
@click.option(
    "--seed",
    type=click.IntRange(0, TRAINING_SEEDS - 1),
    default=DEFAULT_SEED,
    show_default=True,
    help="Of the simulated population.",
)
@click.option(
    "--lang",
    type=click.Choice(["en", "ja"]),
    default="en",
    show_default=True,
    help="Language of alerts, result and picture.",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for report.png and summary.json.  [default: `demo` in the data folder, see `kozamori cache show`]",
)
@click.option("--bootstrap", metavar="HOST:PORT", help="Play on this Kafka, on topics of its own, not on a new one.")
@click.option("--keep", is_flag=True, help="Leave Kafka, worker and metrics running until Ctrl-C.")
@as_json
def demo(
    budget: float,
    seconds: float,
    accounts: int,
    seed: int,
    lang: Language,
    output: Path | None,
    bootstrap: str | None,
    *,
    keep: bool,
    as_json: bool,
) -> None:
    """Start a Kafka, replay the attack of September 2020, show the alerts.

    Simulates 30 normal days and trains a model on them, starts a worker and lets it see those days, then plays
    1-10 September 2020 with 66 cases of fraud hidden in normal life. Ctrl-C ends it and leaves nothing behind.
    """
    plan = Plan(accounts=accounts, budget=budget, seconds=seconds, seed=seed, language=lang)
    from detector.demo.run import run  # scikit-learn, pandas and matplotlib, which --help need not wait for
    from detector.demo.screen import Screen

    console = Console(stderr=as_json)
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    screen = Screen(console, lang)
    figures = run(plan, screen, output or paths.data_dir() / "demo", bootstrap=bootstrap, keep=keep)
    if as_json:
        click.echo(json.dumps(figures))
