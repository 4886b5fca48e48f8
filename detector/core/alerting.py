"""Builds the alert of an event that raises an update of its case: a pure function of the log and the model.

Only raised events are explained, as the last step: the event is judged again (to the same bits), then its reasons and
its counterfactual are computed.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from detector.contract.alerts import SCHEMA, Alert, ModelRef, Position, alert_id
from detector.contract.batch import topic_and_partition
from detector.contract.passbook import passbook_text
from detector.contract.vocabulary import ABSENT, KINDS, SERVICES
from detector.core import triage
from detector.core.events import Events
from detector.core.explanation import EXPLAINED_UPDATES, NO_MASS, brief, full, masses
from detector.core.model import Judgement, Model
from detector.core.stage import (
    CASE_EVENTS,
    CASE_NEWS,
    CASE_OFFSET,
    CASE_ORIGIN,
    CASE_SEVERITY,
    CASE_UPDATE,
    CASE_URGENCY,
    YEN_DEBITED,
    YEN_LEFT,
    YEN_PACE,
    Columns,
)

#: The source topics by their code in an origin.
Topics = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Explainer:
    """Builds alerts of `model`, whose features are the first columns of `X`; `columns` describe them."""

    model: Model
    columns: Columns
    topics: Topics

    def explain(self, events: Events, raised: npt.NDArray[np.int64]) -> Iterator[Alert]:
        """The alerts of the events at the indices `raised`, int64 (k,), as they leave the node that raises."""
        if not len(raised):
            return
        X = np.ascontiguousarray(events.X[raised, : len(self.columns.features)])
        judgement = self.model.judge(X, events.batch.kind[raised], events.batch.bank[raised])
        for row, (i, mass) in enumerate(zip(raised.tolist(), masses(self.columns, X).tolist(), strict=True)):
            yield self._alert(events, i, X[row], judgement, row, mass)

    def _alert(
        self, events: Events, i: int, x: npt.NDArray[np.float32], judgement: Judgement, row: int, mass: int
    ) -> Alert:
        """The alert of event `i` with features `x` float32 (F,), `row` of the `judgement` and `mass` as in `masses`."""
        assert events.strings is not None
        batch, facts, strings = events.batch, events.facts[i], events.strings
        kind, chain = int(batch.kind[i]), self.columns.name
        detector = self.model.detectors[judgement.detector[row]]
        why = (
            brief(self.columns, x, self.model.usual[kind], mass)
            if mass != NO_MASS or facts[CASE_UPDATE] >= EXPLAINED_UPDATES
            else full(self.model, detector, self.columns, x, batch, i)
        )
        scores = zip(self.model.detectors, judgement.scores[row].tolist(), strict=True)
        position = position_of(int(batch.origin[i]), int(batch.origin_offset[i]), self.topics)
        first = position_of(int(facts[CASE_ORIGIN]), int(facts[CASE_OFFSET]), self.topics)
        service = strings.service.text(i) or SERVICES[batch.service[i]]
        yen_at_risk, urgency = int(facts[YEN_LEFT]), int(facts[CASE_URGENCY]) / triage.THOUSAND
        return Alert(
            schema=SCHEMA,
            alert_id=alert_id(chain, position),
            case_id=alert_id(chain, first),
            update=int(facts[CASE_UPDATE]),
            events=int(facts[CASE_EVENTS]),
            news=triage.news_of(int(facts[CASE_NEWS])),
            event_id=strings.event_id.text(i),
            kind=KINDS[kind],
            occurred_at_ms=int(batch.occurred_at_ms[i]),
            bank="" if batch.bank[i] == ABSENT else f"{batch.bank[i]:04}",
            account=strings.account.text(i),
            wallet=strings.wallet.text(i),
            service=service,
            passbook_text=passbook_text(service),
            amount_yen=int(batch.amount_yen[i]),
            detector=detector.name,
            false_alarms_per_day=float(judgement.alarm[row]),
            score=1.0 - float(judgement.p_value[row]),
            detector_scores={other.name: score for other, score in scores if not np.isnan(score)},
            severity=triage.LEVELS[facts[CASE_SEVERITY]],
            typologies=list(detector.spec.typologies),
            yen_debited=int(facts[YEN_DEBITED]),
            yen_at_risk=yen_at_risk,
            seconds_to_cap=_seconds_to_cap(yen_at_risk, int(facts[YEN_PACE])),
            urgency=urgency,
            rank_yen=triage.rank_yen(yen_at_risk, urgency),
            reasons=why.reasons,
            model=ModelRef(self.model.version, self.model.sha256),
            position=position,
            together_per_day=why.together_per_day,
            counterfactual=why.counterfactual,
        )


def _seconds_to_cap(yen_at_risk: int, pace: int) -> int | None:
    seconds = int(triage.seconds_to_cap(yen_at_risk, pace))
    return seconds if seconds >= 0 else None


def position_of(origin: int, offset: int, topics: Topics) -> Position:
    """Topic, partition and offset of the source record."""
    topic, partition = topic_and_partition(origin)
    return Position(topics[topic], partition, offset)
