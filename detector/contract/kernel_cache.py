"""Compiled kernels that are kept between runs, and never used once any source behind them has changed.

numba keeps a kernel as long as its own file is the same. Functions and constants that it takes from other files are
compiled in, and a change of those would go unseen. Here the stamp of a kernel covers its file and all that this
imports of ours, directly or not. It is a hash of contents, so that installing the same sources again compiles nothing.
"""

import ast
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import InTreeCacheLocator, UserProvidedCacheLocator, UserWideCacheLocator

ROOT = Path(__file__).parents[2]
PACKAGE = "detector"


@cache
def sources_hash(path: Path, root: Path = ROOT) -> str:
    """SHA-256, in hex, of a module's source and of all that it imports of the package below `root`; read once."""
    found, waiting = {path}, [path]
    while waiting:
        fresh = _imports(waiting.pop(), root) - found
        found |= fresh
        waiting += fresh
    return hashlib.sha256(b"".join(hashlib.sha256(one.read_bytes()).digest() for one in sorted(found))).hexdigest()


@cache
def _imports(path: Path, root: Path) -> frozenset[Path]:
    """The files of the package that a module imports when it is itself imported."""
    found = set[Path]()
    for node in ast.parse(path.read_bytes()).body:
        if isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for name in names:
            if (
                name.partition(".")[0] == PACKAGE
                and (file := root.joinpath(*name.split(".")).with_suffix(".py")).exists()
            ):
                found.add(file)
    return frozenset(found)


class _AllSources:
    """What numba compares before it takes a kept kernel: all that may be compiled in."""

    _py_file: str

    def get_source_stamp(self) -> Any:
        return sources_hash(Path(self._py_file))


class Provided(_AllSources, UserProvidedCacheLocator):
    """In the folder that the environment variable NUMBA_CACHE_DIR names."""


class InTree(_AllSources, InTreeCacheLocator):
    """Beside the module."""


class UserWide(_AllSources, UserWideCacheLocator):
    """In the user's cache folder, where the module's own cannot be written."""


def set_up() -> None:
    """Have numba keep kernels so, from here on; before the first of them is declared."""
    locators = ",".join(f"{__name__}.{found.__name__}" for found in (Provided, InTree, UserWide))
    numba.config.CACHE_LOCATOR_CLASSES = locators  # type: ignore[attr-defined]
