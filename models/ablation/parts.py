"""Parts of a trained model, without retraining: without a detector, with one alone, without a feature's values."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from detector.core.detectors import Detector
from detector.core.model import Model
from models.ablation.judging import Budgets, Log, Row, judged, with_detectors
from models.span import Span


def detectors(model: Model, span: Span, log: Log, budgets: Budgets) -> Iterator[Row]:
    """A row without each detector, and one with each alone."""
    if len(model.detectors) < 2:
        return
    for index, detector in enumerate(model.detectors):
        for name, left in (
            (f"without {detector.name}", without(model.detectors, index)),
            (f"{detector.name} alone", (_sharing(detector, 1.0),)),
        ):
            other = with_detectors(model, left, span)
            yield judged(name, detector.spec.meaning, other, log.scored_by(other), budgets)


def features(model: Model, span: Span, log: Log, budgets: Budgets, seed: int) -> Iterator[Row]:
    """A row for each feature that has a value, with its values permuted among events of a kind."""
    for column, name in enumerate(model.feature_names):
        if np.isnan(log.played.X[:, column]).all():
            continue
        rng = np.random.default_rng([seed, column])
        held_out = span.held_out._replace(X=exchanged(span.held_out.X, span.held_out.kind, column, rng))
        blind = with_detectors(model, model.detectors, span._replace(held_out=held_out))
        X = exchanged(log.played.X, log.played.kind, column, rng)
        yield judged(name, "", blind, log.scored_by(blind, X), budgets)


def without(trained: tuple[Detector, ...], index: int) -> tuple[Detector, ...]:
    """All but one; its share goes to the others of its form in proportion, or to all where there is none."""
    gone = trained[index].spec
    left = [detector for i, detector in enumerate(trained) if i != index]
    heirs = [detector.spec.share for detector in left if detector.spec.form == gone.form]
    whole = sum(heirs) or sum(detector.spec.share for detector in left)
    return tuple(
        _sharing(detector, detector.spec.share * (1 + gone.share / whole))
        if not heirs or detector.spec.form == gone.form
        else detector
        for detector in left
    )


def exchanged(
    X: npt.NDArray[np.float32], kind: npt.NDArray[np.int8], column: int, rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """`X` with the values of one column exchanged among the events of each kind."""
    mixed = X.copy()
    for code in np.unique(kind):
        which = np.flatnonzero(kind == code)
        mixed[which, column] = X[rng.permutation(which), column]
    return mixed


def _sharing(detector: Detector, share: float) -> Detector:
    return replace(detector, spec=replace(detector.spec, share=share))  # type: ignore[type-var]  # all are dataclasses
