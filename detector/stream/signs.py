"""What has to get on in a worker, for its watchdog: read from another thread, so it only looks."""

from collections.abc import Callable, Sequence
from typing import Protocol

from detector.stream.membership import names
from detector.stream.shell import Shell
from detector.stream.watchdog import Work

#: Limits of the watchdog that a stage may stand while others move: while a backlog is read, one fetch of a partition is
#: processed after the other, and on a slow machine a stage may wait minutes for its next.
STAGE_LIMITS = 10
#: Limits that a commit may take: outputs and rows of all partitions before it.
COMMIT_LIMITS = 3


class Turning(Protocol):
    """A watcher that does something again and again, with `rest_s` between two turns at most."""

    turns: int
    rest_s: float


def works_of(shell: Shell, watchers: Sequence[Turning], limit_s: float) -> Callable[[], dict[str, Work]]:
    """A function that looks at the whole, rows being restored, every stage, commits, and each watcher."""

    def look() -> dict[str, Work]:
        tasks = list(shell.tasks.values())
        found = {
            "the worker": Work(shell.progress, _records(sum(task.lag for task in tasks), "waiting")),
            "restoring rows": Work(shell.membership.slices, names(shell.membership.restoring)),
            "committing": Work(
                shell.commits,
                _records(sum(task.position - task.committed for task in tasks), "not committed"),
                (COMMIT_LIMITS - 1) * limit_s,
            ),
        }
        for stage in sorted({task.node for task in tasks}):
            of_stage = [task for task in tasks if task.node == stage]
            progress = tuple((task.writer, task.position) for task in of_stage)
            waiting = _records(sum(task.lag for task in of_stage), "waiting")
            found[f"stage {stage}"] = Work(progress, waiting, (STAGE_LIMITS - 1) * limit_s)
        for watcher in watchers:
            # It always has something to do: its next look.
            found[type(watcher).__name__] = Work(watcher.turns, "nothing looked at since", watcher.rest_s)
        return found

    return look


def _records(count: int, what: str) -> str:
    return f"{count} records {what}" if count else ""
