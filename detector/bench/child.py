"""Runs a contestant in a process of its own: the task goes in as an argument, one JSON line comes out."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from detector.errors import KozamoriError

Answer = TypeVar("Answer")


class Task(msgspec.Struct, frozen=True):
    """What a contestant has to do: read the first `events` records of `topic` in a consumer group never used before.

    `folder` holds the trained models: `model` for the worker's pipeline, `plain.joblib` for plain Faust.
    """

    bootstrap: str
    topic: str
    alerts: str
    group: str
    partitions: int
    events: int
    folder: str


def run_child(module: str, task: Any, answer: type[Answer], *, log: Path, timeout_s: float) -> Answer:
    """Run `python -m module` with `task` and return what it answers; it never outlives this call.

    Raises KozamoriError with the last line of its log when it fails or takes longer than `timeout_s`.
    """
    command = [sys.executable, "-m", module, msgspec.json.encode(task).decode()]
    with log.open("ab") as errors:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            cwd=log.parent,
            # Its own session: Ctrl-C reaches only the bench, which then ends it.
            start_new_session=True,
        )
        try:
            said, _ = child.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            raise KozamoriError(f"{module} took longer than {timeout_s:.0f} s: {last_words(log)}") from None
        finally:
            child.kill()
            child.wait()
    if child.returncode != 0:
        raise KozamoriError(f"{module} ended with status {child.returncode}: {last_words(log)}")
    return msgspec.json.decode(said.splitlines()[-1], type=answer)


def answer_with(run: Callable[[Any], Any], task: type[Any]) -> None:
    """The child's side: do the task in the first argument, print the answer, end at once."""
    answer = run(msgspec.json.decode(sys.argv[1], type=task))
    sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
    sys.stdout.flush()
    # No clean-up: consumers may still fetch in the background.
    os._exit(0)


def last_words(log: Path) -> str:
    """The last line a process wrote to its log."""
    lines = log.read_text("utf-8", "replace").strip().splitlines() if log.exists() else []
    return lines[-1][:500] if lines else "it said nothing"
