"""A picture of normal life: its hours and days, what is debited and paid, who shares a source, who is sent money."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from detector.contract.vocabulary import DEBIT, KINDS, LINK, OPEN, PAYMENT, PAYOUT, TRANSFER
from producers import jst, season
from producers.life import Life, partners
from producers.life_measures import newcomers, wallets_by_source
from producers.shops import MAX_PAYMENT_YEN
from producers.ties import CAMPUS, CARRIER, COUNTER, HOUSEHOLD

COLOURS = {
    DEBIT: "#1f3b73",
    PAYMENT: "#2e8b57",
    TRANSFER: "#b8860b",
    OPEN: "#8a8f98",
    LINK: "#c0392b",
    PAYOUT: "#7d5ba6",
}
SOURCES = {"homes": HOUSEHOLD, "counters": COUNTER, "campuses": CAMPUS, "carriers": CARRIER}


def draw(life: Life, path: Path) -> None:
    """Write the picture as PNG."""
    figure = Figure(figsize=(13, 8), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(2, 3)
    for axes, panel in zip(panels.flat, (_hours, _days, _amounts, _haste, _sources, _transfers), strict=True):
        panel(axes, life)
        axes.spines[["top", "right"]].set_visible(False)
    figure.suptitle(f"Normal life, {jst.first_day(life.month):%B %Y}, {life.accounts:,} accounts", fontweight="bold")
    figure.savefig(path, dpi=90)


def _hours(axes: Any, life: Life) -> None:
    for kind in (DEBIT, PAYMENT, TRANSFER, OPEN):
        count = np.bincount(jst.hour_of(life.of(kind).occurred_at_ms), minlength=24)
        axes.plot(np.arange(24) + 0.5, count / count.sum(), color=COLOURS[kind], label=KINDS[kind])
    axes.set(
        title="Hour of the day in Japan", xlabel="hour", ylabel="share of the events", xlim=(0, 24), ylim=(0, None)
    )
    axes.legend(frameon=False)


def _days(axes: Any, life: Life) -> None:
    for kind in (DEBIT, PAYMENT, TRANSFER, PAYOUT, OPEN, LINK):
        axes.plot(np.arange(1, life.days + 1), life.per_day(kind), color=COLOURS[kind], label=KINDS[kind])
    for day in jst.days_of(life.month):
        if season.campaign(day) is not None:
            axes.axvspan(day.day - 0.5, day.day + 0.5, color="#f3e3c3", zorder=0)
    axes.set(title="Events a day (shaded: an offer)", xlabel="day of the month", yscale="log")
    axes.legend(frameon=False, ncols=2)


def _amounts(axes: Any, life: Life) -> None:
    edges = np.geomspace(80, 300_000, 60)
    for kind in (DEBIT, PAYMENT, TRANSFER, PAYOUT):
        axes.hist(life.of(kind).amount_yen, edges, histtype="step", color=COLOURS[kind], label=KINDS[kind])
    axes.axvline(MAX_PAYMENT_YEN, color="#c0392b", linewidth=0.8, linestyle=":")
    axes.set(title="Amounts (dotted: bar-code limit)", xlabel="yen", xscale="log", yscale="log")
    axes.legend(frameon=False)


def _haste(axes: Any, life: Life) -> None:
    """First charges of newcomers: how soon after the opening, and how much."""
    first = newcomers(life)
    minutes = (first.occurred_at_ms - first.opened_at_ms) / jst.MINUTE_MS
    # Amounts are few and round: a small seeded jitter separates the points.
    height = first.amount_yen * (0.92 + 0.16 * np.linspace(0, 1, first.size))
    axes.scatter(minutes, height, s=3, alpha=0.4, color=COLOURS[DEBIT], linewidths=0)
    axes.axvspan(2, 40, color="#f6d5d1", zorder=0)
    axes.set(title="First charges within two hours (shaded: T1's haste)", xlabel="minutes after the opening")
    axes.set(ylabel="yen", yscale="log", xlim=(0, 120))


def _sources(axes: Any, life: Life) -> None:
    for name, kind in SOURCES.items():
        wallets = np.sort(wallets_by_source(life, kind))[::-1]
        axes.plot(np.arange(1, len(wallets) + 1), wallets, marker=".", label=name)
    axes.set(
        title="Wallets behind one source", xlabel="rank of the source", ylabel="wallets", xscale="log", yscale="log"
    )
    axes.legend(frameon=False)


def _transfers(axes: Any, life: Life) -> None:
    sent = life.of(TRANSFER)
    ends = {
        "senders to a wallet": (sent.counterparty, sent.wallet),
        "receivers from one": (sent.wallet, sent.counterparty),
    }
    for name, (one, other) in ends.items():
        count = np.bincount(partners(one, other))
        axes.plot(np.flatnonzero(count), count[count > 0], marker=".", linestyle="", label=name)
    axes.set(title="Transfers: fan-in and fan-out", xlabel="wallets in the month", ylabel="wallets with so many")
    axes.set(xscale="log", yscale="log")
    axes.legend(frameon=False)
