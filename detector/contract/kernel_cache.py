"""Cache of compiled kernels, invalidated when any source they depend on changes.

numba invalidates a kernel only when its own file changes, but functions and constants of other files are compiled in
too. Here the stamp of a kernel covers its file and all files of the package it imports, directly or not. It hashes
contents, so installing the same sources again compiles nothing. The package names these classes to numba.

An image brings its kernels along (`kozamori cache compile`), in a folder that its workers may not write to.
"""

import ast
import hashlib
import os
import shutil
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from numba.core.caching import InTreeCacheLocator, UserProvidedCacheLocator, UserWideCacheLocator

ROOT = Path(__file__).parents[2]
PACKAGE = "detector"
#: Kernels compiled when this environment was made.
SHIPPED = Path(sys.prefix, "share", "kozamori", "kernels")


@cache
def sources_hash(path: Path, root: Path = ROOT) -> str:
    """SHA-256, in hex, of a module's source and all it imports of the package below `root`; computed once."""
    found, waiting = {path}, [path]
    while waiting:
        fresh = _imports(waiting.pop(), root) - found
        found |= fresh
        waiting += fresh
    return hashlib.sha256(b"".join(hashlib.sha256(one.read_bytes()).digest() for one in sorted(found))).hexdigest()


@cache
def _imports(path: Path, root: Path) -> frozenset[Path]:
    """The files of the package that importing a module imports."""
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
    """The stamp that numba compares: a hash of all sources that may be compiled in."""

    _py_file: str

    def get_source_stamp(self) -> Any:
        return sources_hash(Path(self._py_file))


class Provided(_AllSources, UserProvidedCacheLocator):
    """Cache in the folder of the environment variable NUMBA_CACHE_DIR, which begins with the shipped kernels.

    Copied, some megabytes: numba takes no cache that it cannot write to, and would fail at a kernel that is not there.
    """

    def ensure_cache_path(self) -> None:
        own = Path(self.get_cache_path())  # type: ignore[no-untyped-call]
        shipped = SHIPPED / own.name
        if shipped.is_dir() and not own.exists():
            # May be there, of one of this number that was killed as it copied: in containers all have one number.
            fresh = own.with_name(f"{own.name}.{os.getpid()}")
            shutil.copytree(shipped, fresh, copy_function=shutil.copyfile, dirs_exist_ok=True)
            with suppress(OSError):  # another process was first
                fresh.rename(own)
            shutil.rmtree(fresh, ignore_errors=True)
        super().ensure_cache_path()  # type: ignore[no-untyped-call]


class InTree(_AllSources, InTreeCacheLocator):
    """Cache beside the module."""


class UserWide(_AllSources, UserWideCacheLocator):
    """Cache in the user's cache folder, if the module's own is not writable."""
