"""Installs each role into an environment of its own and measures it: `make sizes`.

Takes the wheel, the lock and a folder for the environments, which stay for a look. Fails where an installation is
larger than it may be, lacks what its role needs, or where a program waits too long for its first import.
"""

import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

MIB = 1024 * 1024
#: CPU time of a whole process that imports the subscriber: what it takes on a machine that does nothing else.
IMPORT_S = 0.3
TRIES = 7


class Role(NamedTuple):
    """An installation: its extra, at most so many MiB beside Python itself (0: no limit), and what it must import."""

    name: str
    extra: str
    most_mib: int
    modules: tuple[str, ...]


#: Each role beside what it must not carry is told by its size; commands by their modules.
ROLES = (
    Role("subscriber", "", 60, ("detector.cli.alerts", "kozamori.following", "detector.contract.keyed_hash")),
    Role(
        "worker",
        "[worker]",
        500,
        ("detector.stream.worker", *(f"detector.cli.{name}" for name in ("cases", "dead_letters", "state", "topics"))),
    ),
    Role("notify", "[notify]", 70, ("detector.cli.notify", "detector.notify.run", "detector.notify.redrive")),
    Role("train", "[train]", 0, ("kozamori.scores", *(f"detector.cli.{name}" for name in ("backtest", "models")))),
    Role("demo", "[demo]", 0, ("detector.demo.run", "detector.cli.kafka", "detector.cli.warm")),
)


def main(wheel: Path, lock: Path, folder: Path) -> int:
    """Install, measure and print all roles; the exit status."""
    wrong = []
    for role in ROLES:
        python = installed(wheel, lock, folder / role.name, role)
        missing = [name for name in role.modules if subprocess.call([python, "-c", f"import {name}"])]
        wrong += [f"{role.name}: {name} cannot be imported" for name in missing]
        size = size_mib(folder / role.name)
        if role.most_mib and size > role.most_mib:
            wrong.append(f"{role.name}: {size} MiB, at most {role.most_mib} allowed")
        print(f"{role.name:<12}{size:>5} MiB  pip install 'kozamori{role.extra}'")  # noqa: T201
    seconds = import_seconds(folder / "subscriber" / "bin" / "python")
    print(f"from kozamori import AlertSubscriber: {seconds:.2f} s of CPU, the least of {TRIES}")  # noqa: T201
    if seconds > IMPORT_S:
        wrong.append(f"subscriber: imported in {seconds:.2f} s, at most {IMPORT_S} allowed")
    print(*wrong, sep="\n", file=sys.stderr)  # noqa: T201
    return len(wrong)


def installed(wheel: Path, lock: Path, folder: Path, role: Role) -> str:
    """The Python of an environment with the role alone, without pip."""
    uv = [str(Path(sys.executable).with_name("uv")), "--quiet"]
    python = str(folder / "bin" / "python")
    subprocess.run([*uv, "venv", "--clear", "--python", sys.executable, str(folder)], check=True)
    wanted = [f"kozamori{role.extra} @ {wheel.resolve().as_uri()}", "--constraint", str(lock)]
    subprocess.run([*uv, "pip", "install", "--link-mode", "copy", "--python", python, *wanted], check=True)
    return python


def size_mib(folder: Path) -> int:
    """What its files take, as installed: without what Python compiles when it imports them."""
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return round(sum(path.stat().st_size for path in files if path.suffix != ".pyc") / MIB)


def import_seconds(python: Path) -> float:
    """The least CPU time of a process that imports the subscriber and ends."""
    seconds = []
    for _ in range(TRIES):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([python, "-c", "from kozamori import AlertSubscriber"], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return min(seconds)


def arguments(given: Sequence[str]) -> tuple[Path, Path, Path]:
    """Wheel, lock and folder."""
    wheel, lock, folder = map(Path, given)
    return wheel, lock, folder


if __name__ == "__main__":
    sys.exit(main(*arguments(sys.argv[1:])))
