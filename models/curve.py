"""What a budget buys: false alert groups and catches on the held-out days, at each of a row of budgets."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from models.kinds_of_day import groups_by_kind_of_day
from models.outcomes import Alarms, days_of_groups, outcome_at
from models.span import Span

#: Budgets of the curves: three a decade, around usual budgets.
CURVE = (0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0)
#: Where a doubled budget finds less than this more of the cases early, it buys work, not safety: of a desk's hundred
#: cases not one more.
WORTH_DOUBLING = 0.01


def curve_of(alarms: Alarms, span: Span, budget: float, least: float) -> list[dict[str, Any]]:
    """A row for `budget` and each budget of `CURVE` that is not below `least`, ascending, as JSON values.

    Each has false alert groups a day, on all days and by kind of day, and the shares of held-out cases as in `catches`,
    which are left out without cases. Budgets below `least` cannot be measured on so few days.
    """
    days = np.unique(span.held_out.day)
    rows = []
    for each in sorted({budget, *(each for each in CURVE if each >= least)}):
        outcome = outcome_at(alarms, span, each)
        kinds = groups_by_kind_of_day(days_of_groups(span.held_out, alarms.held_out <= each), days)
        row = {
            "budget": each,
            "groups_per_day": outcome["groups_per_day"],
            "groups_by_kind_of_day": {name: on._asdict() for name, on in kinds.items()},
        }
        if "yen_lost" in outcome:
            row |= {share: outcome[share] for share in ("alerted", "early", "before_debit")}
            row["yen_saved"] = 1 - outcome["yen_lost"]
        rows.append(row)
    return rows


def enough(curve: Sequence[Mapping[str, Any]]) -> float | None:
    """The least budget of `CURVE` beyond which no step finds `WORTH_DOUBLING` more cases early per doubled budget.

    None where the last step still does, and without cases.
    """
    rows = [row for row in curve if row["budget"] in CURVE and "early" in row]
    gains = [
        (after["early"] - before["early"]) / math.log2(after["budget"] / before["budget"])
        for before, after in pairwise(rows)
    ]
    last = max((step for step, gain in enumerate(gains, 1) if gain >= WORTH_DOUBLING), default=0)
    return float(rows[last]["budget"]) if last < len(gains) else None
