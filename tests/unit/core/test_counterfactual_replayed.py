"""A debit replayed with the amount that "would not have alerted", through stages and model, does not alert."""

from dataclasses import replace

import numpy as np
import pytest
from support.histories import TTL_MS, history, model
from support.models import make_batch

from detector.contract.batch import Batch
from detector.contract.texts import Strings, Texts
from detector.contract.vocabulary import DEBIT
from detector.core.alerting import Explainer
from detector.core.chains import WALLET_CHAIN
from detector.core.counterfactual import amounts_below
from detector.core.memory import MemoryRun, Played
from detector.core.topology import topology_of

#: So low a threshold that some two hundred debits alert, most of which would not at a smaller amount.
MODEL = replace(model(), budget=12.0)
EXPLAINER = Explainer(MODEL, WALLET_CHAIN, ("a", "w"))


def played(batch: Batch) -> Played:
    strings = Strings(*(Texts.empty(batch.size) for _ in Strings._fields))
    return MemoryRun(topology_of(WALLET_CHAIN), MODEL, ttl_ms=TTL_MS).process(batch, strings)


def with_amount(batch: Batch, offset: int, amount: float) -> Batch:
    """The log up to an event, of another amount."""
    upto = batch.select(slice(0, offset + 1))
    return upto._replace(amount_yen=np.where(upto.offset == offset, int(amount), upto.amount_yen))


def alerts_at(batch: Batch, offset: int, amount: float) -> bool:
    """Whether the event alerts with that amount."""
    last = played(with_amount(batch, offset, amount)).last
    assert last.judgement is not None
    return bool(last.judgement.alert[-1])


@pytest.mark.timeout(300)
def test_a_replayed_debit_alerts_above_the_reported_limit_and_not_at_it() -> None:
    log = history()
    cases = played(log).cases
    explained = 0
    # Held events are never explained, but have a limit too: explained here as if raised.
    for alert, i in zip(EXPLAINER.explain(cases.events, cases.applied), cases.applied, strict=True):
        if alert.kind != "debit" or explained == 60:
            continue
        amount, offset = alert.amount_yen, int(cases.events.batch.offset[i])
        assert (amount, DEBIT) == (log.amount_yen[offset], log.kind[offset])
        found = alert.counterfactual
        if found is None or found.feature != "amount_yen":
            continue
        larger = amounts_below(amount)
        larger = larger[larger > found.value]
        below, above = alerts_at(log, offset, found.value), alerts_at(log, offset, larger.min(initial=amount))
        explained += 1
        assert (False, True) == (below, above), f"{found.text_en}, of {amount} yen"
    assert explained == 60


def test_the_helper_changes_one_event_alone() -> None:
    batch = make_batch(3, offset=[0, 1, 2], amount_yen=[5, 6, 7])
    assert [5, 9] == with_amount(batch, 1, 9).amount_yen.tolist()
