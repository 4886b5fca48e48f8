"""The model: combines the calibrated detectors and compares with the budget.

`alarm = min over detectors of rate / share`, in false alert groups a day over all banks (a group is one account, one
day): the least budget with which this event alerts. An event alerts when its alarm is within the limit of its bank:
the budget, or the limit of the bank's own budget.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from detector.core.budgets import BankBudgets
from detector.core.calibration import Calibration, CalibrationTable
from detector.core.detectors import Detector
from detector.core.stage import Feature
from detector.core.stages.budget import HIGHEST
from detector.errors import UserError

SHARES_TOLERANCE = 1e-9  # for a sum of decimal fractions
#: Of a model whose training found none: most accounts and wallets of an ordinary population are seen within two weeks.
BURN_IN_DAYS = 14


class Judgement(NamedTuple):
    """A model's judgement of n events.

    `alarm` float64 (n,): false alarms a day, lower = worse, infinite where no detector scores the kind;
    `detector` int8 (n,): index of the detector with that alarm; `p_value` float64 (n,): its p-value;
    `scores` float64 (n, n_detectors), NaN where not scored; `alert` bool (n,).
    """

    alarm: npt.NDArray[np.float64]
    detector: npt.NDArray[np.int8]
    p_value: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]
    alert: npt.NDArray[np.bool_]

    def spread(self, which: npt.NDArray[np.int64], n: int) -> Self:
        """Expand to `n` events, of which those at `which` were judged, in order; the others do not alert."""
        whole = self._replace(
            alarm=np.full(n, np.inf),
            detector=np.zeros(n, np.int8),
            p_value=np.ones(n),
            scores=np.full((n, self.scores.shape[1]), np.nan),
            alert=np.zeros(n, np.bool_),
        )
        for column in self._fields:
            getattr(whole, column)[which] = getattr(self, column)
        return whole


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Trained detectors with their calibrations, in the order of `detectors`.

    `budget`: false alert groups a day over all banks; `usual` float32 (n_kinds, F): training medians, NaN where a
    kind does not have the feature; `manifest`: readable metadata stored with the arrays; `banks`: their shares of the
    budget, and their own budgets.
    """

    version: str
    sha256: str
    stages: str
    feature_names: tuple[str, ...]
    features_hash: str
    detectors: tuple[Detector, ...]
    calibrations: tuple[Calibration, ...]
    budget: float
    usual: npt.NDArray[np.float32]
    manifest: dict[str, Any] = field(repr=False)
    banks: BankBudgets = field(default_factory=BankBudgets)
    #: Whether a budget controller decides: then all events that it may let through alert here.
    controlled: bool = False
    #: The greatest alarm that alerts, by bank: see `BankBudgets.limits`.
    limits: npt.NDArray[np.float64] = field(init=False, repr=False)
    #: The calibrations and shares of all detectors in one table.
    calibration_table: CalibrationTable = field(init=False, repr=False)

    def __post_init__(self) -> None:
        shares = [detector.spec.share for detector in self.detectors]
        if abs(sum(shares) - 1) > SHARES_TOLERANCE or min(shares) <= 0 or len(shares) != len(self.calibrations):
            raise ValueError(f"budget shares {shares} must be positive and sum to 1, with a calibration each")
        if not self.budget > 0:
            raise ValueError(f"a budget of {self.budget} false alert groups a day: must be positive")
        object.__setattr__(self, "limits", self.banks.limits(self.budget))
        object.__setattr__(self, "calibration_table", CalibrationTable.of(self.calibrations, shares))

    @property
    def number(self) -> int:
        """The model's number in judged events: the first 63 bits of its SHA-256, never 0."""
        return int(self.sha256[:16], 16) >> 1 or 1

    @property
    def kinds(self) -> frozenset[str]:
        """The kinds of event that any detector scores."""
        return frozenset(kind for detector in self.detectors for kind in detector.spec.kinds)

    @property
    def burn_in_days(self) -> float:
        """Days of events that state takes to be warm, as training found them."""
        return float(self.manifest.get("training", {}).get("burn_in_days", BURN_IN_DAYS))

    @property
    def columns(self) -> npt.NDArray[np.int64]:
        """The columns of the feature matrix that its detectors read, ascending."""
        return np.unique(np.concatenate([detector.columns for detector in self.detectors]))

    def with_budget(self, budget: float) -> Self:
        """The model with another budget of all banks; UserError if it is invalid."""
        if not 0 < budget < np.inf:
            raise UserError(f"a budget of {budget} false alert groups a day: give a positive, finite --budget")
        return replace(self, budget=budget)

    def with_bank_budgets(self, own: Mapping[str, float]) -> Self:
        """The model with other own budgets of banks; UserError if it has no share of a bank."""
        try:
            return replace(self, banks=BankBudgets(self.banks.shares, {**self.banks.own, **own}))
        except ValueError as error:
            raise UserError(f"{error}: give the budget of another bank, or train on days with this one's") from None

    def with_controller(self) -> Self:
        """The model for a topology whose budget controller decides."""
        return replace(self, controlled=True)

    def judge(
        self, X: npt.NDArray[np.float32], kind: npt.NDArray[np.int8], bank: npt.NDArray[np.int16] | None = None
    ) -> Judgement:
        """Judge events `X` float32 (n, F) of kinds (n,); an event's result is the same bit for bit in any batch.

        `bank` int16 (n,): codes, ABSENT for events without a bank; None if no event has one.
        """
        scores = np.empty((len(X), len(self.detectors)))
        for d, detector in enumerate(self.detectors):
            scores[:, d] = detector.score_many(X, kind)
        alarm, p_value, detector_index = self.calibration_table.judge(scores, kind)
        return Judgement(alarm, detector_index, p_value, scores, alarm <= self._limit(bank))

    def alerts(
        self,
        X: npt.NDArray[np.float32],
        kind: npt.NDArray[np.int8],
        bank: npt.NDArray[np.int16] | None,
        first: Detector,
    ) -> npt.NDArray[np.bool_]:
        """`alert` of `judge`, bool (n,): an event at which one detector alerts is not scored by those after it.

        `first`: the detector that is asked first.
        """
        limit = np.broadcast_to(self._limit(bank), len(X))
        quiet = np.arange(len(X))
        for detector, calibration in sorted(
            zip(self.detectors, self.calibrations, strict=True), key=lambda own: own[0] is not first
        ):
            own = kind[quiet]
            _, rates = calibration.judge(detector.score_many(X[quiet], own), own)
            quiet = quiet[~(rates / detector.spec.share <= limit[quiet])]
            if not len(quiet):
                break
        alerting = np.ones(len(X), np.bool_)
        alerting[quiet] = False
        return alerting

    def _limit(self, bank: npt.NDArray[np.int16] | None) -> Any:
        """The greatest alarm that alerts, of each event's bank, or of all."""
        limit = self.limits[-1] if bank is None else self.limits[bank]
        return limit * HIGHEST if self.controlled else limit


def features_hash(name: str, features: Iterable[Feature]) -> str:
    """Sixteen hex digits of all that a model's arrays depend on: columns, units, directions, of the stages `name`."""
    described = [(feature.known_as, feature.unit, feature.risk, feature.kinds) for feature in features]
    return hashlib.sha256(repr((name, described)).encode()).hexdigest()[:16]
