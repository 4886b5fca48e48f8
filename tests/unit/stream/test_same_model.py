"""Workers of a deployment run one model: another is refused before it joins, unless it names the one it replaces."""

import os
import socket
import subprocess
import sys
from collections.abc import Mapping

import msgspec
import pytest

from detector.errors import UserError
from detector.settings import Settings
from detector.stream.same_model import Runs, require_same_model, runs_of

SETTINGS = Settings(deployment="blue", session_timeout_s=10)
HERE = socket.gethostname()
LIVING, ELSEWHERE = f"kozamori-{HERE}-{os.getppid()}", "kozamori-elsewhere-1"
OLD, NEW, REPLACING = Runs("aaaaaaaaaaaa"), Runs("bbbbbbbbbbbb"), Runs("bbbbbbbbbbbb", "aaaaaaaaaaaa")


class Group:
    """What its members run at each look; the last answer is for ever. Time passes only in sleep."""

    def __init__(self, *looks: Mapping[str, Runs]) -> None:
        self._looks = list(looks)
        self.slept_s = 0.0

    def ask(self, _: Settings) -> Mapping[str, Runs]:
        return self._looks.pop(0) if len(self._looks) > 1 else self._looks[0]

    def sleep(self, seconds: float) -> None:
        self.slept_s += seconds

    def joined_by(self, own: Runs) -> float:
        """The seconds that a worker waited before it joined."""
        require_same_model(SETTINGS, own, self.ask, self.sleep, lambda: self.slept_s)
        return self.slept_s


@pytest.mark.parametrize(("others", "waited_s"), [(LIVING, 0.0), (ELSEWHERE, 14.0)])
def test_another_model_is_refused_with_who_runs_what_and_the_ways_out(others: str, waited_s: float) -> None:
    group = Group({others: OLD})
    with pytest.raises(UserError) as refused:
        group.joined_by(NEW)
    for said in (NEW.model, f"group kozamori.blue run {OLD.model} ({others})", f"--replaces-model {OLD.model}"):
        assert said in str(refused.value)
    assert waited_s == group.slept_s


ALLOWED = {
    "nobody": ({}, NEW),
    "the same": ({LIVING: OLD}, OLD),
    "a new one that replaces theirs": ({LIVING: OLD}, REPLACING),
    "an old one, started again in the middle of a change": ({LIVING: REPLACING}, OLD),
    "a change that is almost over": ({LIVING: REPLACING, ELSEWHERE: OLD}, REPLACING),
    "members of a release before": ({LIVING: Runs()}, NEW),
}


@pytest.mark.parametrize("what", ALLOWED)
def test_what_goes_together_joins_at_once(what: str) -> None:
    others, own = ALLOWED[what]
    assert 0.0 == Group(others).joined_by(own)


def test_who_replaces_one_model_does_not_go_with_a_third() -> None:
    with pytest.raises(UserError):
        Group({LIVING: REPLACING}).joined_by(Runs("cccccccccccc", OLD.model))


def test_a_worker_that_was_killed_is_waited_for_where_it_may_live_and_not_where_it_cannot() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert 0.0 == Group({f"kozamori-{HERE}-{process.pid}": OLD}).joined_by(NEW)
    assert 2.0 == Group({ELSEWHERE: OLD}, {ELSEWHERE: OLD}, {}).joined_by(NEW)


def test_what_no_worker_said_is_no_model() -> None:
    found = [runs_of(told) for told in (b"", b"hello", msgspec.json.encode({"generation": 3}))]
    assert [Runs()] * 3 == found
