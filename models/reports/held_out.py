"""The picture of a training: false alerts and catches of each detector on the held-out days, from the manifest."""

import io
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

#: Colours distinct with any colour vision (Okabe & Ito, Color Universal Design, 2008).
CAUGHT, EARLY, LOST, COST, LIMIT = "#56B4E9", "#009E73", "#D55E00", "#8a8f98", "#000000"
SHARES = (("alerted", CAUGHT, "caught"), ("early", EARLY, "caught early"), ("yen_lost", LOST, "yen lost"))
DPI = 110


def picture(manifest: Mapping[str, Any]) -> bytes:
    """A PNG: groups a day and catches of every detector and of all; catches by typology where cases were simulated.

    `manifest`: of a model (`Model.manifest`), with what training wrote under `calibration` and `training`.
    """
    whole = manifest["training"]["held_out"]
    parts = {name: (row["held_out_groups_per_day"], row["catches"]) for name, row in manifest["calibration"].items()}
    parts["all together"] = (whole["groups_per_day"], whole)
    limits = [row["limit_per_day"] for row in manifest["calibration"].values()] + [manifest["budget"]]
    typologies = whole.get("typologies", {})
    figure = Figure(figsize=(14 if typologies else 7, 1.8 + 0.42 * max(len(parts), len(typologies))))
    figure.set_layout_engine("constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(1, 3 if typologies else 1, squeeze=False)[0]
    _costs(axes[0], parts, limits)
    if typologies:
        _shares(axes[1], {name: row for name, (_, row) in parts.items()}, "Simulated cases: by detector")
        _shares(axes[2], {f"{name} ({row['cases']})": row for name, row in typologies.items()}, "by typology (cases)")
        handles, names = axes[1].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside lower center", ncols=len(names), frameon=False)
    out = io.BytesIO()
    # No library version in the metadata, so that the bytes depend on the figures only.
    figure.savefig(out, dpi=DPI, format="png", metadata={"Software": None})
    return out.getvalue()


def _costs(axes: Any, parts: Mapping[str, tuple[float, Any]], limits: list[float]) -> None:
    """Bars of false groups a day, with the part of the budget that each may spend."""
    positions = np.arange(len(parts))
    axes.barh(positions, [cost for cost, _ in parts.values()], color=COST, label="false alert groups a day")
    axes.plot(limits, positions, "|", color=LIMIT, markersize=14, label="its part of the budget")
    _rows(axes, list(parts))
    axes.set_title("False alert groups a day, and the budget (|)", loc="left")


def _shares(axes: Any, rows: Mapping[str, Mapping[str, Any]], title: str) -> None:
    positions = np.arange(len(rows))
    height = 0.8 / len(SHARES)
    for turn, (share, colour, label) in enumerate(SHARES):
        axes.barh(
            positions + (turn - 1) * height, [row[share] for row in rows.values()], height, color=colour, label=label
        )
    _rows(axes, list(rows))
    axes.set_xlim(0, 1)
    axes.xaxis.set_major_formatter("{x:.0%}")
    axes.set_title(title, loc="left")


def _rows(axes: Any, names: list[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.tick_params(length=0)
    axes.grid(axis="x", color="#eeeeee")
    axes.set_axisbelow(True)
