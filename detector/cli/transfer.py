"""`kozamori state export` and `import`: a deployment's state as a folder, to keep or to carry elsewhere."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console

from detector.cli.options import AUDIT, CONNECTION, as_json, with_settings, yes
from detector.cli.progress import progress
from detector.kafka.audit import note
from detector.ops.export_state import export_state
from detector.ops.import_state import Import, import_state
from detector.ops.state_folder import Exported
from detector.settings import Settings

DEPLOYMENT = (*CONNECTION, "input_prefix", "deployment")
FOLDER = click.argument("folder", type=click.Path(file_okay=False, path_type=Path))

Step = Callable[[int, int], None]


@click.command(
    "export",
    epilog="""\b
Example:
  kozamori state export backup
""",
)
@FOLDER
@with_settings(*DEPLOYMENT)
@as_json
def export_command(settings: Settings, folder: Path, *, as_json: bool) -> None:
    """Write rows, watermarks and positions of a deployment to a new FOLDER.

    Its workers are stopped, and were stopped in order, with nothing left unread between the stages: let producers pause
    until `kozamori state show` has lag 0 in every hop. Nothing in Kafka is changed.
    """
    with _steps("records read") as (told,):
        done = export_state(settings, folder, told)
    counts = {node.name: sum(part.rows for part in node.parts) for node in done.nodes}
    if as_json:
        shape = {"folder": str(folder), "group": done.group, "partitions": done.partitions, "rows": counts}
        click.echo(json.dumps({**shape, "unread": _unread(done)}))
        return
    click.echo(f"exported group {done.group}, {done.partitions} partitions, to {folder}")
    for name, rows in counts.items():
        click.echo(f"  stage {name}: {rows:,} rows")
    if unread := _unread(done):
        click.echo(f"{unread:,} events of the source topics are not read yet")


@click.command(
    "import",
    epilog="""\b
Examples:
  kozamori state import backup --bootstrap other-1:9092
  kozamori state import backup --bootstrap other-1:9092 --yes
""",
)
@FOLDER
@with_settings(*DEPLOYMENT, *AUDIT)
@yes
@as_json
def import_command(settings: Settings, folder: Path, *, yes: bool, as_json: bool) -> None:
    """Fill an empty deployment from a FOLDER that `kozamori state export` wrote.

    On any cluster, under any prefix and name, with any number of partitions. Its workers go on where the others
    stopped: in the same topics at the same positions, in others (a mirror) behind the last event that the state has, or
    at their beginning where they have none of its events.

    More partitions: stop the workers with everything read, export, add partitions to both source topics, `kozamori
    state reset --to latest --yes`, import. Interrupted, it leaves a deployment that no worker starts on until it is run
    again, or reset.
    """
    if yes:
        note(settings, "state imported", {"group": settings.group, "from": str(folder)})
    with _steps("records read", "rows written") as (told, step):
        done = import_state(settings, folder, told, step, yes=yes)
    if as_json:
        click.echo(json.dumps({"done": yes, **asdict(done)}))
    else:
        click.echo(_text(done, done_now=yes))


def _unread(done: Exported) -> int:
    return sum(part.unread for node in done.nodes for part in node.parts)


def _text(done: Import, *, done_now: bool) -> str:
    has = "has" if done_now else "would have"
    lines = [f"{done.was} partitions carried over to {done.partitions}"]
    if done.again:
        lines.append(f"{'removed' if done_now else 'would remove'} what an interrupted one had left")
    lines += [f"stage {name} {has} {rows:,} rows" for name, rows in done.rows.items()]
    if done.copies:
        lines.append(f"{done.copies:,} of them are copies: of accounts of which the log has no event any more")
    for topic, begins in done.begin_at.items():
        where = ", ".join(f"{partition}: {offset}" for partition, offset in sorted(begins.items()))
        lines.append(f"workers of group {done.group} go on in {topic} at {where}")
    if not done_now:
        lines.append("nothing was changed: run again with --yes")
    return "\n".join(lines)


@contextmanager
def _steps(*names: str) -> Iterator[tuple[Step, ...]]:
    """A progress bar for each of the names, shown once it moves."""
    with progress(Console(stderr=True)) as bar:

        def step_of(name: str) -> Step:
            task = bar.add_task(name, total=None, note="", visible=False)
            return lambda done, total: bar.update(task, completed=done, total=total, visible=True)

        yield tuple(step_of(name) for name in names)
