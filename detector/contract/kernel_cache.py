"""Compiled kernels that are kept between runs, and never used once any source behind them has changed.

numba keeps a kernel as long as its own file is the same. Functions and constants that it takes from other files are
compiled in, and a change of those would go unseen. Here the stamp of a kernel covers every source of the packages
that hold kernels. It is a hash of contents, so that installing the same sources again compiles nothing.
"""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import numba
from numba.core.caching import InTreeCacheLocator, UserProvidedCacheLocator, UserWideCacheLocator

PACKAGE = Path(__file__).parents[1]
FOLDERS = (PACKAGE / "contract", PACKAGE / "core", PACKAGE / "stream")


@cache
def sources_hash(*folders: Path) -> str:
    """SHA-256 of the names and contents of all Python files below the folders, in hex; read once in a process."""
    found = hashlib.sha256()
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            found.update(f"{path.relative_to(folder.parent).as_posix()} {content}\n".encode())
    return found.hexdigest()


class _AllSources:
    """What numba compares before it takes a kept kernel: the kernel's own file, and all that may be compiled in."""

    def get_source_stamp(self) -> tuple[Any, str]:
        return super().get_source_stamp(), sources_hash(*FOLDERS)  # type: ignore[misc]


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
