"""A debit replayed with the amount that "would not have alerted", through stages and model, does not alert."""

from dataclasses import replace

import numpy as np
import pytest
from support.histories import TTL_MS, history, model
from support.models import make_batch

from detector.contract.batch import Batch
from detector.contract.events import Debit as DebitEvent
from detector.contract.vocabulary import DEBIT
from detector.core.alerting import build_alert
from detector.core.chain import ChainRun, Scored
from detector.core.chains import WALLET_CHAIN
from detector.core.counterfactual import amounts_below

REPEATS = WALLET_CHAIN.feature_names.index("repeats")
#: So fine an ear that some two hundred debits alert, of which most would not at a smaller amount.
MODEL = replace(model(), budget=10.0)


def scored(batch: Batch) -> Scored:
    return ChainRun(WALLET_CHAIN, MODEL, ttl_ms=TTL_MS).process(batch)


def with_amount(batch: Batch, offset: int, amount: float) -> Batch:
    """The log up to an event, of another amount."""
    upto = batch.select(slice(0, offset + 1))
    return upto._replace(amount_yen=np.where(upto.offset == offset, int(amount), upto.amount_yen))


def alerts_at(batch: Batch, offset: int, amount: float) -> tuple[bool, float]:
    """Whether the event alerts with that amount, and how many earlier debits were of it."""
    _, outcome = scored(with_amount(batch, offset, amount))
    assert outcome.judgement is not None
    return bool(outcome.judgement.alert[-1]), float(outcome.X[-1, REPEATS])


def event(amount_yen: int) -> DebitEvent:
    return DebitEvent(
        event_id="e", occurred_at_ms=0, service="other", wallet="w", wallet_opened_at_ms=0, wallet_verified=False,
        source="", bank="0116", account="0" * 16, result="ok", amount_yen=amount_yen, purpose="charge",
    )  # fmt: skip


@pytest.mark.timeout(300)
def test_a_replayed_debit_alerts_above_the_limit_told_and_not_at_it() -> None:
    log = history()
    batch, outcome = scored(log)
    assert outcome.judgement is not None
    told = 0
    for i in outcome.alerting:
        if batch.kind[i] != DEBIT or told == 60:
            continue
        amount, offset = int(batch.amount_yen[i]), int(batch.offset[i])
        alert = build_alert(
            model=MODEL, columns=WALLET_CHAIN, event=event(amount), batch=batch, i=int(i),
            carried=outcome.carried, judgement=outcome.judgement, topics=("a", "w"),
        )  # fmt: skip
        found = alert.counterfactual
        if found is None or found.feature != "amount_yen":
            continue
        larger = amounts_below(amount)
        larger = larger[larger > found.value]
        below, above = alerts_at(log, offset, found.value), alerts_at(log, offset, larger.min(initial=amount))
        if below[1] or (above[1] and len(larger)):
            continue  # how many earlier debits were of the other amount is not known to an alert
        told += 1
        assert (False, True) == (below[0], above[0]), f"{found.text_en}, of {amount} yen"
    assert told == 60


def test_the_helper_changes_one_event_alone() -> None:
    batch = make_batch(3, offset=[0, 1, 2], amount_yen=[5, 6, 7])
    assert [5, 9] == with_amount(batch, 1, 9).amount_yen.tolist()
