"""The kernel cache depends on the contents of all sources, not on when they were written."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numba
import pytest

import detector
from detector.contract import kernel_cache
from detector.contract.kernel_cache import Provided, _imports, sources_hash

KERNEL = """
from numba import njit
from detector.core.limit import LIMIT

@njit(cache=True)
def over(yen):
    return yen > LIMIT

if __name__ == "__main__":
    from detector.core.kernel import over
    print(over(5), sum(over.stats.cache_hits.values()))
"""


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages that hold kernels, elsewhere, with one kernel more and a limit in another file."""
    here = Path(str(detector.__file__)).parent
    for name in ("contract", "core"):
        shutil.copytree(here / name, tmp_path / "detector" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("__init__.py", "errors.py", "jst.py"):
        shutil.copy(here / name, tmp_path / "detector")
    (tmp_path / "detector" / "core" / "limit.py").write_text("LIMIT = 3\n")
    (tmp_path / "detector" / "core" / "kernel.py").write_text(KERNEL)
    return tmp_path


def judged(copy: Path, **environment: str) -> tuple[bool, int]:
    """The kernel's result for 5 in a process of its own, and the number of cache hits."""
    ran = subprocess.run(
        [sys.executable, "-m", "detector.core.kernel"],
        cwd=copy,
        env={**os.environ, "PYTHONSAFEPATH": "", "PYTHONPATH": str(copy), **environment},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    answer, hits = ran.stdout.split()
    return answer == "True", int(hits)


@pytest.mark.parametrize("kept", ["beside the module", "where the environment says"])
def test_the_same_sources_written_again_compile_nothing_and_a_constant_of_another_file_does(
    copy: Path, kept: str
) -> None:
    environment = {"NUMBA_CACHE_DIR": "" if kept == "beside the module" else str(copy / "kernels")}
    assert (True, 0) == judged(copy, **environment)
    for path in copy.rglob("*.py"):
        os.utime(path, (1_600_000_000, 1_600_000_000))
    assert (True, 1) == judged(copy, **environment)
    (copy / "detector" / "core" / "limit.py").write_text("LIMIT = 8\n")
    assert (False, 0) == judged(copy, **environment)
    assert (copy / "kernels").exists() == (kept != "beside the module")


def test_a_child_that_may_have_another_numba_is_told_nothing_of_these_caches() -> None:
    code = "import os; print(*(name for name in os.environ if name.startswith('NUMBA_CACHE_LOCATOR')))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "" == ran.stdout.strip()


KERNELS = Path("detector", "core", "rows.py")
WITHIN = {
    "the file itself": (KERNELS, False),
    "what it imports": (Path("detector", "core", "limit.py"), False),
    "what that imports": (Path("detector", "core", "deeper.py"), False),
    "another file": (Path("detector", "core", "alerting.py"), True),
}


@pytest.mark.parametrize("where", WITHIN)
def test_a_kernel_is_compiled_anew_for_what_it_imports_and_nothing_else(copy: Path, where: str) -> None:
    (copy / "detector" / "core" / "limit.py").write_text("from detector.core import deeper\n")
    (copy / "detector" / "core" / "deeper.py").write_text("LIMIT = 3\n")
    rows = copy / KERNELS
    rows.write_text(f"from detector.core.limit import deeper\n{rows.read_text('utf-8')}")
    changed, same = WITHIN[where]
    before = sources_hash(rows, copy)
    with (copy / changed).open("a", encoding="utf-8") as file:
        file.write("# changed\n")
    sources_hash.cache_clear()
    _imports.cache_clear()
    assert same == (before == sources_hash(rows, copy))


class Kept(NamedTuple):
    """Where kernels of a source are kept beside shipped ones, and whether numba finds a place there."""

    folder: Path
    found: Callable[[], bool]


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    monkeypatch.setattr(kernel_cache, "SHIPPED", tmp_path / "shipped")
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "own"), raising=False)
    locator: Any = Provided
    function, source = sources_hash.__wrapped__, str(kernel_cache.__file__)
    folder = Path(locator(function, source).get_cache_path())
    return Kept(folder, lambda: locator.from_function(function, source) is not None)


def test_a_cache_begins_with_the_shipped_kernels_and_keeps_what_it_added(tmp_path: Path, kept: Kept) -> None:
    folder = kept.folder
    shipped = tmp_path / "shipped" / folder.name
    shipped.mkdir(parents=True)
    (shipped / "kernel.nbi").write_bytes(b"as shipped")
    shipped.chmod(0o555)
    for added in (b"as shipped", b"compiled here"):
        assert kept.found()
        assert added == (folder / "kernel.nbi").read_bytes()
        (folder / "kernel.nbi").write_bytes(b"compiled here")
    assert [folder.name] == [path.name for path in folder.parent.iterdir()]


def test_a_process_that_was_killed_while_it_copied_keeps_no_later_one_from_starting(tmp_path: Path, kept: Kept) -> None:
    # In a container each process has the number of the one before, and the folder outlives both.
    folder = kept.folder
    half = folder.with_name(f"{folder.name}.{os.getpid()}")
    for written, content in ((tmp_path / "shipped" / folder.name, b"as shipped"), (half, b"as")):
        written.mkdir(parents=True)
        (written / "kernel.nbi").write_bytes(content)
    assert kept.found()
    assert b"as shipped" == (folder / "kernel.nbi").read_bytes()
    assert not half.exists()
