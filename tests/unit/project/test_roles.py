"""Installations by role: each has what its commands import, and a command that needs more says which it is."""

import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import click
import pytest

from detector.cli.main import LIBRARIES, run

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

#: By role: the extras it has, and modules of what it does.
ROLES = {
    "subscriber": (
        (),
        ("detector.cli.alerts", "kozamori.following", "detector.contract.events", "detector.subscriber"),
    ),
    "worker": (
        ("worker",),
        ("detector.stream.worker", *(f"detector.cli.{name}" for name in ("cases", "dead_letters", "state", "topics"))),
    ),
    "train": (
        ("train",),
        ("kozamori.scores", *(f"detector.cli.{name}" for name in ("models", "scoring", "start_here"))),
    ),
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
    assert [] == [name for name, extra in LIBRARIES.items() if name not in libraries_of(extra)]


def test_a_command_that_needs_more_names_the_extra_and_an_unknown_module_is_a_defect(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def lacking(name: str) -> click.Command:
        def command() -> None:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

        return click.command(command)

    assert 2 == run(lacking("pyarrow.parquet"), [])
    assert "needs pyarrow, which is not installed here: pip install 'kozamori[train]'" in capsys.readouterr().err
    with pytest.raises(ModuleNotFoundError):
        run(lacking("detector.nothing"), [])
