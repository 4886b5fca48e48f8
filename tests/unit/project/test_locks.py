import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LOCKS = ("requirements.lock", "requirements-worker.lock", "requirements-dev.lock")


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9_.-]", text)[0].lower().replace("_", "-") for text in requirements}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_exact_versions_with_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "/" not in text
    entries = text.replace("\\\n", "").splitlines()
    wrong = [line for line in entries if not re.match(r"[a-z0-9-]+==\S+.*--hash=sha256:[0-9a-f]{64}", line)]
    assert wrong == []


def test_every_declared_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups, extras = project["dependency-groups"], project["project"]["optional-dependencies"]
    by_role = [
        text
        for role in ("worker", "train", "notify", "demo")
        for text in extras[role]
        if not text.startswith("kozamori")
    ]
    runtime = names(project["project"]["dependencies"] + by_role + groups["build"])
    everything = runtime | names(groups["dev"] + [text for text in extras["bench"] if not text.startswith("kozamori")])
    locked = {lock: names((ROOT / lock).read_text().splitlines()) for lock in LOCKS}
    assert runtime - locked["requirements.lock"] == set()
    assert everything - locked["requirements-dev.lock"] == set()


def test_the_locks_agree() -> None:
    runtime, worker, everything = (set((ROOT / lock).read_text().replace("\\\n", "").splitlines()) for lock in LOCKS)
    assert runtime - everything == set()
    assert worker - runtime == set()


def test_the_worker_has_its_own_and_nothing_of_the_trainer() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    worker, train = (names(project["optional-dependencies"][role]) for role in ("worker", "train"))
    locked = names((ROOT / "requirements-worker.lock").read_text().splitlines())
    assert (names(project["dependencies"]) | worker) - locked == set()
    assert locked & (train - worker) == set()
