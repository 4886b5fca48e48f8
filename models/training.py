"""From a data set to a model: fit on two days of three, calibrate on the third."""

import datetime as dt
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detector.artifact import Draft
from detector.contract.vocabulary import KINDS
from detector.core.budgets import BankBudgets
from detector.core.calibration import Calibration, fit_calibration, fit_together
from detector.core.detector_table import chosen
from detector.core.detectors import (
    FORMS,
    ONE_SCALE,
    BoostingDetector,
    Detector,
    DetectorSpec,
    ForestDetector,
    JointTailDetector,
)
from detector.core.stage import Columns
from detector.core.surprise import fit_surprise
from detector.core.watch_list import WatchList
from detector.errors import UserError
from models.bank_shares import bank_shares
from models.boosting import Turns, fit_boosting
from models.catches import catches
from models.datasets import DOUBTFUL, FRAUD, NORMAL, SCORED_KINDS, Dataset
from models.forests import Sizes, fit_forest
from models.inject import Cases
from models.joint_tails import fit_joint_tail
from models.watch import fit_watch

MIN_DAYS = 3  # two to learn from, one to calibrate on
#: Rates are counted on days that the detectors have not seen: every so many-th. Spread over the history, so that the
#: turn of the month, pay-day and campaigns count as often as they come (measured: false groups a day on the month after
#: the history .85 to 1.0 of the budget; 1.3 to 1.5 with the last third of the days).
HELD_OUT_EVERY = 3
LIBRARIES = ("numpy", "numba", "scikit-learn")


@dataclass(frozen=True, slots=True)
class Plan:
    """How to train: `budget` in false alert groups a day over all banks; `max_samples` events a tree."""

    budget: float = 20.0
    seed: int = 1
    max_samples: int = 256
    trees: int = 100
    #: Events a kind that scikit-learn chooses each tree's sample from; surprises and medians are of all events. Boosted
    #: trees learn from so many normal events in all.
    max_events: int = 500_000
    #: Kinds of event that the model scores; own data may have links alone, or debits alone.
    kinds: tuple[str, ...] = tuple(KINDS[code] for code in SCORED_KINDS)
    #: Forms of detectors to train where that is possible: boosted trees need cases.
    forms: tuple[str, ...] = tuple(FORMS)
    #: Boosted trees, one a turn.
    turns: int = 200
    #: For each typology, also learn from the others alone and see what is caught of it.
    leave_one_out: bool = False
    #: Of banks that set their own, false alert groups a day by four-digit code.
    bank_budgets: Mapping[str, float] = field(default_factory=dict)
    #: Of the budget, for the watch-list; 0: no link is watched. By measurement it is not needed (README).
    watch_share: float = 0.0


class Span(NamedTuple):
    """What is learnt from: normal events of two days of three, and cases; what is judged by: the others."""

    fitting: Dataset
    held_out: Dataset
    held_out_days: int
    cases: Cases | None
    held_out_cases: Cases | None


def train(data: Dataset, columns: Columns, plan: Plan, data_sha256: str, cases: Cases | None = None) -> Draft:
    """The model of normal life in `data`; `data_sha256` names the file it came from.

    `cases`: simulated attacks on the same days; without them nothing is trained that learns from attacks. Raises
    UserError for fewer than three days, a kind of event that is missing from the days to learn from or
    those held out, or a budget so
    small that the held-out days cannot measure it.
    """
    given, data = data, data.select(data.life != FRAUD)
    days = np.unique(data.day)
    check_days(days)
    held_out = held_out_of(days)
    span = _split(data, cases, held_out)
    _check_kinds(span.fitting, span.held_out, plan)
    specs = tuple(replace(spec, share=spec.share * (1 - plan.watch_share)) for spec in _specs(span, columns, plan))
    _check_budget(plan.budget, span.held_out_days, len(days), specs)
    detectors = tuple(_fit(spec, span, columns, plan) for spec in specs)
    calibrations = calibrate(detectors, span)
    banks = _banks(detectors, calibrations, span, plan)
    watch = _watch(detectors, calibrations, span, plan)
    return Draft(
        label=_date(days[-1]),
        columns=columns,
        detectors=detectors,
        calibrations=calibrations,
        usual=_medians(span.fitting, len(columns.features)),
        budget=plan.budget,
        seed=plan.seed,
        libraries={"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
        training={
            "data_sha256": data_sha256,
            "events": len(data.kind),
            "fraud_left_out": len(given.kind) - len(data.kind),
            "not_learnt_from": int((data.life == DOUBTFUL).sum()),
            "days": len(days),
            "first_day": _date(days[0]),
            "last_day": _date(days[-1]),
            "held_out_days": span.held_out_days,
            "fitted_events": _per_kind(span.fitting),
            "held_out_events": _per_kind(span.held_out),
            "fitted_cases": 0 if span.cases is None else len(np.unique(span.cases.case)),
            "trees": plan.trees,
            "max_samples": plan.max_samples,
            "max_events": plan.max_events,
            "held_out": _outcome(detectors, calibrations, span, plan.budget),
            "watch_list": _watched(watch, plan.budget),
            "leave_one_out": _leave_one_out(detectors, span, columns, plan) if plan.leave_one_out else {},
        },
        calibration={
            detector.name: _alone(place, detectors, calibrations, span, plan.budget)
            for place, detector in enumerate(detectors)
        },
        banks=banks,
        watch=watch,
    )


def check_days(days: npt.NDArray[np.int64]) -> None:
    """Raise UserError for fewer days than three."""
    if len(days) < MIN_DAYS:
        raise UserError(f"{len(days)} days with links or debits: give a history of at least {MIN_DAYS} days (JST)")


def held_out_of(days: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The days that are held out, of `days`, ascending."""
    return days[HELD_OUT_EVERY - 1 :: HELD_OUT_EVERY]


def calibrate(detectors: tuple[Detector, ...], span: Span) -> tuple[Calibration, ...]:
    """What the detectors' scores cost, one by one and then together."""
    of = span.held_out
    scores = np.stack([detector.score_many(of.X, of.kind) for detector in detectors], axis=1)
    alone = [
        fit_calibration(own, of.kind, of.account, of.day, span.held_out_days, one_scale=detector.spec.form in ONE_SCALE)
        for detector, own in zip(detectors, scores.T, strict=True)
    ]
    whole = sum(detector.spec.share for detector in detectors)  # the watch-list may have a part
    shares = [detector.spec.share / whole for detector in detectors]
    return fit_together(alone, shares, scores, of.kind, of.account, of.day, span.held_out_days)


def _split(data: Dataset, cases: Cases | None, held_out: npt.NDArray[np.int64]) -> Span:
    later = np.isin(data.day, held_out)
    return Span(
        fitting=data.select(~later & (data.life == NORMAL)),
        held_out=data.select(later),
        held_out_days=len(held_out),
        cases=None if cases is None else cases.select(~cases.held_out),
        held_out_cases=None if cases is None else cases.select(cases.held_out),
    )


def _specs(span: Span, columns: Columns, plan: Plan) -> tuple[DetectorSpec, ...]:
    """What can be trained: boosted trees need cases, a joint tail all of its features."""
    forms = set(plan.forms)
    if span.cases is None or not span.cases.early.any():
        forms.discard("boosting")
    present = {name for name, x in zip(columns.feature_names, span.fitting.X.T, strict=True) if not np.isnan(x).all()}
    specs = chosen(forms, present, plan.kinds)
    if not specs:
        raise UserError(f"{', '.join(plan.forms)}: cannot be trained on this history: choose other --detectors")
    return specs


def _fit(spec: DetectorSpec, span: Span, columns: Columns, plan: Plan) -> Detector:
    if spec.form == "isolation_forest":
        sizes = Sizes(plan.trees, plan.max_samples, plan.max_events)
        forests = {
            KINDS.index(kind): fit_forest(kind, span.fitting, columns.features, sizes, plan.seed) for kind in spec.kinds
        }
        return ForestDetector(spec, forests)
    if spec.form == "boosting":
        assert span.cases is not None
        turns = Turns(plan.turns, plan.max_events, plan.seed)
        return BoostingDetector(spec, fit_boosting(span.fitting, span.cases, columns.features, spec.kinds, turns))
    return JointTailDetector(spec, fit_joint_tail(spec, span.fitting, columns))


def _alarm(
    detectors: tuple[Detector, ...], calibrations: tuple[Calibration, ...], of: Dataset | Cases
) -> npt.NDArray[np.float64]:
    """False alarms a day of each event, by the detectors given."""
    alarms = [
        calibration.judge(detector.score_many(of.X, of.kind), of.kind)[1] / detector.spec.share
        for detector, calibration in zip(detectors, calibrations, strict=True)
    ]
    least: npt.NDArray[np.float64] = np.min(alarms, axis=0)
    return least


def _banks(
    detectors: tuple[Detector, ...], calibrations: tuple[Calibration, ...], span: Span, plan: Plan
) -> BankBudgets:
    """The banks' shares on the held-out days; UserError where a bank's own budget cannot be kept by them."""
    shares = bank_shares(_alarm(detectors, calibrations, span.held_out), span.held_out, plan.budget)
    try:
        banks = BankBudgets(shares, plan.bank_budgets)
    except ValueError as error:
        raise UserError(f"{error}: leave out --bank-budget for it, or give a longer history") from None
    finest = _finest(span.held_out_days, tuple(detector.spec for detector in detectors))
    for bank, own in banks.own.items():
        if own < finest * shares[bank]:
            raise UserError(
                f"a budget of {own:g} a day for bank {bank} cannot be measured on {span.held_out_days} held-out days:"
                f" raise its --bank-budget to at least {finest * shares[bank]:.3g} or give a longer history"
            )
    return banks


def _watch(
    detectors: tuple[Detector, ...], calibrations: tuple[Calibration, ...], span: Span, plan: Plan
) -> WatchList | None:
    if plan.watch_share == 0:
        return None
    alarm = _alarm(detectors, calibrations, span.held_out)
    return fit_watch(span.held_out, alarm, span.held_out_days, share=plan.watch_share, budget=plan.budget)


def _watched(watch: WatchList | None, budget: float) -> dict[str, float]:
    """What watching costs on the held-out days: groups a day; the alarm up to which links are watched."""
    if watch is None:
        return {}
    watched = watch.alarms[watch.alarm_of(watch.alarms) <= budget]
    return {"groups_per_day": len(watched) / watch.days, "link_alarm": float(watched.max(initial=budget))}


def _outcome(
    detectors: tuple[Detector, ...], calibrations: tuple[Calibration, ...], span: Span, budget: float
) -> dict[str, Any]:
    """What the detectors cost and catch on the held-out days."""
    of = span.held_out
    alert = _alarm(detectors, calibrations, of) <= budget
    groups = np.unique(np.stack([of.account[alert], of.day[alert].astype(np.uint64)]), axis=1).shape[1]
    cost = {"groups_per_day": groups / span.held_out_days}
    if span.held_out_cases is None:
        return cost
    caught = _alarm(detectors, calibrations, span.held_out_cases) <= budget
    return {**cost, **catches(span.held_out_cases, caught)}


def _alone(
    place: int, detectors: tuple[Detector, ...], calibrations: tuple[Calibration, ...], span: Span, budget: float
) -> dict[str, Any]:
    """What one detector's part of the budget comes to on the held-out days, and what it catches there."""
    own, calibration, of = detectors[place], calibrations[place], span.held_out
    scores = own.score_many(of.X, of.kind)
    alert = calibration.judge(scores, of.kind)[1] / own.spec.share <= budget
    thresholds = {KINDS[code]: float(scores[alert & (of.kind == code)].min(initial=np.inf)) for code in SCORED_KINDS}
    outcome = _outcome((own,), (calibration,), span, budget)
    return {
        "limit_per_day": budget * own.spec.share,
        "held_out_groups_per_day": outcome.pop("groups_per_day"),
        "thresholds": {kind: score for kind, score in thresholds.items() if np.isfinite(score)},
        "catches": outcome,
    }


def _leave_one_out(
    detectors: tuple[Detector, ...], span: Span, columns: Columns, plan: Plan
) -> dict[str, dict[str, Any]]:
    """For each typology, what the model catches of it when nothing has learnt from it."""
    if span.cases is None or span.held_out_cases is None:
        return {}
    found = {}
    for code in np.unique(span.held_out_cases.typology).tolist():
        others = span._replace(cases=span.cases.select(span.cases.typology != code))
        unseen = tuple(
            _fit(detector.spec, others, columns, plan) if detector.spec.form == "boosting" else detector
            for detector in detectors
        )
        own = others._replace(held_out_cases=span.held_out_cases.select(span.held_out_cases.typology == code))
        outcome = _outcome(unseen, calibrate(unseen, span), own, plan.budget)
        name = span.cases.names[code]
        found[name] = outcome["typologies"][name]
    return found


def _medians(data: Dataset, n_features: int) -> npt.NDArray[np.float32]:
    """Upper median of every kind and feature over events that have it, (len(KINDS), n_features)."""
    medians = np.full((len(KINDS), n_features), np.nan, np.float32)
    for code in SCORED_KINDS:
        medians[code] = fit_surprise(data.X[data.kind == code], np.ones(n_features, np.float32), knots=2).usual
    return medians


def _check_kinds(fitting: Dataset, held_out: Dataset, plan: Plan) -> None:
    for code in (KINDS.index(kind) for kind in plan.kinds):
        for part, data, least in (("learnt from", fitting, 2), ("held out", held_out, 1)):
            if (found := int((data.kind == code).sum())) < least:
                raise UserError(
                    f"{found} {KINDS[code]} events on the days of the history that are {part}, at least {least} are"
                    " needed: give a longer history, or one with links and debits"
                )


def _check_budget(budget: float, held_out_days: int, days: int, specs: tuple[DetectorSpec, ...]) -> None:
    finest = _finest(held_out_days, specs)
    if not np.isfinite(budget):
        raise UserError(f"a budget of {budget} false alert groups a day: give a finite --budget")
    if budget < finest:
        raise UserError(
            f"a budget of {budget:g} a day cannot be measured on {days} days, {held_out_days} of them held out:"
            f" raise --budget to at least {finest:.3g} or give a longer history"
        )


def _finest(held_out_days: int, specs: tuple[DetectorSpec, ...]) -> float:
    """The least limit: a rate below one in all held-out days is not counted, and the largest share decides."""
    return 1 / (held_out_days * max(spec.share for spec in specs))


def _per_kind(data: Dataset) -> dict[str, int]:
    return {KINDS[code]: int((data.kind == code).sum()) for code in SCORED_KINDS}


def _date(day: np.int64) -> str:
    return (dt.date(1970, 1, 1) + dt.timedelta(days=int(day))).isoformat()
