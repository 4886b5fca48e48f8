import subprocess
import sys

import click
import pytest

from detector.cli.main import COMMANDS, Entry, LazyGroup, cli, run
from detector.errors import UserError, WorkerError

HEAVY = ("faust", "kafka", "aiokafka", "sklearn", "pandas", "numba", "numpy", "rich", "matplotlib", "prometheus_client")


@click.command()
@click.argument("what")
def fails(what: str) -> None:
    errors: dict[str, BaseException] = {
        "user": UserError("got 1,  expected 2: give 2"),
        "two": UserError("this is wrong\nand that"),
        "worker": WorkerError("cannot keep its promises"),
        "ctrl-c": KeyboardInterrupt(),
        "abort": click.Abort(),
    }
    raise errors[what]


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        (["user"], 2, "kozamori: got 1, expected 2: give 2"),
        (["two"], 2, "kozamori: this is wrong\nkozamori: and that"),
        (["worker"], 1, "kozamori: cannot keep its promises"),
        (["ctrl-c"], 130, ""),
        (["abort"], 130, ""),
        ([], 2, "kozamori: Missing argument 'WHAT'. (see kozamori --help)"),
        (["--nope"], 2, "kozamori: No such option: --nope (see kozamori --help)"),
        (["--help"], 0, ""),
    ],
)
def test_a_failure_is_a_line_a_problem_and_an_exit_status(
    arguments: list[str], status: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(fails, arguments) == status
    assert capsys.readouterr().err.strip() == line


def test_a_bug_keeps_its_traceback() -> None:
    @click.command()
    def buggy() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(buggy, [])


def test_the_status_a_command_leaves_with_is_passed_on() -> None:
    @click.command()
    @click.pass_context
    def leaves(context: click.Context) -> None:
        context.exit(3)

    assert run(leaves, []) == 3


def test_an_unknown_command_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cli, ["nonsense"]) == 2
    assert capsys.readouterr().err == "kozamori: No such command 'nonsense'. (see kozamori --help)\n"


def test_a_command_whose_module_is_missing_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    group = LazyGroup("g", entries=[Entry("ghost", "detector.cli.ghost:ghost", "Not there.")])
    assert run(group, ["ghost"]) == 2
    assert "no command 'ghost'" in capsys.readouterr().err


def test_help_lists_every_command_in_the_order_of_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cli, ["--help"]) == 0
    listed = capsys.readouterr().out.partition("Commands:")[2]
    places = [listed.index(f"  {entry.name} ") for entry in COMMANDS]
    assert sorted(places) == places


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from detector.cli.main import cli, run; status = run(cli, ['--help']); "
        f"heavy = [name for name in {HEAVY!r} if name in sys.modules]; sys.exit(str(heavy) if heavy else status)"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.parametrize("entry", COMMANDS, ids=[entry.name for entry in COMMANDS])
def test_every_command_has_help_with_an_example(entry: Entry, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(cli, [entry.name, "--help"]) == 0
    assert "Example" in capsys.readouterr().out
