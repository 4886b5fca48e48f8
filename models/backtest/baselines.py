"""Baselines: a plain isolation forest, and the sum of all features' tail surprises.

Both learn from the same kind of unlabelled normal days as the model, a part for each event kind, and are calibrated on
other days as its detectors are, so that kinds compare.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import IsolationForest

from detector.contract.vocabulary import KINDS
from detector.core.calibration import fit_calibration
from detector.core.stage import Columns
from detector.core.surprise import fit_surprise
from detector.errors import UserError
from models.backtest.played import Played
from models.backtest.scorers import Scorer, ranked
from models.datasets import SCORED_KINDS, Dataset
from models.flatten import flatten
from models.span import MIN_DAYS, held_out_of

#: Of the paper (Liu, Ting & Zhou, Isolation Forest, 2008, section 5), and of scikit-learn.
TREES, MAX_SAMPLES = 100, 256
#: Scores float64 (n,), higher = more anomalous, of features float32 (n, F of one kind).
Score = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float64]]
#: Makes a `Score` of training features of one kind and their directions of risk.
Fit = Callable[[npt.NDArray[np.float32], npt.NDArray[np.float32], int], Score]


@dataclass(frozen=True, slots=True)
class Baseline:
    """A row of the table: what it is called, what it does, how it is fitted."""

    name: str
    meaning: str
    fit: Fit


def _plain_forest(X: npt.NDArray[np.float32], sign: npt.NDArray[np.float32], seed: int) -> Score:
    """The textbook's forest: logarithms of the features, medians for missing values, no direction of risk."""
    del sign
    logs = _logs(X)
    present = ~np.isnan(logs).all(axis=0)
    medians = np.zeros(X.shape[1], np.float32)
    medians[present] = np.nanmedian(logs[:, present], axis=0)

    def filled(logarithms: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        return np.where(np.isnan(logarithms), medians, logarithms)

    forest = IsolationForest(n_estimators=TREES, max_samples=min(MAX_SAMPLES, len(X)), random_state=seed).fit(
        filled(logs)
    )
    flat = flatten(forest)
    return lambda values: flat.score_many(filled(_logs(values)))


def _tail_sum(X: npt.NDArray[np.float32], sign: npt.NDArray[np.float32], seed: int) -> Score:
    """The sum of all features' tail surprises: as if they were independent."""
    del seed
    surprise = fit_surprise(X, sign)
    return lambda values: surprise.surprise_many(values).sum(axis=1, dtype=np.float64)


BASELINES = (
    Baseline("plain_forest", "isolation forest on logarithms of the features", _plain_forest),
    Baseline("tail_sum", "sum of the tail surprises of all features", _tail_sum),
)


def baselines(train: Dataset, played: Played, columns: Columns, seed: int) -> list[Scorer]:
    """All baselines, fitted on two days of three of `train` and calibrated on the third.

    Raises UserError where it is too short for that.
    """
    days = np.unique(train.day)
    if len(days) < MIN_DAYS:
        raise UserError(f"--train has {len(days)} days with links or debits: give at least {MIN_DAYS}")
    later = np.isin(train.day, held_out_of(days))
    fitting, held_out = train.select(~later), train.select(later)
    found = []
    for baseline in BASELINES:
        scores, normal = np.full(played.size, np.nan), np.full(len(held_out.kind), np.nan)
        for code in SCORED_KINDS:
            if not (train.kind == code).any() and not (played.kind == code).any():
                continue  # own data may have links alone, or debits alone
            indices = np.array([j for j, f in enumerate(columns.features) if KINDS[code] in f.kinds], np.int64)
            sign = np.array([columns.features[j].risk for j in indices], np.float32)
            learnt = fitting.X[fitting.kind == code][:, indices]
            if len(learnt) < 2:
                raise UserError(f"--train has {len(learnt)} {KINDS[code]} events to learn from: give a longer one")
            score = baseline.fit(learnt, sign, seed)
            scores[played.kind == code] = score(played.X[played.kind == code][:, indices])
            normal[held_out.kind == code] = score(held_out.X[held_out.kind == code][:, indices])
        calibration = fit_calibration(
            normal, held_out.kind, held_out.account, held_out.day, len(np.unique(held_out.day))
        )
        alarm = ranked(calibration.judge(scores, played.kind)[1], scores)
        found.append(Scorer(baseline.name, alarm, None, baseline.meaning))
    return found


def _logs(X: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return (np.sign(X) * np.log1p(np.abs(X))).astype(np.float32)
