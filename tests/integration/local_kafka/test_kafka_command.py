import json
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.timeout(240)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of the test's own, so that a broker the person runs is not touched."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    return tmp_path


def kozamori(*arguments: str) -> tuple[int, dict[str, object]]:
    answer = subprocess.run(
        [sys.executable, "-m", "detector.cli.main", *arguments, "--json"], capture_output=True, text=True, check=False
    )
    return answer.returncode, json.loads(answer.stdout) if answer.stdout else {"error": answer.stderr}


def test_it_runs_in_the_background_from_start_to_stop(home: Path) -> None:
    assert kozamori("kafka", "status") == (1, {"running": False})
    status, started = kozamori("kafka", "start", "--set", "message.max.bytes=2000000")
    try:
        assert (status, started["running"]) == (0, True)
        assert str(started["data_dir"]).startswith(str(home))
        assert kozamori("kafka", "status") == (0, started)
        assert kozamori("kafka", "start") == (0, started)
    finally:
        assert kozamori("kafka", "stop") == (0, {"stopped": True})
    assert not psutil.pid_exists(int(str(started["pid"])))
    assert kozamori("kafka", "stop") == (0, {"stopped": False})


def test_a_crashed_broker_is_not_taken_for_a_running_one(home: Path) -> None:
    _, started = kozamori("kafka", "start")
    broker = psutil.Process(int(str(started["pid"])))
    broker.send_signal(signal.SIGKILL)
    psutil.wait_procs([broker], timeout=10)
    assert kozamori("kafka", "status") == (1, {"running": False})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "nonsense"], "--set got 'nonsense', expected KEY=VALUE"),
        (["--set", "log.retention.ms=soon"], "log.retention.ms"),
        (["--port", "99999"], "99999 is not in the range"),
    ],
)
def test_a_start_that_cannot_work_is_one_line_and_leaves_nothing(
    arguments: list[str], message: str, home: Path
) -> None:
    status, answer = kozamori("kafka", "start", *arguments)
    error = str(answer["error"])
    assert (status, error.count("\n")) == (2, 1)
    assert message in error
    assert kozamori("kafka", "status") == (1, {"running": False})
