"""`kozamori cache`: what is kept between runs, a way to be rid of it, and kernels compiled ahead."""

import json
import shutil
from pathlib import Path

import click
from rich.console import Console

from detector import paths
from detector.errors import UserError
from detector.local_kafka import background

FOLDERS = (
    ("cache", paths.cache_dir, "jars of the local Kafka, fetched again when needed"),
    ("data", paths.data_dir, "topics of the Kafka started with 'kozamori kafka start'"),
)


@click.group(
    epilog="""\b
Examples:
  kozamori cache show
  kozamori cache clear --all
  kozamori cache compile
"""
)
def cache() -> None:
    """Show, remove or prepare what is kept between runs."""


@cache.command(epilog="Example: kozamori cache show --json")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def show(*, as_json: bool) -> None:
    """Show the folders, what they hold and how much room they take."""
    found = [(name, folder(), holds, size_bytes(folder())) for name, folder, holds in FOLDERS]
    if as_json:
        click.echo(json.dumps({name: {"path": str(path), "bytes": size} for name, path, _, size in found}))
        return
    for name, path, holds, size in found:
        click.echo(f"{name:<6} {size / 1e6:8.1f} MB  {path}\n       {holds}")


@cache.command(
    epilog="""\b
Examples:
  kozamori cache clear
  kozamori cache clear --all
"""
)
@click.option("--all", "everything", is_flag=True, help="The data folder too: topics of the local Kafka are lost.")
def clear(*, everything: bool) -> None:
    """Remove the cache folder; with --all the data folder as well."""
    if background.status() is not None:
        raise UserError("Kafka is running and uses these folders: stop it first with 'kozamori kafka stop'")
    for name, folder, _holds in FOLDERS:
        if (name == "cache" or everything) and folder().exists():
            shutil.rmtree(folder())
            click.echo(f"removed {folder()}")


@cache.command("compile", epilog="Example: NUMBA_CACHE_DIR=/srv/kernels kozamori cache compile")
def compile_() -> None:
    """Compile a worker's kernels, into NUMBA_CACHE_DIR or beside the modules: its next start needs no compiler.

    For the CPU of this machine, or with NUMBA_CPU_NAME=generic for any of its kind.
    """
    from detector.ops.kernels import compile_kernels  # numba, which the other commands need not wait for

    with Console(stderr=True).status("compiling, for about a minute"):
        compile_kernels()
    click.echo("compiled: a worker's next start here needs no compiler")


def size_bytes(folder: Path) -> int:
    """Bytes of all files below a folder, 0 where there is none."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir()) if folder.exists() else 0
