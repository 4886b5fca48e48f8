"""Boosted trees that separate the first events of simulated attacks from normal events."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier

from detector.contract.vocabulary import KINDS
from detector.core.boosting import Boosting
from detector.core.detectors import DetectorSpec
from detector.core.stage import Feature
from models.binning import percentiles_at_once
from models.datasets import Dataset
from models.flatten import flatten_boosting
from models.inject import Cases

WEEK_S = 7 * 24 * 3600
#: Times that grow with the history, with the value at which they are cut. Beyond the range of the training weeks the
#: trees extrapolate by chance, and the next month would have more false alerts than the budget.
SATURATED = {
    "source_known_days": 7,
    "account_known_s": WEEK_S,
    "since_link_s": WEEK_S,
    "since_any_link_s": WEEK_S,
    "since_first_link_s": WEEK_S,
}
RATE, LEAVES, LEAST = 0.06, 31, 20  # learning rate, leaves a tree, events a leaf
#: Against leaves of a few events: an honest newcomer's link looks like a thief's, and trees that can isolate single
#: events overfit to them.
L2 = 50.0
#: Attack events that few trees, learnt from other cases, rank below one in fifty of the normal events weigh a tenth:
#: nothing tells them from honest people, and trees that have to try lose what they know of the others.
HOPELESS, UNUSUAL, FEW, FEW_EVERY = 0.1, 0.98, 40, 4
POSITIVES = 2000.0  # weight of all attack events, shared equally by typologies; a normal event weighs 1


@dataclass(frozen=True, slots=True)
class Turns:
    """Number of trees, and the most normal events to train on."""

    count: int
    max_events: int
    seed: int


def fit_boosting(
    spec: DetectorSpec, data: Dataset, cases: Cases, features: tuple[Feature, ...], turns: Turns
) -> Boosting:
    """Trees that separate the early events of `cases` from those of `data`, on the same days.

    They see the kinds and the features of `spec`, all features if it names none.
    """
    codes = [KINDS.index(kind) for kind in spec.kinds]
    seen = {name for name, _ in spec.features} or {feature.name for feature in features}
    normal = np.flatnonzero(np.isin(data.kind, codes))
    random = np.random.default_rng([turns.seed, len(KINDS)])
    if len(normal) > turns.max_events:
        normal = np.sort(random.choice(normal, turns.max_events, replace=False))
    attack = np.flatnonzero(np.isin(cases.kind, codes) & cases.early)
    X = np.concatenate([data.X[normal], cases.X[attack]])
    saturate(X, features)
    # A feature that varies among attacks only would be an artefact of the simulator.
    varies = [feature.name in seen and _varies(x) for feature, x in zip(features, X[: len(normal)].T, strict=True)]
    columns = np.flatnonzero(varies)
    X, is_attack = X[:, columns], np.arange(len(X)) >= len(normal)
    state = int(random.integers(2**31))
    weight = np.concatenate([np.ones(len(normal)), _weights(cases.typology[attack])])
    with percentiles_at_once():
        weight[is_attack] *= np.where(_hopeless(X, is_attack, weight, cases.case[attack], state), HOPELESS, 1.0)
        return flatten_boosting(_booster(turns.count, state).fit(X, is_attack, weight), columns)


def _hopeless(
    X: npt.NDArray[np.float32],
    is_attack: npt.NDArray[np.bool_],
    weight: npt.NDArray[np.float64],
    case: npt.NDArray[np.int64],
    state: int,
) -> npt.NDArray[np.bool_]:
    """Which attack events look like honest ones to a few trees that learnt from other cases, bool (n_attacks,)."""
    normal, attack = np.flatnonzero(~is_attack)[::FEW_EVERY], np.flatnonzero(is_attack)
    hopeless = np.zeros(len(attack), np.bool_)
    for half in (0, 1):
        judged = case % 2 == half
        if judged.all() or not judged.any():
            continue
        learnt = np.concatenate([normal[half::2], attack[~judged]])
        trees = _booster(FEW, state).fit(X[learnt], is_attack[learnt], weight[learnt])
        usual = np.quantile(trees.decision_function(X[normal[1 - half :: 2]]), UNUSUAL)
        hopeless[judged] = trees.decision_function(X[attack[judged]]) <= usual
    return hopeless


def _booster(turns: int, state: int) -> HistGradientBoostingClassifier:
    return HistGradientBoostingClassifier(
        max_iter=turns,
        learning_rate=RATE,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=LEAST,
        l2_regularization=L2,
        early_stopping=False,
        random_state=state,
    )


def saturate(X: npt.NDArray[np.float32], features: tuple[Feature, ...]) -> None:
    """Cut `X` (n, F) in place at `SATURATED`. Trees that learn from it never split above: scoring needs no cut."""
    for index, feature in enumerate(features):
        if feature.name in SATURATED:
            np.minimum(X[:, index], np.float32(SATURATED[feature.name]), out=X[:, index])


def _weights(typology: npt.NDArray[np.int8]) -> npt.NDArray[np.float64]:
    """Weights of attack events: the same total for each typology."""
    found, index, events = np.unique(typology, return_inverse=True, return_counts=True)
    weights: npt.NDArray[np.float64] = POSITIVES / len(found) / events[index]
    return weights


def _varies(values: npt.NDArray[np.float32]) -> bool:
    """Whether a feature has at least two values: scikit-learn cannot bin one with none."""
    present = values[~np.isnan(values)]
    return bool(len(present)) and bool((present != present[0]).any())
