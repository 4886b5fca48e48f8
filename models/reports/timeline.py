"""The picture of the replay of 2019 and 2020: what was known when, what alerts would have said when, yen saved."""

import datetime as dt
import io
from typing import Any

import matplotlib.dates as mdates
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from detector.jst import JST
from models.facts_2020 import FACTS
from models.replay_2020 import Case, Episode

#: Colours distinct with any colour vision (Okabe & Ito, Color Universal Design, 2008).
BEGUN, ALERTED, REPORTED = "#8a8f98", "#0072B2", "#CC79A7"
LOST, LATE, SAVED = "#D55E00", "#E69F00", "#009E73"
DPI = 110


def picture(episodes: tuple[Episode, ...]) -> bytes:
    """A PNG with a column for each episode; the facts, numbered, stand below."""
    figure = Figure(figsize=(14, 13), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(4, len(episodes), height_ratios=(3, 3, 3, 2.6), width_ratios=range(2, 2 + len(episodes)))
    for column, one in enumerate(episodes):
        for row, draw in enumerate((_cases, _yen, _banks)):
            axes = figure.add_subplot(grid[row, column])
            draw(axes, one)
            _dates(axes, one)
    _facts(figure.add_subplot(grid[3, :]))
    figure.suptitle("Would we have caught it? Facts as the press told them; cases and alerts simulated.", weight="bold")
    out = io.BytesIO()
    # No library version in the metadata, so that the bytes depend on the figures only.
    figure.savefig(out, dpi=DPI, format="png", metadata={"Software": None})
    return out.getvalue()


def _cases(axes: Any, one: Episode) -> None:
    figures = one.figures()
    _steps(axes, one, [case.began_at_ms for case in one.cases], BEGUN, "begun (simulated)", width=4)
    alerts = [case.alerted_at_ms for case in one.cases if case.alerted_at_ms is not None]
    _steps(axes, one, alerts, ALERTED, "alerted by Kozamori")
    _reported(axes, one, [day.told_cases for day in one.days()])
    for number, fact in enumerate(FACTS, 1):
        if one.dates[0] <= fact.day <= one.dates[-1]:
            _mark(axes, fact.day, str(number), REPORTED if fact.public else BEGUN)
    axes.set_ylim(0, 1.35 * len(one.cases))  # room for the legend and the facts' numbers
    axes.set_title(
        f"{one.scenario}: {figures['alerted']} of {figures['cases']} cases alerted, {figures['early']} early",
        loc="left",
    )
    axes.set_ylabel("cases")
    axes.legend(loc="upper left", bbox_to_anchor=(0, 0.9), frameon=False, fontsize=9)  # below the facts' numbers
    if one.public.day > one.dates[-1] and one.lead_days is not None:
        text = f"told to the public in {one.public.when},\n{one.lead_days} days or more after the first alert"
        axes.text(0.98, 0.05, text, transform=axes.transAxes, ha="right", color=REPORTED)


def _mark(axes: Any, day: dt.date, number: str, colour: str) -> None:
    at = _midnight(day)
    axes.axvline(at, color=colour, linestyle=":", linewidth=1, zorder=0)
    # Two facts of one day stand above each other.
    beside = sum(text.get_position()[0] == at for text in axes.texts)
    axes.text(
        at, 0.97 - 0.07 * beside, number, color=colour, transform=axes.get_xaxis_transform(), va="top", weight="bold"
    )


def _yen(axes: Any, one: Episode) -> None:
    debits = sorted(debit for case in one.cases for debit in case.debits)
    when = [*_moments([debit.at_ms for debit in debits]), _end(one)]
    lost = np.cumsum([*(debit.lost for debit in debits), 0]) / 1e6
    taken = np.cumsum([*(debit.yen for debit in debits), 0]) / 1e6
    axes.fill_between(when, 0, lost, step="post", color=LOST, label="lost until the first alert")
    axes.fill_between(when, lost, taken, step="post", color=SAVED, label="still there at the first alert")
    _reported(axes, one, [day.told_yen / 1e6 for day in one.days()])
    price = f"{one.false_groups_per_day:.1f} false groups a day"
    axes.set_title(f"{taken[-1] - lost[-1]:.2f} of {taken[-1]:.2f} million yen saved; {price}", loc="left")
    axes.set_ylabel("million yen")
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper left", frameon=False, fontsize=9)


def _banks(axes: Any, one: Episode) -> None:
    """A row for each bank: its cases as dots, its first alert as a bar."""
    rows = one.banks()
    position = {row.bank: number for number, row in enumerate(rows)}
    for name, colour, chosen in (
        ("alerted early", SAVED, lambda case: case.early),
        ("alerted later", LATE, lambda case: case.alerted_at_ms is not None and not case.early),
        ("never alerted", LOST, lambda case: case.alerted_at_ms is None),
    ):
        cases: list[Case] = [case for case in one.cases if chosen(case)]
        where = [position[case.bank] for case in cases]
        axes.scatter(_moments([case.began_at_ms for case in cases]), where, s=22, color=colour, label=name, alpha=0.8)
    alerted = [(number, row.first_alert_at) for number, row in enumerate(rows) if row.first_alert_at is not None]
    axes.scatter(
        [dt.datetime.fromisoformat(at) for _, at in alerted],
        [number for number, _ in alerted],
        marker="|",
        s=160,
        color="black",
        label="first alert at the bank",
    )
    axes.set_yticks(range(len(rows)), [f"{row.bank} ({row.cases})" for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.6 - 0.3 * len(rows))  # room for the legend
    axes.legend(loc="upper left", ncols=2, frameon=False, fontsize=9)
    axes.set_title("Banks, simulated (their cases), by the moment a case begins", loc="left")


def _facts(axes: Any) -> None:
    axes.axis("off")
    for number, fact in enumerate(FACTS, 1):
        y = 1 - number / (len(FACTS) + 1)
        axes.text(0, y, f"{number:>2}", color=REPORTED if fact.public else BEGUN, weight="bold", va="center")
        public = "" if fact.public else " (not public then)"
        axes.text(0.02, y, f"{fact.when}{public}: {fact.text}", va="center", fontsize=9)
    axes.set_title("What happened, and what was told when", loc="left")


def _steps(axes: Any, one: Episode, moments_ms: list[int], colour: str, label: str, width: float = 1.8) -> None:
    """A count that grows by one at each moment, drawn to the end of the episode."""
    when = [*_moments(sorted(moments_ms)), _end(one)]
    counts = [*range(1, len(moments_ms) + 1), len(moments_ms)]
    axes.plot(when, counts, color=colour, drawstyle="steps-post", label=label, linewidth=width)


def _reported(axes: Any, one: Episode, by_day: list[float]) -> None:
    """Publicly reported totals, from the beginning of each day."""
    when = [*map(_midnight, one.dates), _end(one)]
    axes.plot(
        when, [*by_day, by_day[-1]], color=REPORTED, drawstyle="steps-post", label="told to the public", linewidth=2
    )


def _dates(axes: Any, one: Episode) -> None:
    axes.set_xlim(_midnight(one.dates[0]), _end(one))
    every = max(1, len(one.dates) // 6)
    axes.xaxis.set_major_locator(mdates.DayLocator(interval=every, tz=JST))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(mdates.DateFormatter("%d %b", tz=JST))  # type: ignore[no-untyped-call]
    axes.grid(axis="x", color="#eeeeee")
    axes.set_axisbelow(True)


def _moments(at_ms: list[int]) -> list[dt.datetime]:
    return [dt.datetime.fromtimestamp(ms / 1000, JST) for ms in at_ms]


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), JST)


def _end(one: Episode) -> dt.datetime:
    return _midnight(one.dates[-1] + dt.timedelta(days=1))
