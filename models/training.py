"""Trains a model on a data set: fit on two days of three, calibrate on the third."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version

import numpy as np
import numpy.typing as npt

from detector.artifact import Draft
from detector.contract.vocabulary import KINDS
from detector.core.budgets import BankBudgets
from detector.core.calibration import Calibration
from detector.core.detector_table import chosen
from detector.core.detectors import (
    FORMS,
    BoostingDetector,
    Detector,
    DetectorSpec,
)
from detector.core.stage import Columns
from detector.core.surprise import fit_surprise
from detector.errors import UserError
from detector.jst import date_of
from models.bank_shares import bank_shares
from models.boosting import Turns, fit_boosting
from models.burn_in import NO_BURN_IN, BurnIn
from models.curve import curve_of
from models.datasets import DOUBTFUL, FRAUD, SCORED_KINDS, Dataset, present_features
from models.forests import Sizes
from models.hidden import fit_cleaned
from models.inject import Cases
from models.outcomes import alarm_of, alarms_of, alone, calibrate, groups_by_day, leave_one_out, outcome_at
from models.span import Span, check_days, held_out_of, split
from models.unsupervised import fit_unsupervised

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
    #: For each typology, also train on the others only and measure what is caught of it.
    leave_one_out: bool = False
    #: Banks' own budgets, false alert groups a day by four-digit code.
    bank_budgets: Mapping[str, float] = field(default_factory=dict)


def train(
    data: Dataset,
    columns: Columns,
    plan: Plan,
    data_sha256: str,
    cases: Cases | None = None,
    burn_in: BurnIn = NO_BURN_IN,
) -> Draft:
    """The model of normal life in `data`; `data_sha256` is that of its file.

    `cases`: simulated attacks on the same days; without them no detector that needs attacks is trained. The days of
    `burn_in` are neither learnt from nor counted, nor are groups that look like fraud nobody labelled. Raises
    UserError for fewer than three days after it, a kind of event missing from the training or the held-out days, or a
    budget too small to measure on the held-out days.
    """
    given, whole = data, data.select(data.life != FRAUD)
    days = burn_in.after(np.unique(whole.day))
    check_days(days)
    data = whole.select(whole.day >= days[0])
    cases = None if cases is None else cases.select(cases.day >= days[0])
    held_out = held_out_of(days)
    span = split(data, cases, held_out)
    _check_kinds(span.fitting, span.held_out, plan)
    specs = _specs(span, columns, plan)
    _check_budget(plan.budget, span.held_out_days, len(days), specs)

    def fitted(of: Span) -> tuple[Detector, ...]:
        return tuple(_fit(spec, of, columns, plan) for spec in specs)

    detectors, span, hidden = fit_cleaned(fitted, span)
    calibrations = calibrate(detectors, span)

    def refit(spec: DetectorSpec, of: Span) -> Detector:
        return _fit(spec, of, columns, plan)

    banks = _banks(detectors, calibrations, span, plan)
    alarms = alarms_of(detectors, calibrations, span)
    return Draft(
        label=date_of(int(days[-1])).isoformat(),
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
            "accounts": len(np.unique(data.account)),
            "fraud_left_out": len(given.kind) - len(whole.kind),
            "not_learnt_from": int((data.life == DOUBTFUL).sum()),
            "burn_in_days": burn_in.days,
            "unusual_by_day": burn_in.unusual,
            "days": len(days),
            "first_day": date_of(int(days[0])).isoformat(),
            "last_day": date_of(int(days[-1])).isoformat(),
            "held_out_days": span.held_out_days,
            "hidden_fraud": hidden,
            "fitted_events": _per_kind(span.fitting),
            "held_out_events": _per_kind(span.held_out),
            "fitted_cases": 0 if span.cases is None else len(np.unique(span.cases.case)),
            "trees": plan.trees,
            "max_samples": plan.max_samples,
            "max_events": plan.max_events,
            "groups_by_day": groups_by_day(detectors, calibrations, whole, plan.budget),
            "held_out": outcome_at(alarms, span, plan.budget),
            "curve": curve_of(alarms, span, plan.budget, _finest(span.held_out_days, specs)),
            "leave_one_out": leave_one_out(detectors, span, refit, plan.budget) if plan.leave_one_out else {},
        },
        calibration={
            detector.name: alone(index, detectors, calibrations, span, plan.budget)
            for index, detector in enumerate(detectors)
        },
        banks=banks,
    )


def _specs(span: Span, columns: Columns, plan: Plan) -> tuple[DetectorSpec, ...]:
    """The detectors that can be trained: boosted trees need cases, a joint tail all of its features."""
    forms = set(plan.forms)
    if span.cases is None or not span.cases.early.any():
        forms.discard("boosting")
    specs = chosen(forms, present_features(span.fitting, columns), plan.kinds)
    if not specs:
        raise UserError(f"{', '.join(plan.forms)}: cannot be trained on this history: choose other --detectors")
    return specs


def _fit(spec: DetectorSpec, span: Span, columns: Columns, plan: Plan) -> Detector:
    if spec.form == "boosting":
        assert span.cases is not None
        turns = Turns(plan.turns, plan.max_events, plan.seed)
        return BoostingDetector(spec, fit_boosting(spec, span.fitting, span.cases, columns.features, turns))
    sizes = Sizes(plan.trees, plan.max_samples, plan.max_events)
    return fit_unsupervised(spec, span.fitting, columns, sizes, plan.seed)


def _banks(
    detectors: tuple[Detector, ...], calibrations: tuple[Calibration, ...], span: Span, plan: Plan
) -> BankBudgets:
    """The banks' shares on the held-out days; UserError where a bank's own budget cannot be kept by them."""
    shares = bank_shares(alarm_of(detectors, calibrations, span.held_out), span.held_out, plan.budget)
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
