"""False alerts and catches on the held-out days: of all detectors, of each alone, and on typologies not trained on."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import KINDS
from detector.core import calibration
from detector.core.calibration import Calibration, fit_calibration, fit_together
from detector.core.detectors import ONE_SCALE, Detector, DetectorSpec
from detector.jst import date_of
from models.catches import catches
from models.datasets import SCORED_KINDS, Dataset
from models.inject import Cases
from models.span import Span


def calibrate(detectors: tuple[Detector, ...], span: Span) -> tuple[Calibration, ...]:
    """Calibrations of the detectors, one by one and then together."""
    of = span.held_out
    scores = _scores(detectors, of)
    single = [
        fit_calibration(own, of.kind, of.account, of.day, span.held_out_days, one_scale=detector.spec.form in ONE_SCALE)
        for detector, own in zip(detectors, scores.T, strict=True)
    ]
    whole = sum(detector.spec.share for detector in detectors)  # 1, but for the rounding of `chosen`
    shares = [detector.spec.share / whole for detector in detectors]
    return fit_together(single, shares, scores, of.kind, of.account, of.day, span.held_out_days)


def alarm_of(
    detectors: tuple[Detector, ...], calibrations: tuple[Calibration, ...], of: Dataset | Cases
) -> npt.NDArray[np.float64]:
    """False alarms a day of each event, by the detectors given."""
    shares = [detector.spec.share for detector in detectors]
    return calibration.alarm_of(calibrations, shares, _scores(detectors, of), of.kind)


def _scores(detectors: tuple[Detector, ...], of: Dataset | Cases) -> npt.NDArray[np.float64]:
    return np.stack([detector.score_many(of.X, of.kind) for detector in detectors], axis=1)


class Alarms(NamedTuple):
    """False alarms a day of each event of the held-out days, and of the held-out cases; float64 (n,)."""

    held_out: npt.NDArray[np.float64]
    cases: npt.NDArray[np.float64] | None


def alarms_of(detectors: tuple[Detector, ...], calibrations: tuple[Calibration, ...], span: Span) -> Alarms:
    """The alarms of the detectors on the held-out days."""
    cases = span.held_out_cases
    return Alarms(
        alarm_of(detectors, calibrations, span.held_out),
        None if cases is None else alarm_of(detectors, calibrations, cases),
    )


def outcome_at(alarms: Alarms, span: Span, budget: float) -> dict[str, Any]:
    """False alert groups and catches at this budget on the held-out days."""
    groups = len(days_of_groups(span.held_out, alarms.held_out <= budget))
    cost = {"groups_per_day": groups / span.held_out_days}
    if span.held_out_cases is None or alarms.cases is None:
        return cost
    return {**cost, **catches(span.held_out_cases, alarms.cases <= budget)}


def outcome_of(
    detectors: tuple[Detector, ...], calibrations: tuple[Calibration, ...], span: Span, budget: float
) -> dict[str, Any]:
    """False alert groups and catches of the detectors on the held-out days."""
    return outcome_at(alarms_of(detectors, calibrations, span), span, budget)


def days_of_groups(of: Dataset, alert: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """The day of each alert group, an account's alerts of a day, ascending, int64 (g,)."""
    groups = np.unique(np.stack([of.day[alert].astype(np.uint64), of.account[alert]]), axis=1)[0]
    day: npt.NDArray[np.int64] = groups.astype(np.int64)
    return day


def groups_by_day(
    detectors: tuple[Detector, ...], calibrations: tuple[Calibration, ...], of: Dataset, budget: float
) -> dict[str, int]:
    """False alert groups at this budget on each day of `of`, learnt from or not, by date."""
    groups = days_of_groups(of, alarm_of(detectors, calibrations, of) <= budget)
    return {date_of(int(day)).isoformat(): int((groups == day).sum()) for day in np.unique(of.day)}


def alone(
    index: int, detectors: tuple[Detector, ...], calibrations: tuple[Calibration, ...], span: Span, budget: float
) -> dict[str, Any]:
    """False alert groups and catches of one detector at its share of the budget, on the held-out days."""
    own, its, of = detectors[index], calibrations[index], span.held_out
    scores = own.score_many(of.X, of.kind)
    alert = alarm_of((own,), (its,), of) <= budget
    thresholds = {KINDS[code]: float(scores[alert & (of.kind == code)].min(initial=np.inf)) for code in SCORED_KINDS}
    outcome = outcome_of((own,), (its,), span, budget)
    return {
        "limit_per_day": budget * own.spec.share,
        "held_out_groups_per_day": outcome.pop("groups_per_day"),
        "thresholds": {kind: score for kind, score in thresholds.items() if np.isfinite(score)},
        "catches": outcome,
    }


def leave_one_out(
    detectors: tuple[Detector, ...], span: Span, fit: Callable[[DetectorSpec, Span], Detector], budget: float
) -> dict[str, dict[str, Any]]:
    """Catches of each typology by a model trained without it; `fit` trains on a span."""
    if span.cases is None or span.held_out_cases is None:
        return {}
    found = {}
    for code in np.unique(span.held_out_cases.typology).tolist():
        others = span._replace(cases=span.cases.select(span.cases.typology != code))
        unseen = tuple(
            fit(detector.spec, others) if detector.spec.form == "boosting" else detector for detector in detectors
        )
        own = others._replace(held_out_cases=span.held_out_cases.select(span.held_out_cases.typology == code))
        outcome = outcome_of(unseen, calibrate(unseen, span), own, budget)
        name = span.cases.names[code]
        found[name] = outcome["typologies"][name]
    return found
