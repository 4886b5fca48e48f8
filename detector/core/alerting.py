"""From a judged event to the alert on the bus: a pure function of the log and the model."""

import numpy as np
import numpy.typing as npt
from msgspec import structs

from detector.contract.alerts import SCHEMA, Alert, ModelRef, Position, alert_id
from detector.contract.batch import Batch, topic_and_partition
from detector.contract.events import AccountEvent, Link, OnAccount, WalletEvent
from detector.contract.passbook import passbook_text
from detector.contract.vocabulary import DEBIT, KINDS, OK
from detector.core import triage
from detector.core.counterfactual import counterfactual
from detector.core.hop import Carried
from detector.core.own_amount import Debit
from detector.core.policy import Judgement, Model, severity
from detector.core.reasons import reasons_of
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
from detector.core.stages.source_kernel import YOUNG_MS

#: The source topics by their code in an origin.
Topics = tuple[str, str]


def build_alert(
    *,
    model: Model,
    columns: Columns,
    event: AccountEvent | WalletEvent,
    batch: Batch,
    i: int,
    carried: Carried,
    judgement: Judgement,
    topics: Topics,
) -> Alert:
    """The alert of event `i` of `batch`, decoded as `event`, not yet part of a case: see `into_case`.

    `carried` holds the features of `columns` and the facts.
    """
    x = carried.X[i]
    yen_debited, yen_at_risk, pace = carried.facts[i, [YEN_DEBITED, YEN_LEFT, YEN_PACE]].tolist()
    guessed = isinstance(event, Link) and event.result != "ok"
    urgency = triage.urgency_of(yen_at_risk, pace, guessed) / triage.THOUSAND
    position = position_of(int(batch.origin[i]), int(batch.origin_offset[i]), topics)
    alarm, p_value = float(judgement.alarm[i]), float(judgement.p_value[i])
    detector = model.detectors[judgement.detector[i]]
    kind = int(batch.kind[i])
    usual, rarity = model.usual[kind], detector.rarity(x)
    reasons = reasons_of(columns, x, usual, detector.contributions(x, kind), rarity=rarity)
    scores = zip(model.detectors, judgement.scores[i].tolist(), strict=True)
    return Alert(
        schema=SCHEMA,
        alert_id=alert_id(columns.name, position),
        case_id="",
        update=0,
        events=1,
        news=[],
        event_id=event.event_id,
        kind=KINDS[kind],
        occurred_at_ms=event.occurred_at_ms,
        bank=event.bank if isinstance(event, OnAccount) else "",
        account=event.account if isinstance(event, OnAccount) else "",
        wallet=event.wallet,
        service=event.service,
        passbook_text=passbook_text(event.service),
        amount_yen=event.amount_yen,
        detector=detector.name,
        false_alarms_per_day=alarm,
        score=1.0 - p_value,
        detector_scores={other.name: score for other, score in scores if not np.isnan(score)},
        severity=severity(yen_at_risk, alarm),
        typologies=list(detector.spec.typologies),
        yen_debited=yen_debited,
        yen_at_risk=yen_at_risk,
        seconds_to_cap=_seconds_to_cap(yen_at_risk, pace),
        urgency=urgency,
        rank_yen=triage.rank_yen(yen_at_risk, urgency),
        reasons=reasons,
        model=ModelRef(model.version, model.sha256),
        position=position,
        together_per_day=None if rarity is None else rarity.together,
        counterfactual=counterfactual(
            columns,
            x,
            usual,
            [reason.feature for reason in reasons],
            _debit(batch, i),
            lambda X: model.judge(X, np.full(len(X), kind, np.int8), np.full(len(X), batch.bank[i])).alert,
        ),
    )


def _debit(batch: Batch, i: int) -> Debit | None:
    """Event `i` as a debit, None where it is none."""
    if batch.kind[i] != DEBIT:
        return None
    age_ms = batch.occurred_at_ms[i] - batch.wallet_opened_at_ms[i]
    return Debit(int(batch.amount_yen[i]), done=bool(batch.result[i] == OK), young=bool(age_ms < YOUNG_MS))


def into_case(alert: Alert, chain: str, facts: npt.NDArray[np.int64], topics: Topics) -> Alert:
    """The alert as an update of its case, by the facts int64 (len(FACTS),) of the cases stage."""
    first = position_of(int(facts[CASE_ORIGIN]), int(facts[CASE_OFFSET]), topics)
    yen_at_risk, pace = int(facts[YEN_LEFT]), int(facts[YEN_PACE])
    urgency = int(facts[CASE_URGENCY]) / triage.THOUSAND
    return structs.replace(
        alert,
        case_id=alert_id(chain, first),
        update=int(facts[CASE_UPDATE]),
        events=int(facts[CASE_EVENTS]),
        news=triage.news_of(int(facts[CASE_NEWS])),
        severity=triage.LEVELS[facts[CASE_SEVERITY]],
        yen_debited=int(facts[YEN_DEBITED]),
        yen_at_risk=yen_at_risk,
        seconds_to_cap=_seconds_to_cap(yen_at_risk, pace),
        urgency=urgency,
        rank_yen=triage.rank_yen(yen_at_risk, urgency),
    )


def _seconds_to_cap(yen_at_risk: int, pace: int) -> int | None:
    seconds = int(triage.seconds_to_cap(yen_at_risk, pace))
    return seconds if seconds >= 0 else None


def position_of(origin: int, offset: int, topics: Topics) -> Position:
    """Where the source record lies."""
    topic, partition = topic_and_partition(origin)
    return Position(topics[topic], partition, offset)
