"""`kozamori ablation`: what each part of a model adds, and what makes it fail."""

import json
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from detector.cli.ablation_worlds import ForeignLives, Simulations
from detector.cli.folders import write_files
from detector.cli.options import as_json
from detector.core.chains import CHAINS
from detector.errors import UserError
from models.ablation import foreign
from models.ablation.foreign import Foreign
from models.ablation.foreign import run as judge
from models.ablation.page import page
from models.ablation.pictures import pictures
from models.ablation.run import FULL, QUICK, Run, run, steps
from models.burn_in import LEAST_DAYS
from models.training import Plan
from models.worlds.world import WORLDS

PAGE, FIGURES = "README.md", "figures.json"
DEFAULT_SEEDS = (101, 102, 103)
MIN_ACCOUNTS = 1_000
ONLY = ("worlds", "simulator")


def _seeds(context: click.Context, parameter: click.Parameter, value: str) -> tuple[int, ...]:
    del context, parameter
    words = [word.strip() for word in value.split(",")]
    if not all(word.isdecimal() for word in words) or len(set(words)) < len(words):
        raise click.BadParameter(f"got {value!r}, expected whole numbers, each once, such as 101,102,103")
    return tuple(int(word) for word in words)


@click.command(
    epilog="""\b
Examples:
  kozamori ablation -o docs/ablation --only simulator
  kozamori ablation -o ablation --quick
  kozamori ablation -o worlds --only worlds --accounts 60000 --seeds 1,2,3
  kozamori ablation -o ablation --only simulator --seeds 7,8,9,10 --accounts 40000 --json

First foreign worlds, each trained on and judged with every seed: two minutes a life of 60,000 accounts, twenty minutes
in all. Then the experiments in our own simulator: half an hour. The same options give the same figures.
"""
)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help=f"Folder for {PAGE}, {FIGURES} and pictures.",
)
@click.option(
    "--seeds",
    default=",".join(map(str, DEFAULT_SEEDS)),
    show_default=True,
    callback=_seeds,
    help="Of all worlds; the first one is that of all experiments in our own simulator.",
)
@click.option(
    "--accounts",
    type=click.IntRange(min=MIN_ACCOUNTS),
    help=f"Accounts of each world.  [default: {foreign.FULL.accounts} of a foreign one, {FULL.accounts} of ours]",
)
@click.option(
    "--days",
    type=click.IntRange(min=9, max=60),
    help=f"Days to learn from.  [default: {foreign.FULL.days} in a foreign world, {FULL.days} in ours]",
)
@click.option(
    "--budget",
    type=click.FloatRange(min=0, min_open=True),
    help=f"False alert groups a day over all banks.  [default: {FULL.budget:g}]",
)
@click.option("--only", type=click.Choice(ONLY), help="Foreign worlds alone, or our own simulator alone.")
@click.option("--quick", is_flag=True, help="A small world and small models: to see that it runs, not to believe it.")
@as_json
def ablation(
    output: Path,
    seeds: tuple[int, ...],
    accounts: int | None,
    days: int | None,
    budget: float | None,
    only: str | None,
    *,
    quick: bool,
    as_json: bool,
) -> None:
    """Measure a model in foreign worlds, what each part of it adds, which fraud is missed, what moves the results."""
    size = QUICK if quick else FULL
    size = replace(size, accounts=accounts or size.accounts, days=days or size.days, budget=budget or size.budget)
    every = Run(Simulations(size), CHAINS[-1], size)
    life = foreign.QUICK if quick else foreign.FULL
    life = replace(life, accounts=accounts or life.accounts, days=days or life.days)
    if only != "simulator" and life.days < LEAST_DAYS:
        raise UserError(
            f"{life.days} days are too few for a foreign world: give --days {LEAST_DAYS}, or --only simulator"
        )
    plan = Plan(size.budget, trees=size.trees, turns=size.turns)
    abroad = Foreign(ForeignLives(), every.chain, life, plan, every.budgets)
    lives, rows = len(seeds) * len(WORLDS), steps(seeds, every.chain)
    figures: dict[str, Any] = {"command": _command(), "quick": quick}
    with _progress(lives * (only != "simulator") + rows * (only != "worlds")) as advance:
        if only != "simulator":
            figures["worlds"] = judge(abroad, seeds, advance)
        if only != "worlds":
            figures |= run(every, seeds, advance)
    files = {} if only == "worlds" else {f"{name}.png": content for name, content in pictures(figures).items()}
    files[FIGURES] = json.dumps(figures, indent=1, allow_nan=False).encode() + b"\n"
    files[PAGE] = page(figures).encode()
    write_files(output, files)
    if as_json:
        click.echo(json.dumps(figures, allow_nan=False))
    else:
        click.echo(f"page: {output / PAGE}")


def _command() -> str:
    """The command line, to be shown on the page."""
    context = click.get_current_context()
    given = [
        (parameter, context.params[parameter.name])
        for parameter in context.command.params
        if parameter.name in context.params
        and context.get_parameter_source(parameter.name) is ParameterSource.COMMANDLINE
        and parameter.name != "as_json"
    ]
    words = ["kozamori", "ablation"]
    for parameter, value in given:
        words.append(parameter.opts[0])
        if value is not True:
            words.append(",".join(map(str, value)) if isinstance(value, tuple) else str(value))
    return shlex.join(words)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str], object]]:
    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        disable=not console.is_terminal,
        transient=True,
    ) as bar:
        task = bar.add_task("simulated", total=total)
        yield lambda name: bar.update(task, advance=1, description=name)
