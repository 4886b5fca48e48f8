"""The options of a scenario, for commands that make events up."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

from detector.errors import UserError
from producers.scenarios import DEFAULT_ACCOUNTS, SCENARIOS, TRAINING_SEEDS, Scenario, sized
from producers.typologies.table import BY_ID, typologies_of


def _date(context: click.Context, parameter: click.Parameter, value: dt.datetime | None) -> dt.date | None:
    del context, parameter
    return value.date() if value else None


def _typologies(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    del context, parameter
    return None if value is None else typologies_of(value)


_SCENARIO_OPTIONS = (
    click.option(
        "--scenario",
        type=click.Choice(list(SCENARIOS)),
        default="normal",
        show_default=True,
        help=" ".join(f"{s.name}: {s.help}" for s in SCENARIOS.values()),
    ),
    click.option("--start", type=click.DateTime(["%Y-%m-%d"]), callback=_date, help="First day, as 2020-08-01."),
    click.option("--days", type=int, help="Number of days."),
    click.option(
        "--accounts", type=int, help=f"Linked accounts when the population begins.  [default: {DEFAULT_ACCOUNTS}]"
    ),
    click.option("--events", "about", type=click.IntRange(min=1), help="Choose --accounts for about so many events."),
    click.option("--typologies", callback=_typologies, help="Fraud patterns to play, as T1,T5; see --list-typologies."),
    click.option("--cases", type=int, help="Number of fraud cases."),
    click.option("--seed", type=int, help="The same seed gives the same population and the same bytes."),
    click.option(
        "--wallet-events/--no-wallet-events",
        default=None,
        help="With or without events of wallets (open, payment, transfer, payout).  [default: with]",
    ),
)


def scenario_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """A command that takes the options of a scenario; see `scenario_of`."""
    for option in reversed(_SCENARIO_OPTIONS):
        command = option(command)
    return command


def scenario_of(*, scenario: str, about: int | None, **chosen: Any) -> Scenario:
    """The scenario of that name with the options that were given; raises UserError where they make no sense."""
    given = {name: value for name, value in chosen.items() if value is not None}
    if given.get("seed", 0) >= TRAINING_SEEDS:
        raise UserError(
            f"got seed {given['seed']}, expected 0 … 2^40 - 1, greater ones are training's own: choose another --seed"
        )
    if about is not None and "accounts" in given:
        raise click.UsageError("--events chooses the number of accounts: give --events or --accounts, not both")
    result = replace(SCENARIOS[scenario], **given)
    if result.typologies and not result.cases and "cases" not in given:
        result = replace(result, cases=sum(BY_ID[name].usual for name in result.typologies))
    return result if about is None else sized(result, about)
