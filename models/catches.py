"""Catches: how many simulated cases are alerted, how early, and how many yen are gone by then."""

from typing import Any

import numpy as np
import numpy.typing as npt

from models.inject import EARLY_YEN, Cases

SHARES = ("alerted", "early", "before_debit", "yen_lost")


def catches(cases: Cases, alert: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """Shares in [0, 1] of cases caught by alerts on the events where `alert` bool (n,), means over typologies.

    `typologies` has those of each, with its number of cases. Early: at most 100,000 yen debited, the alerting debit
    included; `yen_lost`: debited up to and including the first alert, of all. Empty without cases.
    """
    if not len(cases.case):
        return {}
    number, index = np.unique(cases.case, return_inverse=True)
    typology = np.zeros(len(number), np.int64)
    typology[index] = cases.typology
    in_all, lost = np.zeros(len(number), np.int64), np.full(len(number), np.iinfo(np.int64).max)
    np.maximum.at(in_all, index, cases.yen)
    np.minimum.at(lost, index[alert], cases.yen[alert])  # yen only grow: the least is that of the first alert
    alerted = np.isin(np.arange(len(number)), index[alert])
    lost = np.where(alerted, lost, in_all)
    outcomes = {"alerted": alerted, "early": alerted & (lost <= EARLY_YEN), "before_debit": alerted & (lost == 0)}
    rows = {}
    for code in np.unique(typology).tolist():
        own = typology == code
        rows[cases.names[code]] = {
            "cases": int(own.sum()),
            **{name: float(which[own].mean()) for name, which in outcomes.items()},
            "yen_lost": float(lost[own].sum() / max(1, in_all[own].sum())),
        }
    means = {share: float(np.mean([row[share] for row in rows.values()])) for share in SHARES}
    return {"cases": len(number), **means, "typologies": rows}
