"""A request to stop counts at any moment: at once while nothing is held, and at once the second time."""

import signal
import subprocess
import sys
import time

import pytest

#: What a process 1 of a container has: the kernel drops a signal that it neither handles nor blocks.
IGNORED = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
START = "from detector.termination import STOP_SIGNALS; STOP_SIGNALS.start(); print('starts', flush=True);"
COMPILES = "import ctypes; ctypes.CDLL(None).sleep(100)"  # runs C code, as a compiler does, and sees no signal
WAITS = "import time; time.sleep(100)"
ORDERLY = "STOP_SIGNALS.orderly(lambda: print('asked', flush=True)); print('ready', flush=True);"


def run(*code: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", "".join(code)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "starts\n"
    return process


@pytest.mark.parametrize("does", [COMPILES, WAITS], ids=["in C code", "waiting"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_before_anything_is_held_a_request_ends_the_process_with_status_0(number: signal.Signals, does: str) -> None:
    process = run(IGNORED, START, does)
    time.sleep(0.1)
    process.send_signal(number)
    out, error = process.communicate(timeout=20)
    assert (0, "", "") == (process.returncode, out, error)


def test_the_first_request_is_passed_on_and_the_second_ends_the_process_at_once() -> None:
    process = run(IGNORED, START, ORDERLY, WAITS)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    assert process.stdout.readline() == "asked\n"
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=20)
    assert 1 == process.returncode
    assert error.startswith("kozamori: asked to stop a second time")


def test_an_interrupt_that_a_shell_ignores_for_its_background_jobs_stays_ignored() -> None:
    process = run("import signal; signal.signal(signal.SIGINT, signal.SIG_IGN);", START, WAITS)
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    assert 0 == process.wait(20)
