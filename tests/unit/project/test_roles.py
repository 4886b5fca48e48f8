"""Installations by role: each has what its commands import, and a command that needs more says which it is."""

import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import click
import pytest

from detector.cli.main import COMMANDS, EXTRAS, LIBRARIES, run

ROOT = Path(__file__).parents[3]
#: Stops what a role has not installed from being imported.
BLOCKED = """
import sys
class Nothing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError("No module named " + name, name=name)
sys.meta_path.insert(0, Nothing())
import {modules}
"""


def commands_of(*extras: str) -> tuple[str, ...]:
    """Modules of the commands that need these, or nothing."""
    return tuple(entry.target.partition(":")[0] for entry in COMMANDS if EXTRAS.get(entry.name, "") in extras)


#: By role: the extras it has, and modules of what it does.
ROLES = {
    "subscriber": ((), (*commands_of(""), "kozamori.following", "kozamori.connecting", "detector.contract.keyed_hash")),
    "worker": (("worker",), (*commands_of("", "worker"), "detector.stream.worker", "detector.canary.run")),
    "notify": (("notify",), (*commands_of("", "notify"), "detector.notify.run", "detector.notify.redrive")),
    "train": (("train",), (*commands_of("", "train"), "kozamori.scores")),
}


def imported(role: str) -> subprocess.CompletedProcess[str]:
    """Import a role's modules with its libraries alone."""
    extras, modules = ROLES[role]
    blocked = {name for name in LIBRARIES if not any(name in libraries_of(extra) for extra in extras)}
    code = BLOCKED.format(blocked=blocked, modules=", ".join(modules))
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@cache
def libraries_of(extra: str) -> set[str]:
    """What an extra brings, by the names that are imported."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    wanted = {text.partition(">=")[0].lower() for text in extras[extra]}
    found = distributions()
    return {name for name in LIBRARIES for dist in found.get(name, [name]) if dist.lower().replace("_", "-") in wanted}


distributions = cache(packages_distributions)  # reads what every package says of itself


@pytest.mark.parametrize("role", ROLES)
def test_a_role_imports_nothing_that_its_installation_lacks(role: str) -> None:
    ran = imported(role)
    assert (0, "") == (ran.returncode, ran.stderr[-2000:])


def test_every_library_is_brought_by_the_extra_that_a_command_names() -> None:
    assert {(name, extra) for name, extras in LIBRARIES.items() for extra in extras} == {
        (name, extra) for extra in ("worker", "train", "notify", "demo", "bench") for name in libraries_of(extra)
    }


#: Command, library that is missing, extra that is named.
LACKING = (
    ("train", "numpy", "train"),
    ("worker", "numpy", "worker"),
    ("state", "pyarrow.parquet", "train"),
    ("demo", "numpy", "demo"),
    ("bench", "sklearn", "bench"),
    ("topics", "structlog", "worker"),
)


@pytest.mark.parametrize(("name", "library", "extra"), LACKING)
def test_a_command_that_needs_more_names_the_extra_that_has_all_of_it(
    capsys: pytest.CaptureFixture[str], name: str, library: str, extra: str
) -> None:
    assert 2 == run(lacking(library), [name])
    said = f"needs {library.partition('.')[0]}, which is not installed here: pip install 'kozamori[{extra}]'"
    assert said in capsys.readouterr().err


def test_every_command_but_a_subscriber_s_has_an_extra_that_there_is() -> None:
    assert {entry.name for entry in COMMANDS} - {"alerts", "bulletins"} == EXTRAS.keys()
    assert {"worker", "train", "notify", "demo", "bench"} == set(EXTRAS.values())


def test_a_module_that_no_extra_brings_is_a_defect() -> None:
    with pytest.raises(ModuleNotFoundError):
        run(lacking("detector.nothing"), ["train"])


def lacking(library: str) -> click.Command:
    """A command that imports what is not there."""

    @click.command()
    @click.argument("name")
    def command(name: str) -> None:
        del name
        raise ModuleNotFoundError(f"No module named {library!r}", name=library)

    return command
