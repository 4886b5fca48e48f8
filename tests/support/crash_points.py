"""A worker that a test can kill at a named point: `python crash_points.py FILE worker …`.

Before and after each call through the shell's ports it looks into FILE: once that names the point, it is killed.
"""

import functools
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

#: What a worker asks of Kafka: rows, hop messages, single records, commits, what is committed, a restore.
METHODS = ("send_records", "send_batch", "send_one", "commit", "committed", "restore")
POINTS = tuple(f"{when} {method}" for method in METHODS for when in ("before", "after"))


def arm(owner: type, method: str, file: Path) -> None:
    """Make calls of a method of `owner` points to be killed at."""
    call: Callable[..., Any] = getattr(owner, method)

    @functools.wraps(call)
    async def at_point(*args: Any, **options: Any) -> Any:
        _reached(f"before {method}", file)
        answer = await call(*args, **options)
        _reached(f"after {method}", file)
        return answer

    setattr(owner, method, at_point)


def _reached(point: str, file: Path) -> None:
    if file.exists() and file.read_text("utf-8") == point:
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    """Run the worker."""
    from detector.cli.main import main as run
    from detector.stream.faust_ports import FaustKafka
    from detector.stream.restore import KafkaReader

    file, arguments = Path(sys.argv[1]), sys.argv[2:]
    for method in METHODS:
        arm(KafkaReader if method == "restore" else FaustKafka, method, file)
    run(arguments)


if __name__ == "__main__":
    main()
