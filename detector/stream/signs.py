"""What has to get on in a worker, for its watchdog: read from another thread, so it only looks."""

from collections.abc import Callable, Sequence
from typing import Protocol

from detector.stream.shell import Shell
from detector.stream.watchdog import Work


class Turning(Protocol):
    """A watcher that does something again and again."""

    turns: int
    interval_s: float


def works_of(shell: Shell, watchers: Sequence[Turning]) -> Callable[[], dict[str, Work]]:
    """A function that looks at all of them: rows being restored, every stage, checkpoints, and each watcher."""

    def look() -> dict[str, Work]:
        tasks = list(shell.tasks.values())
        found = {"restoring rows": Work(shell.progress, shell.restoring)}
        for stage in sorted({task.node for task in tasks}):
            of_stage = [task for task in tasks if task.node == stage]
            records = sum(task.lag for task in of_stage)
            progress = tuple((task.writer, task.position) for task in of_stage)
            found[f"stage {stage}"] = Work(progress, f"{records} records waiting" if records else "")
        open_records = sum(task.position - task.committed for task in tasks)
        found["committing"] = Work(shell.commits, f"{open_records} records not committed" if open_records else "")
        for watcher in watchers:
            # It always has something to do: its next look.
            found[type(watcher).__name__] = Work(watcher.turns, "nothing looked at since", watcher.interval_s)
        return found

    return look
