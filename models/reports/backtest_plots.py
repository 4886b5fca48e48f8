"""Pictures of a back-test: curves over budgets, typologies by scorer, false alert groups by day and bank."""

import datetime as dt
import io
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from models.backtest.cases import EARLY_YEN
from models.backtest.run import Backtest, Scored
from models.backtest.scorers import NAMES
from models.curve import CURVE

#: Colours distinct with any colour vision (Okabe & Ito, Color Universal Design, 2008).
COLOURS = dict(zip(NAMES, ("#000000", "#D55E00", "#0072B2", "#009E73", "#56B4E9", "#E69F00", "#CC79A7"), strict=True))
FALSE = "#8a8f98"
DPI = 110
MOST_BANKS = 20  # bars that can still be read


def pictures(found: Backtest) -> dict[str, bytes]:
    """PNG files by name."""
    return {
        "curves": _png(_curves, found, (12, 5)),
        "typologies": _png(_typologies, found, (12, 1.6 + 0.38 * len(found.scorers[0].figures.typologies))),
        "false-groups": _png(_false_groups, found, (12, 4)),
    }


def _png(draw: Any, found: Backtest, size: tuple[float, float]) -> bytes:
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    draw(figure, found)
    out = io.BytesIO()
    # No library version in the metadata, so that the bytes depend on the figures only.
    figure.savefig(out, dpi=DPI, format="png", metadata={"Software": None})
    return out.getvalue()


def _curves(figure: Any, found: Backtest) -> None:
    """Cases early and yen lost by budget."""
    early, lost = figure.subplots(1, 2)
    for scored in found.scorers:
        _curve(early, scored, "early")
        _curve(lost, scored, "yen_lost")
    for axes, title in (
        (early, f"Cases alerted with at most {EARLY_YEN:,} yen gone"),
        (lost, "Yen lost up to the first alert, of all debited"),
    ):
        axes.set_xscale("log")
        axes.set_xticks(CURVE, [f"{budget:g}" for budget in CURVE])
        axes.minorticks_off()
        axes.set_xlim(CURVE[0] * 0.8, CURVE[-1] * 1.25)
        axes.set_ylim(-0.02, 1.02)
        axes.axvline(found.budget, color=FALSE, linestyle="--", linewidth=1, zorder=0)
        axes.set_xlabel("false alert groups a day, all banks")
        axes.set_title(title, loc="left")
        axes.grid(color="#eeeeee")
    early.set_ylabel("mean over typologies")
    handles, names = early.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(names), frameon=False)


def _curve(axes: Any, scored: Scored, share: str) -> None:
    figures, colour = scored.figures, COLOURS[scored.figures.name]
    values = [getattr(point, share) for point in scored.curve]
    ours = figures.name == NAMES[0]
    line = {"linewidth": 3 if ours else 1.5, "zorder": 3 if ours else 2}
    axes.plot(CURVE, [np.nan if y is None else y for y in values], color=colour, label=figures.name, **line)
    if ours:
        y = getattr(figures, share)
        axes.plot(
            [figures.false_groups_per_day], [np.nan if y is None else y], "o", color=colour, markersize=10, zorder=4
        )


def _typologies(figure: Any, found: Backtest) -> None:
    """A cell for each typology and scorer."""
    for axes, share, title in zip(
        figure.subplots(1, 2), ("early", "yen_lost"), ("Cases alerted early", "Yen lost"), strict=True
    ):
        rows = list(found.scorers[0].figures.typologies)
        cells = np.array(
            [[getattr(scored.figures.typologies[row], share) for scored in found.scorers] for row in rows], np.float64
        )
        axes.imshow(cells, cmap="RdYlGn" if share == "early" else "RdYlGn_r", vmin=0, vmax=1, aspect="auto", alpha=0.75)
        for (y, x), cell in np.ndenumerate(cells):
            axes.text(x, y, "–" if np.isnan(cell) else f"{cell:.0%}", ha="center", va="center", fontsize=9)
        axes.set_xticks(range(len(found.scorers)), [scored.figures.name for scored in found.scorers], rotation=20)
        counts = found.scorers[0].figures.typologies
        axes.set_yticks(range(len(rows)), [f"{row} ({counts[row].cases})" for row in rows])
        axes.tick_params(length=0)
        axes.set_title(f"{title}, by typology (cases) and scorer", loc="left")


def _false_groups(figure: Any, found: Backtest) -> None:
    """The whole model's false alert groups by day and by bank."""
    by_day, by_bank = figure.subplots(1, 2)
    first = found.groups.first[~found.groups.true]
    days = np.arange(found.days.min(), found.days.max() + 1)
    # A group that begins with a late event of an earlier day is counted on the first day.
    counts = np.bincount(np.clip(found.played.day[first], days[0], days[-1]) - days[0], minlength=len(days))
    by_day.bar(days - days[0], counts, color=FALSE)
    by_day.axhline(found.budget, color="black", linestyle="--", linewidth=1, label=f"budget {found.budget:g}")
    ticks = range(0, len(days), max(1, len(days) // 6))
    by_day.set_xticks(ticks, [f"{dt.date(1970, 1, 1) + dt.timedelta(days=int(days[i])):%d %b}" for i in ticks])
    by_day.set_title("False alert groups a day, all banks", loc="left")
    by_day.legend(loc="upper right", frameon=False)
    banks = list(found.false_groups_by_bank().items())
    shown = banks[:MOST_BANKS]
    by_bank.bar(range(len(shown)), [rate for _, rate in shown], color=FALSE)
    by_bank.set_xticks(range(len(shown)), [bank for bank, _ in shown], rotation=60)
    by_bank.set_title("by bank" if shown == banks else f"by bank, {MOST_BANKS} of {len(banks)}", loc="left")
