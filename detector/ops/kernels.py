"""Compiles a worker's kernels before there is a model: in an image, whose workers then need no compiler at their start.

numba compiles for types: a model with one split in each detector has the types of a trained one.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from detector.artifact import Draft, pack, unpack
from detector.contract.vocabulary import KINDS
from detector.core.calibration import Calibration
from detector.core.chains import CHAINS
from detector.core.detector_table import chosen
from detector.core.detectors import FORMS, DetectorSpec
from detector.core.model import Model
from detector.core.stage import Chain, Feature
from detector.core.topology import topology_for
from detector.stream.warmup import warm_up

Arrays = dict[str, npt.NDArray[Any]]


def compile_kernels() -> None:
    """Compile what workers of every chain, with and without a controller, compile at their start."""
    for chain in CHAINS:
        model = smallest_model(chain)
        for own in (model, model.with_controller()):
            warm_up(topology_for(own), own)


def smallest_model(chain: Chain) -> Model:
    """A model with all detectors that this chain can have, of one split or one cell each; it judges nothing well."""
    specs = chosen(FORMS, chain.feature_names, KINDS)
    nothing_held_out = Calibration(
        np.empty(0), np.ones(len(KINDS)), np.ones(len(KINDS)), np.zeros(len(KINDS) + 1, np.int64)
    )
    draft = Draft(
        label="smallest",
        columns=chain,
        detectors=tuple(FORMS[spec.form](spec, _ARRAYS[spec.form](spec, chain.features)) for spec in specs),
        calibrations=(nothing_held_out,) * len(specs),
        usual=np.full((len(KINDS), len(chain.features)), np.nan, np.float32),
        budget=1.0,
        seed=0,
        libraries={},
        training={},
        calibration={},
    )
    return unpack(pack(draft), chain)


def _forest(spec: DetectorSpec, features: tuple[Feature, ...]) -> Arrays:
    arrays: Arrays = {}
    for kind in spec.kinds:
        column = next(i for i, feature in enumerate(features) if kind in feature.kinds)
        arrays |= {
            f"{kind}.columns": np.array([column]),
            f"{kind}.sign": np.array([features[column].risk], np.float32),
            f"{kind}.feature": np.zeros((1, 1), np.uint16),
            f"{kind}.threshold": np.zeros((1, 1), np.float32),
            f"{kind}.length": np.ones((1, 3)),
            f"{kind}.cover": np.array([[2, 1, 1]], np.uint32),
            f"{kind}.normalizer": np.array(1.0),
        }
    return arrays


def _joint_tail(spec: DetectorSpec, features: tuple[Feature, ...]) -> Arrays:
    index = {feature.name: i for i, feature in enumerate(features)}
    columns = np.array([index[name] for name, _ in spec.features])
    sign = np.array([features[column].risk for column in columns], np.float32)
    most = np.array([np.inf if cap is None else cap for _, cap in spec.features], np.float32)
    uncapped = np.isinf(most)
    return {
        "columns": columns,
        "sign": sign,
        "cap": np.where(uncapped, most, sign * most),
        "knots": np.empty(0, np.float32),
        "cells": np.zeros(len(columns), np.int32),
        "ranks": np.zeros(len(columns)),
        "starts": np.zeros(len(columns) + 1, np.int64),
        "table": np.zeros(1),
        "scale": np.array(1.0),
        "least": np.array(0.0),
    }


def _boosting(spec: DetectorSpec, features: tuple[Feature, ...]) -> Arrays:
    column = next(i for i, feature in enumerate(features) if not set(feature.kinds).isdisjoint(spec.kinds))
    return {
        "columns": np.array([column]),
        "feature": np.array([[0, -1, -1]], np.int16),
        "threshold": np.zeros((1, 3), np.float32),
        "missing_left": np.ones((1, 3), np.bool_),
        "left": np.array([[1, 0, 0]], np.int16),
        "right": np.array([[2, 0, 0]], np.int16),
        "value": np.zeros((1, 3)),
        "cover": np.array([[2, 1, 1]], np.uint32),
        "baseline": np.array(0.0),
    }


_ARRAYS: dict[str, Callable[[DetectorSpec, tuple[Feature, ...]], Arrays]] = {
    "isolation_forest": _forest,
    "joint_tail": _joint_tail,
    "boosting": _boosting,
}
