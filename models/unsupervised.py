"""Detectors that need no attacks, fitted on normal events alone."""

from detector.contract.vocabulary import KINDS
from detector.core.detectors import Detector, DetectorSpec, ForestDetector, JointTailDetector
from detector.core.stage import Columns
from models.datasets import Dataset
from models.forests import Sizes, fit_forest
from models.joint_tails import fit_joint_tail


def fit_unsupervised(spec: DetectorSpec, data: Dataset, columns: Columns, sizes: Sizes, seed: int) -> Detector:
    """The isolation forests or the joint tail of `spec`, learnt from `data`; each of its kinds must have events."""
    if spec.form == "joint_tail":
        return JointTailDetector(spec, fit_joint_tail(spec, data, columns))
    forests = {KINDS.index(kind): fit_forest(kind, data, columns.features, sizes, seed) for kind in spec.kinds}
    return ForestDetector(spec, forests)
