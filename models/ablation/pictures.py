"""Two pictures of the ablation page: every experiment beside the range of the seeds; typologies by detector."""

import io
from collections.abc import Callable
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from models.ablation.experiments import DETECTORS, DRIFT, GROUPS, NEWCOMERS, QUESTIONS, THIEVES, TRAINING
from models.ablation.failures import of_seeds, spread

DPI = 110
#: Colours distinct with any colour vision (Okabe & Ito, Color Universal Design, 2008).
EARLY, LOST, CHANCE = "#0072B2", "#D55E00", "#e3e5e8"
SHOWN = (DETECTORS.name, GROUPS.name, NEWCOMERS.name, DRIFT.name, THIEVES.name, TRAINING.name)


def pictures(figures: dict[str, Any]) -> dict[str, bytes]:
    """PNG files by name."""
    rows = sum(len(figures["questions"].get(name, ())) + 1 for name in SHOWN)
    detectors = len(figures["questions"].get(DETECTORS.name, ()))
    return {
        "experiments": _png(_experiments, figures, (12, 1.5 + 0.24 * rows)),
        "typologies": _png(_typologies, figures, (12, 1.5 + 0.3 * max(1, detectors))),
    }


def _png(draw: Callable[[Any, dict[str, Any]], None], figures: dict[str, Any], size: tuple[float, float]) -> bytes:
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    draw(figure, figures)
    out = io.BytesIO()
    # No library version in the metadata, so that the bytes depend on the figures only.
    figure.savefig(out, dpi=DPI, format="png", metadata={"Software": None})
    return out.getvalue()


def _experiments(figure: Any, figures: dict[str, Any]) -> None:
    """A dot for each row; the band is the range of the seeds."""
    titles = {question.name: question.title for question in QUESTIONS}
    labels: list[str] = []
    rows: list[dict[str, Any] | None] = []
    for name in SHOWN:
        if found := figures["questions"].get(name):
            labels += [titles[name], *(row["name"] for row in found)]
            rows += [None, *found]
    positions = range(len(rows), 0, -1)
    early, lost = figure.subplots(1, 2, sharey=True)
    for axes, share, colour, title in (
        (early, "early", EARLY, "cases alerted early"),
        (lost, "yen_lost", LOST, "yen lost"),
    ):
        _, low, high = spread(of_seeds(figures), share)
        axes.axvspan(low, high, color=CHANCE, zorder=0)
        for position, row in zip(positions, rows, strict=True):
            if row is not None:
                axes.plot(row[share], position, "o", color=colour, markersize=5)
                axes.plot(row[f"{share}_strict"], position, "o", color=colour, markersize=5, fillstyle="none")
        axes.set_title(f"{title} (open: at the smaller budget)", loc="left", fontsize=9)
        axes.set_xlim(-0.02, 1.02)
        axes.grid(axis="x", color="#eeeeee")
    early.set_yticks(list(positions), labels, fontsize=8)
    for label, row in zip(early.get_yticklabels(), rows, strict=True):
        if row is None:
            label.set_fontweight("bold")


def _typologies(figure: Any, figures: dict[str, Any]) -> None:
    """Share of each typology's cases alerted early, a line for each set of detectors."""
    rows = figures["questions"].get(DETECTORS.name) or [figures["reference"]]
    names = list(figures["reference"]["typologies"])
    shares = [[row["typologies"][name]["early"] for name in names] for row in rows]
    axes = figure.subplots()
    axes.imshow(shares, cmap="cividis", vmin=0, vmax=1, aspect="auto")
    for y, line in enumerate(shares):
        for x, value in enumerate(line):
            axes.text(x, y, f"{value:.0%}", ha="center", va="center", fontsize=8, color="w" if value < 0.6 else "k")
    axes.set_xticks(range(len(names)), names)
    axes.set_yticks(range(len(rows)), [row["name"] for row in rows], fontsize=8)
    axes.set_title("Cases alerted early, by typology and detectors", loc="left", fontsize=10)
