"""A process is killed at the point that the file names, and at no other."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
from support import crash_points

#: Says how far it came.
PROGRAM = """
import asyncio, runpy, sys
from pathlib import Path
arm = runpy.run_path(sys.argv[1])["arm"]
class Port:
    async def commit(self):
        print("committed", flush=True)
arm(Port, "commit", Path(sys.argv[2]))
print("begun", flush=True)
asyncio.run(Port().commit())
print("done", flush=True)
"""


@pytest.mark.parametrize(
    ("point", "said", "status"),
    [
        ("before commit", ["begun"], -signal.SIGKILL),
        ("after commit", ["begun", "committed"], -signal.SIGKILL),
        ("after restore", ["begun", "committed", "done"], 0),
        ("", ["begun", "committed", "done"], 0),
    ],
)
def test_a_process_ends_at_the_point_that_its_file_names(
    point: str, said: list[str], status: int, tmp_path: Path
) -> None:
    file = tmp_path / "crash"
    if point:
        file.write_text(point, "utf-8")
    command = [sys.executable, "-c", PROGRAM, crash_points.__file__, str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (said, status) == (ended.stdout.split(), ended.returncode)
