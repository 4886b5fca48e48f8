"""The detectors a model is made of: what each looks at, and which part of the alert budget it may spend.

The table says what is trained; the classes are what training makes of it. A detector's score is in [0, 1], higher =
more anomalous, and comparable only with its own: `calibration` turns scores into false alarms a day.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import KINDS
from detector.core.forest import Forest

Arrays = Mapping[str, npt.NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class DetectorSpec:
    """A row of the table: `share` of the alert budget in (0, 1], the `kinds` it scores, typologies it stands for."""

    name: str
    form: str  # key of `FORMS`
    share: float
    kinds: tuple[str, ...]
    typologies: tuple[str, ...]
    meaning: str


DETECTORS = (
    DetectorSpec(
        "forest",
        "isolation_forest",
        share=1.0,
        kinds=("link", "debit"),
        typologies=(),
        meaning="isolation forest over the tail surprises of all features: what nobody named",
    ),
)


class Detector(Protocol):
    """A trained row of the table."""

    @property
    def spec(self) -> DetectorSpec:
        """What it was trained as."""

    @property
    def name(self) -> str:
        """Its name in alerts and metrics."""

    def score_many(self, X: npt.NDArray[np.float32], kind: npt.NDArray[np.int8]) -> npt.NDArray[np.float64]:
        """Scores float64 (n,) in [0, 1] of `X` float32 (n, F); NaN for kinds it does not score."""

    def contributions(self, x: npt.NDArray[np.float32], kind: int) -> npt.NDArray[np.float64]:
        """What each feature of one event, float32 (F,), added to its score, float64 (F,), in units of its own."""

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """All it needs to be restored, by name."""


@dataclass(frozen=True, slots=True, eq=False)
class ForestDetector:
    """An isolation forest for each event kind, by the kind's code."""

    spec: DetectorSpec
    forests: Mapping[int, Forest]

    @property
    def name(self) -> str:
        """Its name in alerts and metrics."""
        return self.spec.name

    def score_many(self, X: npt.NDArray[np.float32], kind: npt.NDArray[np.int8]) -> npt.NDArray[np.float64]:
        """Scores float64 (n,) in [0, 1] of `X` float32 (n, F); NaN for kinds without a forest."""
        scores = np.full(len(X), np.nan)
        for code, forest in self.forests.items():
            rows = np.flatnonzero(kind == code)
            if len(rows):
                forest.score_rows(X, rows, scores)
        return scores

    def contributions(self, x: npt.NDArray[np.float32], kind: int) -> npt.NDArray[np.float64]:
        """Mean path length each feature took off, float64 (F,): see `Forest.contributions`."""
        return self.forests[kind].contributions(x, len(x))

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """`<kind>.<field>` for every field of every kind's forest."""
        return {
            f"{KINDS[code]}.{field}": np.asarray(getattr(forest, field))
            for code, forest in self.forests.items()
            for field in Forest.__dataclass_fields__
        }

    @classmethod
    def from_arrays(cls, spec: DetectorSpec, arrays: Arrays) -> Self:
        """The detector whose `arrays()` these are; KeyError or ValueError where they are not."""
        forests = {}
        for kind in spec.kinds:
            fields = {field: arrays[f"{kind}.{field}"] for field in Forest.__dataclass_fields__}
            forests[KINDS.index(kind)] = Forest(**{**fields, "normalizer": float(fields["normalizer"])})  # type: ignore[arg-type]
        return cls(spec, forests)


#: How a trained detector of each form is restored.
FORMS = {"isolation_forest": ForestDetector.from_arrays}


def hash_of(specs: tuple[DetectorSpec, ...]) -> str:
    """Sixteen hex digits of what decides about scores and alarms; wording does not."""
    decisive = [(spec.name, spec.form, spec.share, spec.kinds) for spec in specs]
    return hashlib.sha256(repr(decisive).encode()).hexdigest()[:16]
