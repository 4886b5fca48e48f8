"""Model folders with fitting hashes and one wrong array or field: refused in one line, or harmless; none is fatal."""

import os
import subprocess
import sys
from ast import literal_eval
from collections import Counter
from pathlib import Path

import pytest

SEED = 1
TESTS = str(Path(__file__).parents[1])
LEAST = 400  # folders


def read_all(seed: int) -> dict[str, str]:
    """What became of each poisoned folder, by what was done to it; a process that dies is begun anew behind it."""
    outcomes: dict[str, str] = {}
    first = 0
    while True:
        command = [sys.executable, "-X", "faulthandler", "-m", "support.poison", str(seed), str(first)]
        path = os.pathsep.join(filter(None, (TESTS, os.environ.get("PYTHONPATH"))))
        environment = {**os.environ, "PYTHONPATH": path}
        ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        lines = [line.split("\t", 1) for line in ran.stdout.splitlines()]
        names = {int(number): literal_eval(said) for number, said in lines[::2]}
        said = {int(number): literal_eval(said) for number, said in lines[1::2]}
        outcomes |= {f"{number} {what}": said.get(number, "died") for number, what in names.items()}
        if ran.returncode == 0:
            return outcomes
        assert names, ran.stderr
        first = max(names) + 1


@pytest.fixture(scope="module")
def outcomes() -> dict[str, str]:
    return read_all(SEED)


def test_each_poisoned_folder_is_refused_or_harmless(outcomes: dict[str, str]) -> None:
    assert len(outcomes) >= LEAST
    print(Counter(outcome.split(":")[0] for outcome in outcomes.values()))
    wrong = {what: outcome for what, outcome in outcomes.items() if not outcome.startswith(("refused", "equal"))}
    assert wrong == {}


def test_what_is_refused_is_refused_in_one_line_that_names_the_file(outcomes: dict[str, str]) -> None:
    refused = [outcome for outcome in outcomes.values() if outcome.startswith("refused")]
    assert len(refused) >= 0.9 * len(outcomes)
    for outcome in refused:
        assert "\n" not in outcome
        assert outcome.startswith("refused: a/model: ")
        assert "arrays.npz" in outcome or "manifest.json" in outcome
        assert any(advice in outcome for advice in ("train", "copy", "install"))
