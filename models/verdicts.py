"""What analysts said of alerts, and which of it is followed.

The unit is the case: its last verdict by time counts. `right`: its events are fraud, neither learnt from nor counted.
`wrong`: they are normal life, counted and learnt from. `unsure`: as if nobody had said anything.

A thief, or a hurried analyst, may call fraud `wrong`. Such a verdict is not followed where boosted trees that did not
learn from the case score one of its events as high as nine in ten held-out simulated attacks are scored at least. The
case is then counted and not learnt from, like any other alert; as one that is followed is counted too, no verdict
`wrong` makes a limit stricter or looser by itself.
"""

import datetime as dt
from collections.abc import Iterable
from typing import Annotated, Literal, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from detector.contract.alerts import Alert
from detector.core.detector_table import chosen
from detector.core.detectors import BoostingDetector
from detector.core.stage import Columns
from detector.errors import UserError
from models.boosting import Turns, fit_boosting
from models.burn_in import BurnIn
from models.datasets import CLEARED, DOUBTFUL, FRAUD, NORMAL, Dataset
from models.inject import Cases
from models.span import check_days, held_out_of, split
from models.training import Plan

#: A case looks like an attack from the score that so many held-out simulated attacks reach. Measured in two foreign
#: worlds: of the frauds called wrong this stops 11 to 83 %, of the honest cases 9 to 18 %. In one of them 0.5 stops 5
#: instead of 83 %, and 0.95 44 instead of 18 % of the honest cases.
LIKE_ATTACKS = 0.9


class Verdict(msgspec.Struct, frozen=True):
    """A line of a verdicts file; one without a time comes before all that have one."""

    alert_id: str
    verdict: Literal["right", "wrong", "unsure"]
    at: Annotated[dt.datetime, msgspec.Meta(tz=True)] | None = None


class Said(NamedTuple):
    """What was said of cases. `life`: class of each case, by case id; `cleared`: of the n-th cleared, the alert's id.

    `cases`: how many were called right, wrong and unsure.
    """

    life: dict[str, int]
    cleared: tuple[str, ...]
    cases: dict[str, int]


def said_of(alerts: Iterable[Alert], verdicts: Iterable[Verdict]) -> Said:
    """The last verdict of each case: by time, then by order. UserError for one on none of the alerts."""
    case_of = {alert.alert_id: alert.case_id for alert in alerts}
    last: dict[str, Verdict] = {}
    for said in sorted(verdicts, key=lambda said: -np.inf if said.at is None else said.at.timestamp()):
        if said.alert_id not in case_of:
            raise UserError(f"verdict on {said.alert_id}: no such alert among those of --exclude")
        last[case_of[said.alert_id]] = said
    wrong = {case: said.alert_id for case, said in last.items() if said.verdict == "wrong"}
    life = {case: FRAUD if said.verdict == "right" else DOUBTFUL for case, said in last.items()}
    life |= {case: CLEARED - number for number, case in enumerate(wrong)}
    counts = {name: sum(said.verdict == name for said in last.values()) for name in ("right", "wrong", "unsure")}
    return Said(life, tuple(wrong.values()), counts)


class Followed(NamedTuple):
    """`data`: without cleared events, those that are believed normal. `refused`: numbers of the cases that are not."""

    data: Dataset
    refused: tuple[int, ...]


def followed(data: Dataset, columns: Columns, plan: Plan, cases: Cases | None, burn_in: BurnIn) -> Followed:
    """The data set with each cleared case learnt from, unless it looks like an attack to trees that did not learn it.

    Without simulated attacks nothing can be compared, and none is learnt from. Raises UserError for fewer than three
    days.
    """
    cleared = data.life <= CLEARED
    number = CLEARED - data.life[cleared]
    sure = _like_attacks(data, cleared, columns, plan, cases, burn_in) if cleared.any() else np.zeros(0, np.bool_)
    refused = np.unique(number[sure])
    life = data.life.copy()
    life[cleared] = np.where(np.isin(number, refused), DOUBTFUL, NORMAL)
    return Followed(data._replace(life=life), tuple(refused.tolist()))


def _like_attacks(
    data: Dataset,
    which: npt.NDArray[np.bool_],
    columns: Columns,
    plan: Plan,
    cases: Cases | None,
    burn_in: BurnIn,
) -> npt.NDArray[np.bool_]:
    """Whether each of these events scores as high as `LIKE_ATTACKS` of the held-out simulated attacks at least do."""
    known = data.select(data.life != FRAUD)
    days = burn_in.after(np.unique(known.day))
    check_days(days)
    span = split(known, cases, held_out_of(days))
    fitting = span.fitting.select(span.fitting.day >= days[0])
    like = np.zeros(int(which.sum()), np.bool_)
    if span.cases is None or span.held_out_cases is None or not span.cases.early.any():
        return ~like
    turns = Turns(plan.turns, plan.max_events, plan.seed)
    for spec in chosen(("boosting",), set(columns.feature_names), plan.kinds):
        trees = fit_boosting(spec, fitting, span.cases, columns.features, turns)
        detector = BoostingDetector(spec, trees)
        attack = span.held_out_cases.select(span.held_out_cases.early)
        number, of = np.unique(attack.case, return_inverse=True)
        highest = np.zeros(len(number))
        np.fmax.at(highest, of, detector.score_many(attack.X, attack.kind))
        level = np.quantile(highest, 1 - LIKE_ATTACKS)
        like |= detector.score_many(data.X[which], data.kind[which]) >= level
    return like
