"""Rows that another release writes, and how this one reads them (PROTOCOL rule 10).

A release reads a version before any release writes it: the release before one that changes a row names the coming
layout too, so that both can share a group; where it did not, all its workers stop first. What is known by name is taken
over, the rest is unknown. An event applied by a release that does not know a field leaves no trace in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[Any]  # structured, a stage's row dtype


@dataclass(frozen=True, slots=True)
class RowVersion:
    """A version of a stage's rows that is not the one it writes, earlier or coming.

    `kernel_hash` is the one in its rows; `unknown` has, by name, the value of fields that it lacks, 0 for all others.
    """

    version: int
    kernel_hash: int
    row: np.dtype[Any]
    unknown: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def check(self, row: np.dtype[Any]) -> None:
        """Raise ValueError where rows of this layout cannot be read as `row` by name."""
        ours, theirs = row.names or (), self.row.names or ()
        if changed := [name for name in theirs if name in ours and self.row[name] != row[name]]:
            raise ValueError(f"version {self.version} has other types of {changed}: give what changed a new name")
        if wrong := [name for name in self.unknown if name in theirs or name not in ours]:
            raise ValueError(f"version {self.version} says what {wrong} are where unknown, which nobody asks")

    def read(self, rows: Rows, row: np.dtype[Any], version: int, kernel_hash: int) -> Rows:
        """Rows of this version as rows of `version`; keys, positions and times stay."""
        ours: Rows = np.zeros(len(rows), row)
        for name in row.names or ():
            if name in (self.row.names or ()):
                ours[name] = rows[name]
            elif name in self.unknown:
                ours[name] = self.unknown[name]
        ours["version"], ours["kernel"] = version, kernel_hash
        return ours
