"""The picture of the replay of 2019 and 2020: what was known when, what alerts would have said when, yen saved."""

import datetime as dt
import io
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import matplotlib.dates as mdates
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from detector.jst import JST
from detector.languages import Language
from models.facts_2020 import FACTS
from models.replay_2020 import Case, Episode
from models.reports.fonts import BOLD, font_of
from models.reports.timeline_words import say, told_when

#: Colours distinct with any colour vision (Okabe & Ito, Color Universal Design, 2008).
BEGUN, ALERTED, REPORTED = "#8a8f98", "#0072B2", "#CC79A7"
LOST, LATE, SAVED = "#D55E00", "#E69F00", "#009E73"
DPI = 110


def picture(episodes: tuple[Episode, ...], language: Language, banks: Mapping[str, str]) -> bytes:
    """A PNG with a column for each episode; the facts, numbered, stand below. `banks`: names by code."""
    with font_of(language):
        return _picture(episodes, language, banks)


def _picture(episodes: tuple[Episode, ...], language: Language, banks: Mapping[str, str]) -> bytes:
    figure = Figure(figsize=(14, 13), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(4, len(episodes), height_ratios=(3, 3, 3, 2.6), width_ratios=range(2, 2 + len(episodes)))
    rows: tuple[Callable[[Any, Episode, Language], None], ...] = (_cases, _yen, partial(_banks, banks))
    for column, one in enumerate(episodes):
        for row, draw in enumerate(rows):
            axes = figure.add_subplot(grid[row, column])
            draw(axes, one, language)
            _dates(axes, one)
    _facts(figure.add_subplot(grid[3, :]), language)
    figure.suptitle(say(language, "title"), weight=BOLD[language])
    out = io.BytesIO()
    # No library version in the metadata, so that the bytes depend on the figures only.
    figure.savefig(out, dpi=DPI, format="png", metadata={"Software": None})
    return out.getvalue()


def _cases(axes: Any, one: Episode, language: Language) -> None:
    words = partial(say, language)
    figures = one.figures()
    _steps(axes, one, [case.began_at_ms for case in one.cases], BEGUN, words("begun"), width=4)
    alerts = [case.alerted_at_ms for case in one.cases if case.alerted_at_ms is not None]
    _steps(axes, one, alerts, ALERTED, words("alerted"))
    _reported(axes, one, [day.told_cases for day in one.days()], words("told"))
    for number, fact in enumerate(FACTS, 1):
        if one.dates[0] <= fact.day <= one.dates[-1]:
            _mark(axes, fact.day, str(number), REPORTED if fact.public else BEGUN, BOLD[language])
    axes.set_ylim(0, 1.35 * len(one.cases))  # room for the legend and the facts' numbers
    counts = (figures[name] for name in ("alerted", "cases", "early"))
    axes.set_title(words("episode", words(one.scenario), *counts), loc="left")
    axes.set_ylabel(words("cases"))
    axes.legend(loc="upper left", bbox_to_anchor=(0, 0.9), frameon=False, fontsize=9)  # below the facts' numbers
    if one.public.day > one.dates[-1] and one.lead_days is not None:
        when, _ = told_when(language, FACTS.index(one.public))
        axes.text(0.98, 0.05, words("late", when, one.lead_days), transform=axes.transAxes, ha="right", color=REPORTED)


def _mark(axes: Any, day: dt.date, number: str, colour: str, weight: str) -> None:
    at = _midnight(day)
    axes.axvline(at, color=colour, linestyle=":", linewidth=1, zorder=0)
    # Two facts of one day stand above each other.
    beside = sum(text.get_position()[0] == at for text in axes.texts)
    axes.text(
        at, 0.97 - 0.07 * beside, number, color=colour, transform=axes.get_xaxis_transform(), va="top", weight=weight
    )


def _yen(axes: Any, one: Episode, language: Language) -> None:
    words = partial(say, language)
    debits = sorted(debit for case in one.cases for debit in case.debits)
    when = [*_moments([debit.at_ms for debit in debits]), _end(one)]
    lost = np.cumsum([*(debit.lost for debit in debits), 0]) / 1e6
    taken = np.cumsum([*(debit.yen for debit in debits), 0]) / 1e6
    axes.fill_between(when, 0, lost, step="post", color=LOST, label=words("lost"))
    axes.fill_between(when, lost, taken, step="post", color=SAVED, label=words("there"))
    _reported(axes, one, [day.told_yen / 1e6 for day in one.days()], words("told"))
    axes.set_title(words("saved", taken[-1] - lost[-1], taken[-1], one.false_groups_per_day), loc="left")
    axes.set_ylabel(words("million"))
    axes.set_ylim(bottom=0)
    axes.legend(loc="upper left", frameon=False, fontsize=9)


def _banks(banks: Mapping[str, str], axes: Any, one: Episode, language: Language) -> None:
    """A row for each bank: its cases as dots, its first alert as a bar."""
    words = partial(say, language)
    rows = one.banks()
    position = {row.bank: number for number, row in enumerate(rows)}
    for name, colour, chosen in (
        ("early", SAVED, lambda case: case.early),
        ("later", LATE, lambda case: case.alerted_at_ms is not None and not case.early),
        ("never", LOST, lambda case: case.alerted_at_ms is None),
    ):
        cases: list[Case] = [case for case in one.cases if chosen(case)]
        where = [position[case.bank] for case in cases]
        axes.scatter(
            _moments([case.began_at_ms for case in cases]), where, s=22, color=colour, label=words(name), alpha=0.8
        )
    alerted = [(number, row.first_alert_at) for number, row in enumerate(rows) if row.first_alert_at is not None]
    axes.scatter(
        [dt.datetime.fromisoformat(at) for _, at in alerted],
        [number for number, _ in alerted],
        marker="|",
        s=160,
        color="black",
        label=words("at bank"),
    )
    names = [" ".join(filter(None, (row.bank, banks.get(row.bank), f"({row.cases})"))) for row in rows]
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(len(rows) - 0.5, -0.6 - 0.3 * len(rows))  # room for the legend
    axes.legend(loc="upper left", ncols=2, frameon=False, fontsize=9)
    axes.set_title(words("banks"), loc="left")


def _facts(axes: Any, language: Language) -> None:
    axes.axis("off")
    for number, fact in enumerate(FACTS, 1):
        y = 1 - number / (len(FACTS) + 1)
        axes.text(0, y, f"{number:>2}", color=REPORTED if fact.public else BEGUN, weight=BOLD[language], va="center")
        public = "" if fact.public else say(language, "not public")
        when, what = told_when(language, number - 1)
        axes.text(0.02, y, f"{when}{public}: {what}", va="center", fontsize=9)
    axes.set_title(say(language, "facts"), loc="left")


def _steps(axes: Any, one: Episode, moments_ms: list[int], colour: str, label: str, width: float = 1.8) -> None:
    """A count that grows by one at each moment, drawn to the end of the episode."""
    when = [*_moments(sorted(moments_ms)), _end(one)]
    counts = [*range(1, len(moments_ms) + 1), len(moments_ms)]
    axes.plot(when, counts, color=colour, drawstyle="steps-post", label=label, linewidth=width)


def _reported(axes: Any, one: Episode, by_day: list[float], label: str) -> None:
    """Publicly reported totals, from the beginning of each day."""
    when = [*map(_midnight, one.dates), _end(one)]
    axes.plot(when, [*by_day, by_day[-1]], color=REPORTED, drawstyle="steps-post", label=label, linewidth=2)


def _dates(axes: Any, one: Episode) -> None:
    axes.set_xlim(_midnight(one.dates[0]), _end(one))
    every = max(1, len(one.dates) // 6)
    axes.xaxis.set_major_locator(mdates.DayLocator(interval=every, tz=JST))  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(mdates.DateFormatter("%m-%d", tz=JST))  # type: ignore[no-untyped-call]
    axes.grid(axis="x", color="#eeeeee")
    axes.set_axisbelow(True)


def _moments(at_ms: list[int]) -> list[dt.datetime]:
    return [dt.datetime.fromtimestamp(ms / 1000, JST) for ms in at_ms]


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), JST)


def _end(one: Episode) -> dt.datetime:
    return _midnight(one.dates[-1] + dt.timedelta(days=1))
