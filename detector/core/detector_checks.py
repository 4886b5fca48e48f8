"""Checks of trained detectors against the features they read, before a kernel sees them.

Each raises ValueError, which says what was got and what was expected.
"""

import math
import re

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import KINDS
from detector.core.boosting import Boosting
from detector.core.detectors import FORMS, BoostingDetector, Detector, DetectorSpec, ForestDetector, JointTailDetector
from detector.core.joint_tail import JointTail
from detector.core.stage import Feature

_NAME = re.compile(r"[a-z][a-z0-9_]*")  # also a label of metrics and the beginning of arrays' names
MOST_DETECTORS = np.iinfo(np.int8).max  # a judgement holds the index of one in an int8

Features = tuple[Feature, ...]


def check_specs(specs: tuple[DetectorSpec, ...], features: Features) -> None:
    """The rows of a manifest: known forms, kinds and features, names that differ."""
    names = [spec.name for spec in specs]
    if not 0 < len(specs) <= MOST_DETECTORS or len(set(names)) < len(names):
        raise ValueError(f"detectors {names}: 1 to {MOST_DETECTORS} with different names are expected")
    scored = {kind for feature in features for kind in feature.kinds}
    known = {name for feature in features for name in (feature.name, feature.known_as)}
    for spec in specs:
        if not _NAME.fullmatch(spec.name):
            raise ValueError(f"detector {spec.name!r}: a name has small letters, digits and underscores")
        if spec.form not in FORMS:
            raise ValueError(f"detector {spec.name}: form {spec.form!r}, expected one of {', '.join(FORMS)}")
        if not 0 < spec.share <= 1:
            raise ValueError(f"detector {spec.name}: a share of {spec.share}, expected one above 0, at most 1")
        if not spec.kinds or len(set(spec.kinds)) < len(spec.kinds) or not scored.issuperset(spec.kinds):
            raise ValueError(f"detector {spec.name}: kinds {spec.kinds}, expected some of {sorted(scored)}, each once")
        if not known.issuperset(name for name, _ in spec.features):
            raise ValueError(f"detector {spec.name}: features {dict(spec.features)}, not all of which are computed")


def check_detector(detector: Detector, features: Features) -> None:
    """Columns that exist, are defined for the kinds that it scores, and have the direction of risk that they have."""
    match detector:
        case ForestDetector(forests=forests):
            for code, forest in forests.items():
                _check_columns(forest.columns, (KINDS[code],), features)
                _check_signs(forest.columns, forest.sign, features)
        case JointTailDetector(tail=tail):
            _check_tail(tail, detector.spec, features)
        case BoostingDetector(trees=trees):
            _check_trees(trees, detector.spec, features)


def _check_tail(tail: JointTail, spec: DetectorSpec, features: Features) -> None:
    _check_columns(tail.columns, spec.kinds, features)
    _check_signs(tail.columns, tail.sign, features)
    names = [name for name, _ in spec.features]
    of_columns = [(features[column].name, features[column].known_as) for column in tail.columns]
    if len(names) != len(of_columns) or any(name not in own for name, own in zip(names, of_columns, strict=True)):
        raise ValueError(f"columns: {tail.columns.tolist()} are not the features {names}")
    caps = [math.inf if most is None else risk * most for risk, (_, most) in zip(tail.sign, spec.features, strict=True)]
    if not np.array_equal(np.array(caps, np.float32), tail.cap):
        raise ValueError(f"cap: {tail.cap.tolist()}, expected {caps}")


def _check_trees(trees: Boosting, spec: DetectorSpec, features: Features) -> None:
    _check_columns(trees.columns, spec.kinds, features)
    names = dict(spec.features).keys()
    if names and any({features[column].name, features[column].known_as}.isdisjoint(names) for column in trees.columns):
        raise ValueError(f"columns: {trees.columns.tolist()} are not among the features {dict(spec.features)}")


def _check_columns(columns: npt.NDArray[np.int64], kinds: tuple[str, ...], features: Features) -> None:
    if columns.max() >= len(features):
        raise ValueError(f"columns: {columns.tolist()} of {len(features)} features")
    for column in columns:
        if not set(features[column].kinds).intersection(kinds):
            raise ValueError(f"columns: feature {features[column].name} is undefined for {' and '.join(kinds)}")


def _check_signs(columns: npt.NDArray[np.int64], sign: npt.NDArray[np.float32], features: Features) -> None:
    risks = [features[column].risk for column in columns]
    if risks != sign.tolist():
        raise ValueError(f"sign: {sign.tolist()}, expected {risks}")
