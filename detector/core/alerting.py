"""From a judged event to the alert on the bus: a pure function of the log and the model."""

import numpy as np
import numpy.typing as npt

from detector.contract.alerts import SCHEMA, Alert, ModelRef, Position, alert_id
from detector.contract.batch import Batch
from detector.contract.events import AccountEvent, OnAccount, WalletEvent
from detector.contract.passbook import passbook_text
from detector.contract.vocabulary import KINDS
from detector.core.policy import Judgement, Model, severity
from detector.core.reasons import reasons_of
from detector.core.stage import Stage


def build_alert(
    *,
    model: Model,
    stage: Stage,
    event: AccountEvent | WalletEvent,
    batch: Batch,
    i: int,
    x: npt.NDArray[np.float32],
    judgement: Judgement,
    yen_debited: int,
    yen_at_risk: int,
    case_offset: int,
    update: int,
    topic: str,
    partition: int,
) -> Alert:
    """The alert of event `i` of `batch`, decoded as `event`, with features `x` float32 (F,).

    `yen_debited` and `yen_at_risk` are of the case so far, `case_offset` is the source offset of its first alert and
    `update` the number of alerts it had before; `topic` and `partition` name the source log.
    """
    offset = int(batch.offset[i])
    alarm, p_value = float(judgement.alarm[i]), float(judgement.p_value[i])
    detector = model.detectors[judgement.detector[i]]
    kind = int(batch.kind[i])
    scores = zip(model.detectors, judgement.scores[i].tolist(), strict=True)
    return Alert(
        schema=SCHEMA,
        alert_id=alert_id(stage.name, topic, partition, offset),
        case_id=alert_id(stage.name, topic, partition, case_offset),
        update=update,
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
        reasons=reasons_of(stage, x, model.usual[kind], detector.contributions(x, kind)),
        model=ModelRef(model.version, model.sha256),
        position=Position(topic, partition, offset),
    )
