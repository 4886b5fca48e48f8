"""Trained detectors: scoring, contributions, and restoring from arrays.

`detector_table` lists which are trained. A score is in [0, 1], higher = more anomalous, and comparable only within one
detector: `calibration` converts scores into false alarms a day.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Protocol, Self

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import KINDS
from detector.core.array_checks import scalar
from detector.core.boosting import BOOSTING_FIELDS, Boosting
from detector.core.forest import Forest
from detector.core.joint_tail import JointTail, Rarity

Arrays = Mapping[str, npt.NDArray[np.generic]]


@dataclass(frozen=True, slots=True)
class DetectorSpec:
    """A row of the table: `share` of the alert budget in (0, 1], the `kinds` it scores, the typologies it covers.

    `features`: its inputs, each with the value above which risk no longer rises, or None; empty: all features.
    """

    name: str
    form: str  # key of `FORMS`
    share: float
    kinds: tuple[str, ...]
    typologies: tuple[str, ...]
    meaning: str
    features: tuple[tuple[str, float | None], ...] = ()


class Detector(Protocol):
    """A trained row of the table."""

    @property
    def spec(self) -> DetectorSpec:
        """Its row of the table."""

    @property
    def name(self) -> str:
        """Its name in alerts and metrics."""

    @property
    def columns(self) -> npt.NDArray[np.int64]:
        """Columns of the feature matrix that it reads."""

    def score_many(self, X: npt.NDArray[np.float32], kind: npt.NDArray[np.int8]) -> npt.NDArray[np.float64]:
        """Scores float64 (n,) in [0, 1] of `X` float32 (n, F); NaN for kinds it does not score."""

    def contributions(self, x: npt.NDArray[np.float32], kind: int) -> npt.NDArray[np.float64]:
        """Contribution of each feature of one event, float32 (F,), to its score, float64 (F,), in the detector's units.

        Exact Shapley values: they sum to the score, in those units, less its expected value.
        """

    def rarity(self, x: npt.NDArray[np.float32]) -> Rarity | None:
        """How often normal events are as risky as `x`, float32 (F,); None if the detector does not count them."""

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Its stored arrays, by name."""


@dataclass(frozen=True, slots=True, eq=False)
class ForestDetector:
    """An isolation forest for each event kind, by the kind's code."""

    spec: DetectorSpec
    forests: Mapping[int, Forest]

    @property
    def name(self) -> str:
        """Its name in alerts and metrics."""
        return self.spec.name

    @property
    def columns(self) -> npt.NDArray[np.int64]:
        """Columns of the feature matrix that it reads."""
        return np.unique(np.concatenate([forest.columns for forest in self.forests.values()]))

    def score_many(self, X: npt.NDArray[np.float32], kind: npt.NDArray[np.int8]) -> npt.NDArray[np.float64]:
        """Scores float64 (n,) in [0, 1] of `X` float32 (n, F); NaN for kinds without a forest."""
        scores = np.full(len(X), np.nan)
        for code, forest in self.forests.items():
            rows = np.flatnonzero(kind == code)
            if len(rows):
                forest.score_rows(X, rows, scores)
        return scores

    def contributions(self, x: npt.NDArray[np.float32], kind: int) -> npt.NDArray[np.float64]:
        """Shapley values of the logarithm of the score, float64 (F,): see `Forest.contributions`."""
        return self.forests[kind].contributions(x, len(x))

    def rarity(self, x: npt.NDArray[np.float32]) -> Rarity | None:
        """None: path lengths are not counts of events."""
        del x
        return None

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """`<kind>.<field>` for every field of every kind's forest."""
        return {
            f"{KINDS[code]}.{field}": np.asarray(getattr(forest, field))
            for code, forest in self.forests.items()
            for field in Forest.__dataclass_fields__
        }

    @classmethod
    def from_arrays(cls, spec: DetectorSpec, arrays: Arrays) -> Self:
        """The detector of these `arrays()`; KeyError or ValueError if they are invalid."""
        forests = {}
        for kind in spec.kinds:
            fields = {field: arrays[f"{kind}.{field}"] for field in Forest.__dataclass_fields__}
            forests[KINDS.index(kind)] = Forest(**{**fields, "normalizer": scalar("normalizer", fields)})  # type: ignore[arg-type]
        return cls(spec, forests)


@dataclass(frozen=True, slots=True, eq=False)
class JointTailDetector:
    """One joint tail for all kinds it scores."""

    spec: DetectorSpec
    tail: JointTail

    @property
    def name(self) -> str:
        """Its name in alerts and metrics."""
        return self.spec.name

    @property
    def columns(self) -> npt.NDArray[np.int64]:
        """Columns of the feature matrix that it reads."""
        return self.tail.columns

    def score_many(self, X: npt.NDArray[np.float32], kind: npt.NDArray[np.int8]) -> npt.NDArray[np.float64]:
        """Scores float64 (n,) in [0, 1] of `X` float32 (n, F); NaN for other kinds."""
        scores = np.full(len(X), np.nan)
        self.tail.score_rows(X, _rows_of(self.spec, kind), scores)
        return scores

    def contributions(self, x: npt.NDArray[np.float32], kind: int) -> npt.NDArray[np.float64]:
        """Shapley values of the score, float64 (F,): see `JointTail.contributions`."""
        del kind
        return self.tail.contributions(x, len(x))

    def rarity(self, x: npt.NDArray[np.float32]) -> Rarity | None:
        """How often normal events are as risky, in each coordinate and in all."""
        return self.tail.rarity(x, len(x))

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """The fields of the joint tail."""
        return {name: np.asarray(getattr(self.tail, name)) for name in JointTail.__dataclass_fields__}

    @classmethod
    def from_arrays(cls, spec: DetectorSpec, arrays: Arrays) -> Self:
        """The detector of these `arrays()`; KeyError or ValueError if they are invalid."""
        fields = {name: arrays[name] for name in JointTail.__dataclass_fields__}
        scalars = {name: scalar(name, fields) for name in ("scale", "least")}
        return cls(spec, JointTail(**{**fields, **scalars}))  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, eq=False)
class BoostingDetector:
    """Boosted trees for all kinds it scores."""

    spec: DetectorSpec
    trees: Boosting

    @property
    def name(self) -> str:
        """Its name in alerts and metrics."""
        return self.spec.name

    @property
    def columns(self) -> npt.NDArray[np.int64]:
        """Columns of the feature matrix that it reads."""
        return self.trees.columns

    def score_many(self, X: npt.NDArray[np.float32], kind: npt.NDArray[np.int8]) -> npt.NDArray[np.float64]:
        """Scores float64 (n,) in [0, 1] of `X` float32 (n, F); NaN for other kinds."""
        scores = np.full(len(X), np.nan)
        self.trees.score_rows(X, _rows_of(self.spec, kind), scores)
        return scores

    def contributions(self, x: npt.NDArray[np.float32], kind: int) -> npt.NDArray[np.float64]:
        """Shapley values of the log odds, float64 (F,): see `Boosting.contributions`."""
        del kind
        return self.trees.contributions(x, len(x))

    def rarity(self, x: npt.NDArray[np.float32]) -> Rarity | None:
        """None: log odds are not counts of events."""
        del x
        return None

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """The fields of the trees."""
        return {name: np.asarray(getattr(self.trees, name)) for name in BOOSTING_FIELDS}

    @classmethod
    def from_arrays(cls, spec: DetectorSpec, arrays: Arrays) -> Self:
        """The detector of these `arrays()`; KeyError or ValueError if they are invalid."""
        fields = {name: arrays[name] for name in BOOSTING_FIELDS}
        return cls(spec, Boosting(**{**fields, "baseline": scalar("baseline", fields)}))  # type: ignore[arg-type]


def _rows_of(spec: DetectorSpec, kind: npt.NDArray[np.int8]) -> npt.NDArray[np.intp]:
    return np.flatnonzero(_is_scored(spec.kinds)[kind])


@cache
def _is_scored(kinds: tuple[str, ...]) -> npt.NDArray[np.bool_]:
    """Whether each kind is scored, by the kind's code."""
    return np.array([name in kinds for name in KINDS])


#: Restores a trained detector, by form.
FORMS: Mapping[str, Callable[[DetectorSpec, Arrays], Detector]] = {
    "isolation_forest": ForestDetector.from_arrays,
    "joint_tail": JointTailDetector.from_arrays,
    "boosting": BoostingDetector.from_arrays,
}
#: Forms whose scores are comparable across kinds of event: one tail or one sum for all of them.
ONE_SCALE = ("joint_tail", "boosting")


def hash_of(specs: tuple[DetectorSpec, ...]) -> str:
    """Sixteen hex digits of all that affects scores and alarms; wording does not."""
    decisive = [(spec.name, spec.form, spec.share, spec.kinds, spec.features) for spec in specs]
    return hashlib.sha256(repr(decisive).encode()).hexdigest()[:16]
