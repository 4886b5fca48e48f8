"""Why an event alerted: in full, or in brief where thousands of alerts would say the same.

Shapley values and the search for a counterfactual cost a millisecond an alert. A wallet or an address that goes
through thousands of accounts raises an alert for each, and a case that goes on and on an update every few events:
explained in full, the alerts of one thief would delay those of everybody else. What decides is the event alone.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.alerts import Counterfactual, Reason
from detector.contract.batch import Batch
from detector.contract.vocabulary import DEBIT, OK
from detector.core.counterfactual import counterfactual
from detector.core.detectors import Detector
from detector.core.model import Model
from detector.core.own_amount import Debit
from detector.core.reasons import one_reason, reasons_of
from detector.core.stage import Columns
from detector.core.stages.source_kernel import YOUNG_MS

#: Updates of a case that are explained in full: more than a person reads of one account in a day.
EXPLAINED_UPDATES = 20
#: Features that are the whole reason from this value on: about fifty accounts, of one wallet in its life (honest ones
#: have a few), or of one address in two days beyond what is usual for it (many people share one).
MASS = (("accounts_ever", 50.0), ("source_accounts_unusual", 25.0))
NO_MASS = -1


class Explanation(NamedTuple):
    """Parts of an alert: see `Alert`."""

    reasons: list[Reason]
    together_per_day: float | None
    counterfactual: Counterfactual | None


def masses(columns: Columns, X: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Of each event `X` float32 (n, F) the column of `MASS` that is the whole reason, int64 (n,), or `NO_MASS`."""
    found = np.full(len(X), NO_MASS)
    names = columns.feature_names
    for name, least in reversed(MASS):
        if name in names:
            found[X[:, names.index(name)] >= least] = names.index(name)
    return found


def brief(columns: Columns, x: npt.NDArray[np.float32], usual: npt.NDArray[np.float32], mass: int) -> Explanation:
    """The column `mass` as the only reason; with `NO_MASS`, of a further update of a long case, none."""
    return Explanation([] if mass == NO_MASS else [one_reason(columns, x, usual, mass)], None, None)


def full(
    model: Model, detector: Detector, columns: Columns, x: npt.NDArray[np.float32], batch: Batch, i: int
) -> Explanation:
    """Reasons by exact shares of the score, and what would not have alerted, of event `i`, with features `x` (F,)."""
    kind, bank = int(batch.kind[i]), batch.bank[i]
    usual, rarity = model.usual[kind], detector.rarity(x)
    reasons = reasons_of(columns, x, usual, detector.contributions(x, kind), rarity=rarity)
    change = counterfactual(
        columns,
        x,
        usual,
        [reason.feature for reason in reasons],
        _debit(batch, i),
        lambda X: model.alerts(X, np.full(len(X), kind, np.int8), np.full(len(X), bank), detector),
    )
    return Explanation(reasons, None if rarity is None else rarity.together, change)


def _debit(batch: Batch, i: int) -> Debit | None:
    """Event `i` as a debit, None for other kinds."""
    if batch.kind[i] != DEBIT:
        return None
    age_ms = batch.occurred_at_ms[i] - batch.wallet_opened_at_ms[i]
    return Debit(int(batch.amount_yen[i]), done=bool(batch.result[i] == OK), young=bool(age_ms < YOUNG_MS))
