"""The report picture: each case's debits and first alert, yen lost and saved, and false alert groups a day."""

from collections.abc import Callable
from functools import partial
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
from detector.demo.plan import Plan
from detector.demo.words import say
from detector.jst import JST
from detector.paths import replaced
from models.backtest.cases import EARLY_YEN
from models.reports.fonts import BOLD, font_of
from producers import jst

#: Colours distinct with any colour vision (Okabe & Ito, Color Universal Design, 2008); shapes and hatches differ too.
LOST, SAVED, ALERT, FALSE = "#D55E00", "#56B4E9", "#000000", "#8a8f98"
LOST_SHAPE, SAVED_SHAPE = "s", "o"
#: Alerts before the first debit are drawn here, however early they are.
BEFORE_S = -15
DOT = 0.9  # square points a thousand yen


def draw(evaluation: Evaluation, first_day_ms: int, plan: Plan, path: Path) -> None:
    """Write the picture as PNG; `first_day_ms` is the midnight, in Japan, that the days begin at."""
    with font_of(plan.language):
        _draw(evaluation, first_day_ms, plan, path)


def _draw(evaluation: Evaluation, first_day_ms: int, plan: Plan, path: Path) -> None:
    words = partial(say, plan.language)
    figure = Figure(figsize=(12, 9), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, 2, width_ratios=(3, 2))
    _cases(figure.add_subplot(grid[:, 0]), evaluation.cases, words)
    _yen(figure.add_subplot(grid[0, 1]), evaluation.cases, words)
    _false_groups(figure.add_subplot(grid[1, 1]), evaluation, first_day_ms, plan.budget, words)
    alerted, early = sum(case.alerted for case in evaluation.cases), sum(case.early for case in evaluation.cases)
    title = words("title", len(evaluation.cases), alerted, early, EARLY_YEN)
    figure.suptitle(f"{title}\n{words('typology')}", fontweight=BOLD[plan.language])
    with replaced(path) as part:
        figure.savefig(part, dpi=110, format="png")


def _cases(axes: Any, cases: tuple[Case, ...], words: Callable[..., str]) -> None:
    """One row a case: debits from the first one on, and the moment of the first alert."""
    for row, case in enumerate(cases):
        if not case.taken:
            continue
        start = case.taken[0].occurred_at_ms
        seconds = [(debit.occurred_at_ms - start) / 1000 for debit in case.taken]
        axes.plot([min(seconds), max(seconds)], [row, row], color="#d9d9d9", linewidth=1, zorder=1)
        for gone, colour, shape in ((True, LOST, LOST_SHAPE), (False, SAVED, SAVED_SHAPE)):
            at = [
                (second, DOT * debit.yen / 1000)
                for second, debit in zip(seconds, case.taken, strict=True)
                if debit.gone is gone
            ]
            where, sizes = zip(*at, strict=True) if at else ((), ())
            axes.scatter(where, [row] * len(where), s=sizes, color=colour, marker=shape, zorder=2)
        if case.alerted_at_ms is not None:
            alerted = max(BEFORE_S, (case.alerted_at_ms - start) / 1000)
            axes.scatter([alerted], [row], marker="|", s=140, color=ALERT, linewidths=2, zorder=3)
    axes.set_title(words("rows"), loc="left")
    axes.set_xlabel(words("seconds"))
    ticks = range(0, len(cases), max(1, len(cases) // 12))
    axes.set_yticks(ticks, [f"{moment(cases[row].began_at_ms):%m-%d %H:%M}" for row in ticks])
    axes.invert_yaxis()
    shapes = ((LOST_SHAPE, LOST, "lost"), (SAVED_SHAPE, SAVED, "there"), ("|", ALERT, "first alert"))
    axes.legend(
        handles=[
            Line2D([], [], marker=m, color=c, label=words(text), linestyle="", markersize=9, markeredgewidth=2)
            for m, c, text in shapes
        ],
        loc="upper center",
        bbox_to_anchor=(0.5, -0.06),
        ncols=len(shapes),
        frameon=False,
    )


def _yen(axes: Any, cases: tuple[Case, ...], words: Callable[..., str]) -> None:
    """Yen lost and yen that were still there, summed over the cases begun so far."""
    when = [moment(case.began_at_ms) for case in cases]
    lost = np.cumsum([case.yen_lost for case in cases]) / 1e6
    every = np.cumsum([case.yen for case in cases]) / 1e6
    for low, high, colour, hatch, label in ((0, lost, LOST, "///", "lost until"), (lost, every, SAVED, "", "there at")):
        axes.fill_between(
            when, low, high, step="post", facecolor=colour, edgecolor="white", hatch=hatch, label=words(label)
        )
    axes.set_title(words("summed"), loc="left")
    axes.set_ylabel(words("million"))
    axes.xaxis.set_major_locator(mdates.DayLocator(interval=2, tz=JST))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(mdates.DateFormatter("%m-%d", tz=JST))  # type: ignore[no-untyped-call]
    axes.legend(loc="upper left")


def _false_groups(
    axes: Any, evaluation: Evaluation, first_day_ms: int, budget: float, words: Callable[..., str]
) -> None:
    """False alert groups of each day beside the budget, and what that means."""
    found = np.array([day_of(group.began_at_ms, first_day_ms) for group in evaluation.false_groups], np.int64)
    # A late event belongs to the day it is counted on.
    counts = np.bincount(np.clip(found, 0, evaluation.days - 1), minlength=evaluation.days)
    axes.bar(range(evaluation.days), counts, color=FALSE, label=words("all banks"))
    axes.axhline(budget, color="black", linestyle="--", linewidth=1, label=words("budget", budget))
    axes.set_title(words("false groups"), loc="left")
    axes.set_xlabel(words("campaign"))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda day, _: f"{moment(first_day_ms + int(day) * jst.DAY_MS):%m-%d}")
    )
    axes.legend(loc="lower right")
