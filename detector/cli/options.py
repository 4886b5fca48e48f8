"""Settings as options of a command: one click option for each, its help text and default from `Settings`."""

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from detector.core.own_budgets import parse_own
from detector.settings import Settings, config_file, environment_name, expected_text, load_settings
from producers.mapping.policies import LIMIT, POLICIES

#: What every command needs that talks to Kafka.
CONNECTION = (
    "bootstrap",
    "prefix",
    "tls_ca",
    "tls_cert",
    "tls_key",
    "sasl_mechanism",
    "sasl_username",
    "sasl_password_file",
    "allow_plaintext_sasl",
)

#: What commands need that note in the audit what they change.
AUDIT = ("audit_key_file", "audit_key_id")

as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")


def _own_budgets(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> dict[str, float]:
    del context, parameter
    return parse_own(value)


bank_budgets = click.option(
    "--bank-budget",
    "bank_budgets",
    multiple=True,
    metavar="CODE=N",
    callback=_own_budgets,
    help="False alert groups a day of one bank instead of its share, such as 0116=2; may be given several times.",
)


controller = click.option(
    "--controller",
    is_flag=True,
    help="Hold the rate of alert groups at the budget while normal life drifts, as a worker with this setting does.",
)

yes = click.option("--yes", is_flag=True, help="Do it; without this the command only says what it would do.")
start_at = click.option(
    "--to",
    type=click.Choice(["earliest", "latest"]),
    default="earliest",
    show_default=True,
    help="Where reading begins: at the first event Kafka still has, or after the last.",
)
warm_up = click.option(
    "--warm-up", type=click.Path(path_type=Path), help="Events before these: the state begins with them."
)


@dataclass(frozen=True, slots=True)
class Own:
    """How to read events: the mapping of own data, and what becomes of bad rows where that is given."""

    mapping: Path | None = None
    bad_rows: str | None = None
    limit: float | None = None


def mapping_file(
    name: str = "mapping", *, required: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the option `--mapping`."""
    return click.option(
        "--mapping",
        name,
        type=click.Path(dir_okay=False, path_type=Path),
        required=required,
        help="TOML file that says how own data (CSV, Excel, Parquet, JSON lines) are events: `kozamori start-here`.",
    )


def own_data(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options `--mapping`, `--bad-rows` and `--bad-rows-limit`; it gets them as `own`."""

    @functools.wraps(command)
    def run(*, mapping: Path | None, bad_rows: str | None, bad_rows_limit: float | None, **given: Any) -> Any:
        return command(own=Own(mapping, bad_rows, bad_rows_limit), **given)

    wrapped: Callable[..., Any] = click.option(
        "--bad-rows-limit",
        type=click.FloatRange(0, 1),
        help=f"End where more than this share of the rows is bad.  [default: {LIMIT:g}, or as --mapping says]",
    )(run)
    wrapped = click.option(
        "--bad-rows",
        type=click.Choice(POLICIES),
        help="Rows that are no events: end at the first (refuse), leave them out and count them (skip), or also write"
        " them to a file here, to correct (aside).  [default: refuse, or as --mapping says]",
    )(wrapped)
    return mapping_file()(wrapped)


def with_settings(*names: str, and_file: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the options of the settings `names` and `--config`; it gets `settings` instead of them.

    `and_file`: it also gets `config`, the file, for a table of its own there.
    What is not given as an option comes from the environment, then from the file. UserError where it is senseless.
    """

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(command)
        def run(*, config: Path | None, **given: Any) -> Any:
            flags = {name: given.pop(name) for name in names}
            own = {"config": config_file(config, os.environ)} if and_file else {}
            return command(settings=load_settings(flags, os.environ, config), **own, **given)

        wrapped: Callable[..., Any] = click.option(
            "--config",
            type=click.Path(dir_okay=False, path_type=Path),
            help="TOML file of settings; options and environment win over it.",
        )(run)
        for name in reversed(names):
            wrapped = _option(name)(wrapped)
        return wrapped

    return decorate


def _option(name: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    field = Settings.model_fields[name]
    switch = field.annotation is bool
    default = ",".join(field.default) if isinstance(field.default, tuple) else field.default
    shown = "" if default in (None, "") or switch else f"; default {default}"
    return click.option(
        f"--{name.replace('_', '-')}",
        name,
        is_flag=switch,
        default=None,
        metavar=None if switch else name.rpartition("_")[2].upper(),
        help=f"{field.description}  [{'' if switch else expected_text(name)}{shown}; {environment_name(name)}]".replace(
            "[; ", "["
        ),
    )
