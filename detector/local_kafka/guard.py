"""Runs one program and ends it when its owner ends, however the owner ends.

Started as a script, standard library only: `python guard.py FOLDER_TO_REMOVE|- PROGRAM ARGUMENT...`.
Standard input is a pipe whose other end the owner holds: when it closes, the owner is gone. Standard output takes
one line, the program's process id. A process in between, because the kernel's own parent-death signal is tied to
the *thread* that started a program, and because only Linux has it.
"""

import contextlib
import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from types import FrameType

GRACE_S = 20  # Kafka closes its logs in under a second; a busy disk may take longer
LOOK_EVERY_S = 0.2
PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main(remove: str, command: list[str]) -> int:
    """Run `command` until it ends or the owner goes; then nobody else can remove the folder `remove` (`-`: none)."""
    owner = os.getppid()
    program = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=2, preexec_fn=_die_with_parent())  # noqa: PLW1509  # single-threaded here
    signal.signal(signal.SIGTERM, _ask_to_end(program))
    # Terminal signals are for the owner, which decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with contextlib.suppress(BrokenPipeError):
        os.write(1, f"{program.pid}\n".encode())
    while program.poll() is None:
        if _owner_is_gone(owner):
            _end(program)
            if remove != "-":
                shutil.rmtree(remove, ignore_errors=True)
    return program.returncode


def _owner_is_gone(owner: int) -> bool:
    # Both: a forked child of the owner may hold the pipe open, and a container's init may adopt at once.
    readable, _, _ = select.select([0], [], [], LOOK_EVERY_S)
    return bool(readable and not os.read(0, 1)) or os.getppid() != owner


def _end(program: subprocess.Popen[bytes]) -> None:
    program.terminate()
    try:
        program.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        program.kill()
        program.wait()


def _ask_to_end(program: subprocess.Popen[bytes]) -> Callable[[int, FrameType | None], None]:
    def handler(_signal: int, _frame: FrameType | None) -> None:
        program.terminate()

    return handler


def _die_with_parent() -> Callable[[], None] | None:
    """Parent-death signal, in case the guard itself is killed; None where the kernel has none."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None).prctl  # looked up before the fork, where nothing may be loaded

    def ask_kernel() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)

    return ask_kernel


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
