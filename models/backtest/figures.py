"""The figures of one scorer: cases by typology, false groups, precision, and their confidence intervals."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.backtest.cases import Cases, Outcomes
from models.backtest.groups import Groups

#: Resamples of the cases, and the part of them inside an interval: percentile bootstrap (Efron & Tibshirani, An
#: Introduction to the Bootstrap, 1993, chapter 13, who ask for 1,000 or more for intervals).
RESAMPLES = 1000
INSIDE = 0.95
#: Shares that have an interval.
SHARES = ("alerted", "early", "before_debit", "yen_lost")


@dataclass(frozen=True, slots=True)
class TypologyRow:
    """The cases of one typology: shares in [0, 1] of them; `yen_lost` of the yen, None where none were debited."""

    cases: int
    alerted: float
    early: float
    before_debit: float
    yen_lost: float | None
    median_seconds: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """One scorer: shares are means over the typologies present, None where no typology has one.

    `precision`: share of alert groups with a labelled event, None without alerts.
    """

    name: str
    alerted: float
    early: float
    before_debit: float
    yen_lost: float | None
    false_groups_per_day: float
    precision: float | None
    typologies: dict[str, TypologyRow]


def figures_of(name: str, outcomes: Outcomes, cases: Cases, groups: Groups, days: int) -> Figures:
    """The figures of a scorer over `days` days."""
    rows = {
        typology: _row(Outcomes(*(column[cases.typologies == typology] for column in outcomes)))
        for typology in typologies_of(cases)
    }
    return Figures(
        name=name,
        alerted=float(np.mean([row.alerted for row in rows.values()])),
        early=float(np.mean([row.early for row in rows.values()])),
        before_debit=float(np.mean([row.before_debit for row in rows.values()])),
        yen_lost=_mean([row.yen_lost for row in rows.values() if row.yen_lost is not None]),
        false_groups_per_day=groups.false_groups / days,
        precision=float(groups.true.mean()) if len(groups.true) else None,
        typologies=rows,
    )


def intervals(outcomes: Outcomes, cases: Cases, seed: int) -> dict[str, tuple[float, float]]:
    """The central 95 % of each of `SHARES`, as the mean over typologies, were the cases drawn anew.

    Cases are drawn with replacement within their typology. A share without any value has (nan, nan).
    """
    rng = np.random.default_rng(seed)
    sums: dict[str, list[npt.NDArray[np.float64]]] = {share: [] for share in SHARES}
    for typology in typologies_of(cases):
        own = cases.typologies == typology
        size = int(own.sum())
        times = rng.multinomial(size, np.full(size, 1 / size), RESAMPLES).astype(np.float64)
        for share in SHARES[:3]:
            sums[share].append(times @ getattr(outcomes, share)[own] / size)
        yen = times @ outcomes.yen[own]
        if outcomes.yen[own].sum():
            # A resample without any debit has no share of yen lost.
            sums["yen_lost"].append(np.where(yen > 0, times @ outcomes.yen_lost[own] / np.maximum(yen, 1), np.nan))
    ends = [(1 - INSIDE) / 2, (1 + INSIDE) / 2]
    found = {}
    for share, parts in sums.items():
        means = _mean_of(parts)
        low, high = np.nanquantile(means, ends).tolist() if np.isfinite(means).any() else (np.nan, np.nan)
        found[share] = (low, high)
    return found


def typologies_of(cases: Cases) -> list[str]:
    """The typologies present, T2 before T10."""
    return sorted(set(cases.typologies.tolist()), key=lambda name: (len(name), name))


def _row(outcomes: Outcomes) -> TypologyRow:
    yen, seconds = int(outcomes.yen.sum()), outcomes.seconds[outcomes.alerted]
    return TypologyRow(
        cases=len(outcomes.alerted),
        alerted=float(outcomes.alerted.mean()),
        early=float(outcomes.early.mean()),
        before_debit=float(outcomes.before_debit.mean()),
        yen_lost=float(outcomes.yen_lost.sum() / yen) if yen else None,
        median_seconds=float(np.median(seconds)) if len(seconds) else None,
    )


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _mean_of(parts: list[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
    if not parts:
        return np.full(1, np.nan)
    shares = np.array(parts)
    known = ~np.isnan(shares)
    return np.where(
        known.any(axis=0), np.where(known, shares, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1), np.nan
    )
