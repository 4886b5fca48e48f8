import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from detector.local_kafka.process import Guarded, start_guarded

SLEEPER = [sys.executable, "-c", "import time; time.sleep(300)"]
STUBBORN = [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(300)"]

OWNER = """
import sys, time
from pathlib import Path
from detector.local_kafka.process import start_guarded
found = start_guarded([sys.executable, "-c", "import time; time.sleep(300)"], Path(sys.argv[1]), Path(sys.argv[2]))
print(found.pid, found.guard.pid, flush=True)
time.sleep(300)
"""


def gone(pid: int, within_s: float = 10) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def sleeper(tmp_path: Path) -> Guarded:
    return start_guarded(SLEEPER, tmp_path / "console", None)


def test_terminate_ends_the_program_and_its_guard(sleeper: Guarded) -> None:
    assert sleeper.running()
    sleeper.terminate()
    assert not sleeper.running()
    assert gone(sleeper.pid)
    sleeper.terminate()
    sleeper.kill()


def test_kill_ends_a_program_that_ignores_sigterm(tmp_path: Path) -> None:
    found = start_guarded(STUBBORN, tmp_path / "console", None)
    found.kill()
    assert gone(found.pid)


def test_a_guard_that_is_killed_takes_the_program_with_it(sleeper: Guarded) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("the kernel's parent-death signal is Linux's")
    sleeper.guard.kill()
    assert gone(sleeper.pid)
    sleeper.kill()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_program_and_its_folder_go_with_a_killed_owner(number: signal.Signals, tmp_path: Path) -> None:
    folder = tmp_path / "temporary"
    folder.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path / "console"), str(folder)], stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        pid, guard = map(int, owner.stdout.readline().split())
        assert psutil.pid_exists(pid)
        os.kill(owner.pid, number)
    assert gone(pid)
    assert gone(guard)
    assert not folder.exists()


def test_a_program_that_cannot_be_started_is_seen_as_ended(tmp_path: Path) -> None:
    found = start_guarded(["/no/such/program"], tmp_path / "console", None)
    found.terminate()
    assert not found.running()
    assert "FileNotFoundError" in (tmp_path / "console").read_text()


def test_a_program_that_never_started_is_not_signalled_in_our_own_process_group(tmp_path: Path) -> None:
    received: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
    waiting = [sys.executable, "-c", "import sys; sys.stdin.read()"]
    try:
        with subprocess.Popen(waiting, stdin=subprocess.PIPE, start_new_session=True) as guard:
            found = Guarded(guard, 0)
            threading.Timer(0.2, guard.kill).start()
            found.terminate()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert [] == received
