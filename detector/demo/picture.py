"""The report picture: each case's debits and first alert, yen lost and saved, and false alert groups a day."""

from pathlib import Path
from typing import Any

import matplotlib.dates as mdates
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from detector.demo.evaluation import Case, Evaluation, day_of
from detector.demo.layout import moment
from detector.jst import JST
from detector.paths import replaced
from models.backtest.cases import EARLY_YEN
from producers import jst

LOST, SAVED, ALERT, FALSE = "#c0392b", "#2e8b57", "#1f3b73", "#8a8f98"
#: Alerts before the first debit are drawn here, however early they are.
BEFORE_S = -15
DOT = 0.9  # square points a thousand yen


def draw(evaluation: Evaluation, first_day_ms: int, budget: float, path: Path) -> None:
    """Write the picture as PNG; `first_day_ms` is the midnight, in Japan, that the days begin at."""
    figure = Figure(figsize=(12, 9), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, 2, width_ratios=(3, 2))
    _cases(figure.add_subplot(grid[:, 0]), evaluation.cases)
    _yen(figure.add_subplot(grid[0, 1]), evaluation.cases)
    _false_groups(figure.add_subplot(grid[1, 1]), evaluation, first_day_ms, budget)
    alerted, early = sum(case.alerted for case in evaluation.cases), sum(case.early for case in evaluation.cases)
    figure.suptitle(
        f"{len(evaluation.cases)} cases: {alerted} alerted, {early} of them with at most {EARLY_YEN:,} yen gone",
        fontweight="bold",
    )
    with replaced(path) as part:
        figure.savefig(part, dpi=110, format="png")


def _cases(axes: Any, cases: tuple[Case, ...]) -> None:
    """One row a case: debits from the first one on, and the moment of the first alert."""
    for row, case in enumerate(cases):
        if not case.taken:
            continue
        start = case.taken[0].occurred_at_ms
        seconds = [(debit.occurred_at_ms - start) / 1000 for debit in case.taken]
        colours = [LOST if debit.gone else SAVED for debit in case.taken]
        axes.plot([min(seconds), max(seconds)], [row, row], color="#d9d9d9", linewidth=1, zorder=1)
        axes.scatter(seconds, [row] * len(seconds), s=[DOT * d.yen / 1000 for d in case.taken], c=colours, zorder=2)
        if case.alerted_at_ms is not None:
            alerted = max(BEFORE_S, (case.alerted_at_ms - start) / 1000)
            axes.scatter([alerted], [row], marker="|", s=140, color=ALERT, linewidths=2, zorder=3)
    axes.set_title("Debits of each case, and its first alert", loc="left")
    axes.set_xlabel("seconds since the first debit (alerts before it at the left edge)")
    ticks = range(0, len(cases), max(1, len(cases) // 12))
    axes.set_yticks(ticks, [f"{moment(cases[row].began_at_ms):%d %b %H:%M}" for row in ticks])
    axes.invert_yaxis()
    shapes = (("o", LOST, "lost"), ("o", SAVED, "still there"), ("|", ALERT, "first alert"))
    axes.legend(
        handles=[
            Line2D([], [], marker=m, color=c, label=text, linestyle="", markersize=9, markeredgewidth=2)
            for m, c, text in shapes
        ],
        loc="upper center",
        bbox_to_anchor=(0.5, -0.06),
        ncols=len(shapes),
        frameon=False,
    )


def _yen(axes: Any, cases: tuple[Case, ...]) -> None:
    """Yen lost and yen that were still there, summed over the cases begun so far."""
    when = [moment(case.began_at_ms) for case in cases]
    lost = np.cumsum([case.yen_lost for case in cases]) / 1e6
    every = np.cumsum([case.yen for case in cases]) / 1e6
    axes.fill_between(when, 0, lost, step="post", color=LOST, label="lost until the first alert")
    axes.fill_between(when, lost, every, step="post", color=SAVED, label="still there at the first alert")
    axes.set_title("Yen of the cases, summed", loc="left")
    axes.set_ylabel("million yen")
    axes.xaxis.set_major_locator(mdates.DayLocator(interval=2, tz=JST))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(mdates.DateFormatter("%d %b", tz=JST))  # type: ignore[no-untyped-call]
    axes.legend(loc="upper left")


def _false_groups(axes: Any, evaluation: Evaluation, first_day_ms: int, budget: float) -> None:
    """False alert groups of each day beside the budget."""
    found = np.array([day_of(group.began_at_ms, first_day_ms) for group in evaluation.false_groups], np.int64)
    # A late event belongs to the day it is counted on.
    counts = np.bincount(np.clip(found, 0, evaluation.days - 1), minlength=evaluation.days)
    axes.bar(range(evaluation.days), counts, color=FALSE, label="over all banks")
    axes.axhline(budget, color="black", linestyle="--", linewidth=1, label=f"budget {budget:g}")
    axes.set_title("False alert groups a day", loc="left")
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda day, _: f"{moment(first_day_ms + int(day) * jst.DAY_MS):%d %b}")
    )
    axes.legend(loc="upper right")
