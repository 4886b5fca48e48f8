"""`kozamori topics acls`: who needs which rights on Kafka, and whether the brokers grant them."""

import json
import re
import shlex
from collections.abc import Iterable, Sequence
from itertools import groupby

import click
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Column, Table

from detector.cli.alerts import check_bank
from detector.cli.options import AUDIT, CONNECTION, as_json, with_settings
from detector.kafka.access import ROLES, Access, Role, access_of, everybody
from detector.kafka.acls import Comparison, compare, grant, line_of
from detector.kafka.audit import note
from detector.settings import Settings

#: How kafka-acls names a resource.
_FLAGS = {
    "TOPIC": "--topic {}",
    "GROUP": "--group {}",
    "TRANSACTIONAL_ID": "--transactional-id {}",
    "CLUSTER": "--cluster",
}
#: Not everyone's, `User:*`.
_PRINCIPAL = re.compile(r"[A-Za-z]+:(?!\*$)\S.*")


def _principal(_context: click.Context, _option: click.Parameter, given: str | None) -> str | None:
    if given is not None and not _PRINCIPAL.fullmatch(given):
        raise click.BadParameter(f"got {given!r}, expected a type and a name, such as User:bank-0116")
    return given


@click.command(
    epilog="""\b
Examples:
  kozamori topics acls
  kozamori topics acls worker --principal User:kozamori --commands
  kozamori topics acls worker --principal User:kozamori --apply
  kozamori topics acls bank --bank 0116 --principal User:bank-0116 --alert-banks 0116,9900 --bulletin-banks 0116 --apply
  kozamori topics acls notify --principal User:notify --group kozamori.notify.default.soc --apply
  kozamori topics acls partner --principal 'User:CN=partner,O=Example' --check --json

--apply adds what is missing and removes nothing; whoever runs it needs ALTER on the cluster, as a super user has.
--check looks at this deployment's topics, transactions and workers' group, at the desks' groups and those of --group:
rights on groups with other names, such as another bank's receivers of `kozamori notify`, are not seen.
"""
)
@with_settings(*CONNECTION, *AUDIT, "input_prefix", "deployment", "alert_banks", "bulletin_banks")
@click.argument("role", required=False, type=click.Choice(list(ROLES)))
@click.option("--principal", metavar="TYPE:NAME", callback=_principal, help="Who has the role, as User:bank-0116.")
@click.option("--bank", metavar="CODE", callback=check_bank, help="Whose principal it is: of the role bank.")
@click.option(
    "--group",
    "groups",
    multiple=True,
    metavar="NAME",
    help="A further group to read in.",
)
@click.option("--commands", is_flag=True, help="Print lines for Kafka's own kafka-acls.")
@click.option("--check", is_flag=True, help="Compare with what the brokers have; exit status 1 where they differ.")
@click.option("--apply", is_flag=True, help="Add the rights that are missing.")
@as_json
@click.pass_context
def acls(
    context: click.Context,
    settings: Settings,
    role: Role | None,
    principal: str | None,
    bank: str | None,
    groups: tuple[str, ...],
    *,
    commands: bool,
    check: bool,
    apply: bool,
    as_json: bool,
) -> None:
    """Show the rights on Kafka that each role needs and no more; with a role and who has it, check or apply them.

    Every name is literal: no right of a bank reaches what is another's. Prometheus needs none: it reads the workers'
    /metrics.
    """
    if role is None:
        if principal or bank or groups or commands or check or apply:
            raise click.UsageError(f"expected a role first: one of {', '.join(ROLES)}")
        _print([(one, of, access_of(settings, one, of)) for one, of in everybody(settings)], as_json=as_json)
        return
    if (role == "bank") is (bank is None):
        raise click.UsageError("--bank goes with the role bank, and with no other")
    if (commands or check or apply) and principal is None:
        raise click.UsageError("--commands, --check and --apply are for somebody: give --principal")
    if role == "notify" and principal is not None and not groups:
        raise click.UsageError("the role notify has a group a receiver: give each with --group, see deploy/notify.md")
    if commands + check + apply > 1:
        raise click.UsageError("expected one of --commands, --check and --apply")
    wanted = access_of(settings, role, bank or "", groups)
    if principal is not None and commands:
        click.echo("\n".join(lines_of(wanted, principal, settings.bootstrap[0])))
    elif principal is not None and (check or apply):
        found = compare(settings, wanted, principal)
        if apply and found.missing:
            who = {"role": role, "principal": principal, "bank": bank or "", "groups": ",".join(groups)}
            note(settings, "rights granted", {"group": settings.group, **who})
            grant(settings, wanted, principal)
        _print_found(found, principal, applied=apply, as_json=as_json)
        context.exit(1 if check and (found.missing or found.too_much) else 0)
    else:
        _print([(role, bank or "", wanted)], as_json=as_json)


def lines_of(wanted: Iterable[Access], principal: str, bootstrap: str) -> list[str]:
    """Lines of kafka-acls that add these rights, one a resource."""
    who = f"kafka-acls --bootstrap-server {bootstrap} --add --allow-principal {shlex.quote(principal)}"
    return [
        f"{who} {' '.join(f'--operation {_spelt(one.operation)}' for one in some)}"
        f" {_FLAGS[kind].format(shlex.quote(name))}"
        for (kind, name), some in groupby(sorted(wanted), key=lambda access: access.on)
    ]


def _spelt(operation: str) -> str:
    """As kafka-acls spells it."""
    return "".join(word.capitalize() for word in operation.split("_"))


def _print(roles: Sequence[tuple[Role, str, list[Access]]], *, as_json: bool) -> None:
    if as_json:
        shape = [{"role": role, "bank": bank or None, "acls": _as_json(wanted)} for role, bank, wanted in roles]
        click.echo(json.dumps({"roles": shape}))
        return
    names = [access.name for _, _, wanted in roles for access in wanted]
    for role, bank, wanted in roles:
        # A name is there to be copied: it is never broken.
        table = Table(
            Column("resource", no_wrap=True, min_width=max(map(len, names), default=0)),
            Column("type"),
            Column("operations", no_wrap=True),
            Column("what for"),
            title=f"{role} {bank}".strip() if wanted else f"{role}: nothing",
            title_justify="left",
            box=SIMPLE,
        )
        for (kind, operations, why), some in _alike(wanted).items():
            table.add_row(
                "\n".join(some), *(text.lower().replace("_", " ") for text in (kind, "\n".join(operations))), why
            )
        Console().print(table)


def _alike(wanted: Iterable[Access]) -> dict[tuple[str, tuple[str, ...], str], list[str]]:
    """Names of the resources on which the same is allowed for the same reason."""
    operations: dict[tuple[str, str, str], list[str]] = {}
    for access in wanted:
        operations.setdefault((*access.on, access.why), []).append(access.operation)
    found: dict[tuple[str, tuple[str, ...], str], list[str]] = {}
    for (kind, name, why), some in operations.items():
        found.setdefault((kind, tuple(some), why), []).append(name)
    return found


def _print_found(found: Comparison, principal: str, *, applied: bool, as_json: bool) -> None:
    too_much = [line_of(acl) for acl in found.too_much]
    missing = "added" if applied else "missing"
    if as_json:
        click.echo(json.dumps({"principal": principal, missing: _as_json(found.missing), "too_much": too_much}))
        return
    for (kind, name), some in groupby(found.missing, key=lambda access: access.on):
        click.echo(f"{missing}: {', '.join(access.operation for access in some)} on {kind} {name}")
    for line in too_much:
        click.echo(f"too much: {line}")
    if not (found.missing or too_much):
        click.echo(f"{principal} has these rights and no more")


def _as_json(wanted: Iterable[Access]) -> list[dict[str, str]]:
    return [one._asdict() for one in sorted(wanted)]
