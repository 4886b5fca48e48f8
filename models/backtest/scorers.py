"""The scorers compared: the whole model, its detectors alone, and single features; each as alarms by event."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.core.calibration import alarm_of
from detector.core.model import Model
from models.backtest.groups import Grouping
from models.backtest.played import Played

KOZAMORI = "kozamori"
#: Scorers made of some of the model's detectors, by these detectors' form.
PARTS = {
    "attack_trained": "boosting",
    "joint_tails": "joint_tail",
    "oriented_forest": "isolation_forest",
}
BEST_SINGLE = "best_single"
#: All that a report shows, in its order.
NAMES = (KOZAMORI, *PARTS, "plain_forest", "tail_sum", BEST_SINGLE)


class Scorer(NamedTuple):
    """`alarm` float64 (n,): lower is worse, infinite where it never alerts. `limit`: alerts where `alarm <= limit`,
    for all events or float64 (n,) for each; None where the limit is to be set in hindsight. `meaning` for people.
    """

    name: str
    alarm: npt.NDArray[np.float64]
    limit: float | npt.NDArray[np.float64] | None
    meaning: str


def of_model(model: Model, played: Played, budget: float) -> tuple[list[Scorer], list[str]]:
    """The model as the worker runs it at that budget, each part of it alone, and a note for each part it lacks.

    `budget` is that of all banks; those with one of their own keep it. The model's limit was set on training days. Of a
    part alone only the order of its alarms counts, as its limit is set in hindsight: it may spend the whole budget. A
    part of one detector is ordered by score among events beyond all of the training days, as baselines are.
    """
    forms = [detector.spec.form for detector in model.detectors]

    def alarm(indices: list[int]) -> npt.NDArray[np.float64]:
        calibrations = [model.calibrations[index] for index in indices]
        shares = [model.detectors[index].spec.share for index in indices]
        return alarm_of(calibrations, shares, played.scores[:, indices], played.kind)

    # A controller's decisions depend on all earlier events, so they are taken as played.
    limit = np.where(played.alert, np.inf, -np.inf) if model.controlled else model.banks.limits(budget)[played.bank]
    whole = alarm(list(range(len(forms))))
    scorers = [Scorer(KOZAMORI, whole, limit, "all detectors, limit set on training days")]
    notes = []
    for name, form in PARTS.items():
        if indices := [index for index, one in enumerate(forms) if one == form]:
            names = ", ".join(model.detectors[index].name for index in indices)
            found = alarm(indices)
            found = ranked(found, played.scores[:, indices[0]]) if len(indices) == 1 else found
            scorers.append(Scorer(name, found, None, f"alone: {names}"))
        else:
            notes.append(f"{name} is left out: the model has no such detector")
    return scorers, notes


def ranked(rates: npt.NDArray[np.float64], scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Ranks by rate and, among those beyond all held-out events, by score; infinite where there is no score."""
    scored = np.flatnonzero(~np.isnan(scores))
    rate, score = rates[scored], scores[scored]
    order = np.lexsort((-score, rate))
    new = (np.diff(rate[order], prepend=-1.0) != 0) | (np.diff(score[order], prepend=np.inf) != 0)
    ranks = np.full(len(scores), np.inf)
    ranks[scored[order]] = np.cumsum(new)
    return ranks


def single_features(model: Model, played: Played, signs: npt.NDArray[np.float32]) -> list[Scorer]:
    """Each feature as a scorer: the riskier its value, the worse; `signs` float32 (F,) are its directions of risk."""
    scored = played.scored
    return [
        Scorer(name, np.where(scored & ~np.isnan(x), -sign * x.astype(np.float64), np.inf), None, name)
        for name, sign, x in zip(model.feature_names, signs, played.X.T, strict=True)
    ]


def loosest(alarm: npt.NDArray[np.float64], false_groups: Callable[[npt.NDArray[np.int64]], int], most: float) -> float:
    """The greatest limit at which `alarm <= limit` makes at most `most` false groups; −inf where any makes more.

    `false_groups` counts those of alerts on rows. The binary search assumes that it grows with the limit, which holds
    almost always (one more alert can join two groups, or make a false one true); the result is within `most` anyway.
    """
    limits = np.unique(alarm[np.isfinite(alarm)])

    def fits(index: int) -> bool:
        return false_groups(np.flatnonzero(alarm <= limits[index])) <= most

    good, step = -1, 1
    while good + step < len(limits) and fits(good + step):
        good, step = good + step, 2 * step
    bad = min(good + step, len(limits))
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if fits(middle) else (good, middle)
    return float(limits[good]) if good >= 0 else -np.inf


def alerts_at(scorer: Scorer, grouping: Grouping, most: float) -> npt.NDArray[np.bool_]:
    """Where a scorer alerts, bool (n,): at its own limit, else at the loosest with `most` false groups."""
    limit = loosest(scorer.alarm, grouping.false_groups, most) if scorer.limit is None else scorer.limit
    alert: npt.NDArray[np.bool_] = scorer.alarm <= limit
    return alert & np.isfinite(scorer.alarm)
