"""Counterfactual: the one change with which an event would not have alerted, all else the same.

First the amount of a debit: the largest at which neither it nor any smaller tried amount alerts. If the amount does
not decide, one feature of the reasons, largest share first: the value nearest to the event's at which neither it nor
any less risky tried value, up to the usual, alerts. Only round values are tried, at most `AMOUNTS` amounts and
`MOST_STEPS` values of each feature, which bounds the cost of an alert.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from detector.contract.alerts import Counterfactual
from detector.core.own_amount import Debit, with_amounts
from detector.core.stage import Columns, Feature
from detector.core.units import UNIT

AMOUNTS = 64
MOST_STEPS = 24
_STEPS_YEN = tuple(digit * 10**power for power in range(1, 9) for digit in (1, 2, 5))

#: Whether events with the features float32 (m, F) alert, bool (m,), all else as in the explained event.
Alerts = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.bool_]]


def counterfactual(
    columns: Columns,
    x: npt.NDArray[np.float32],
    usual: npt.NDArray[np.float32],
    reasons: list[str],
    debit: Debit | None,
    alerts: Alerts,
) -> Counterfactual | None:
    """The least change with which an alerting event would not have alerted; None if no single change is enough.

    `x` and `usual` float32 (F,) as for `reasons_of`; `reasons`: names of features, largest share first; `debit`: the
    event as a debit, None for others.
    """
    found = None if debit is None else _of_amount(columns, x, debit, alerts)
    return found or _of_a_reason(columns, x, usual, reasons, alerts)


def amounts_below(amount_yen: int) -> npt.NDArray[np.int64]:
    """Round amounts below `amount_yen`, ascending, at most `AMOUNTS`."""
    step = next(step for step in _STEPS_YEN if amount_yen <= step * AMOUNTS)
    return np.arange(step, amount_yen, step, dtype=np.int64)


def steps_towards(feature: Feature, value: float, usual: float) -> list[float]:
    """Round values less risky than `value`, nearest first, up to the first that is no riskier than usual."""
    less_risky = sorted(
        (step for step in UNIT[feature.unit].steps if feature.risk * step < feature.risk * value),
        key=lambda step: -feature.risk * step,
    )[:MOST_STEPS]
    usually = [feature.risk * step <= feature.risk * usual for step in less_risky]
    return less_risky[: usually.index(True) + 1] if True in usually else less_risky


def _of_amount(columns: Columns, x: npt.NDArray[np.float32], debit: Debit, alerts: Alerts) -> Counterfactual | None:
    asked = amounts_below(debit.amount_yen)
    if not len(asked):
        return None
    loud = alerts(with_amounts(columns.features, x, debit, asked))
    quiet = int(loud.argmax()) if loud.any() else len(asked)
    if not quiet:
        return None
    value = float(asked[quiet - 1])
    yen = UNIT["yen"]
    return Counterfactual(
        "amount_yen",
        value,
        f"would not have alerted at {yen.en(value)} or less",
        f"金額が{yen.ja(value)}以下であれば検知されませんでした",
    )


def _of_a_reason(
    columns: Columns, x: npt.NDArray[np.float32], usual: npt.NDArray[np.float32], reasons: list[str], alerts: Alerts
) -> Counterfactual | None:
    names = columns.feature_names
    tried: list[tuple[Feature, list[float]]] = []
    variants: list[npt.NDArray[np.float32]] = []
    for j in (names.index(name) for name in reasons):
        feature = columns.features[j]
        if steps := steps_towards(feature, float(x[j]), float(usual[j])):
            tried.append((feature, steps))
            variants.append(_with(x, j, steps))
    if not tried:
        return None
    loud, begin = alerts(np.concatenate(variants)), 0
    for feature, steps in tried:
        own = loud[begin : begin + len(steps)]
        begin += len(steps)
        last_loud = len(own) - int(own[::-1].argmax()) if own.any() else 0
        if last_loud < len(own):
            return _counterfactual_of(feature, steps[last_loud])
    return None


def _with(x: npt.NDArray[np.float32], j: int, values: list[float]) -> npt.NDArray[np.float32]:
    """The event with other values of feature `j`, float32 (m, F)."""
    changed = np.empty((len(values), len(x)), np.float32)
    changed[:] = x
    changed[:, j] = values
    return changed


def _counterfactual_of(feature: Feature, value: float) -> Counterfactual:
    unit = UNIT[feature.unit]
    if feature.unit == "bool":
        en = f"would not have alerted but for this: {feature.text_en}"
        ja = f"「{feature.text_ja}」でなければ検知されませんでした"
    else:
        bound_en, bound_ja = ("or less", "以下") if feature.risk > 0 else ("or more", "以上")
        en = f"would not have alerted if {feature.thing_en} had been {unit.en(value)} {bound_en}"
        ja = f"{feature.thing_ja}が{unit.ja(value)}{bound_ja}であれば検知されませんでした"
    return Counterfactual(feature.name, value, en, ja)
