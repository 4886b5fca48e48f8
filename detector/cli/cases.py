"""`kozamori cases`: the queue of fraud analysts, as a table, a live view, or JSON lines."""

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

import click
import msgspec
from rich.cells import cell_len
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from detector.cli.alerts import COLOURS, check_bank, until_the_pipe_breaks
from detector.cli.options import CONNECTION, with_settings
from detector.contract.alerts import Alert
from detector.core.case_queue import CaseQueue, OpenCase
from detector.jst import JST
from detector.kafka.errors import quiet
from detector.kafka.security import client_options
from detector.languages import Language, printable
from detector.settings import Settings
from detector.subscriber import AlertSubscriber

HEADS: Mapping[Language, tuple[str, ...]] = {
    "en": ("rank", "at risk", "to cap", "debited", "bank", "service", "account", "since", "n", "why"),
    "ja": ("順位額", "危険額", "上限迄", "引落済", "銀行", "サービス", "口座", "開始", "件", "理由"),
}
_NUMBERS = 4  # the first columns are
#: Columns of `HEADS` that give way where the screen is narrow, the first one first; figures are never cut.
GIVES = (8, 7, 5, 2, 3, 4)
WHY = 16  # at least, of the reason
NOT_SHOWN: Mapping[Language, str] = {"en": ": not shown on so narrow a screen", "ja": "は画面の幅が足りず非表示"}
ACCOUNT_SHOWN = 8  # characters of a keyed hash, enough to distinguish a day's accounts
_ENCODER = msgspec.json.Encoder()


@click.command(
    epilog="""\b
Examples:
  kozamori cases
  kozamori cases --follow --bank 0116 --lang ja
  kozamori cases --json --top 5 | jq .case_id

The case that waiting costs most stands first. Its rank: yen at risk times urgency, the share of them expected to be
gone in an hour. A case is open for 24 hours of event time from its first alert; n: its alerting events. With --bank and
the same bank in the setting alert_banks only that bank's own topic is read.
"""
)
@with_settings(*CONNECTION, "alert_banks")
@click.option("--follow", is_flag=True, help="Keep the list current until Ctrl-C, instead of ending at the last alert.")
@click.option("--bank", metavar="CODE", callback=check_bank, help="Only this bank's, by its four-digit code.")
@click.option("--top", type=click.IntRange(1), default=20, show_default=True, metavar="N", help="Show so many cases.")
@click.option("--lang", type=click.Choice(["en", "ja"]), default="en", show_default=True, help="Language of the text.")
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="Print one JSON object a line and nothing else: the cases in their order; with --follow, each as it changes.",
)
def cases(settings: Settings, *, follow: bool, bank: str | None, top: int, lang: Language, as_json: bool) -> None:
    """Show the open cases, by expected cost of waiting, greatest first."""
    connection = client_options(settings)
    with (
        quiet(),
        until_the_pipe_breaks(),  # around the subscriber: what was not printed is not done
        AlertSubscriber(
            connection.pop("bootstrap_servers"),
            topic=settings.alerts_of(bank),
            bank=bank,
            from_beginning=True,
            until_end=not follow,
            **connection,
        ) as alerts,
    ):
        if as_json:
            print_json(alerts, top, follow=follow)
        else:
            print_table(alerts, top, lang, follow=follow)


def print_json(alerts: Iterable[Alert], top: int, *, follow: bool) -> None:
    """The first `top` cases, an object a line; with `follow` each case as it changes."""
    queue = CaseQueue()
    for alert in alerts:
        case = queue.take(alert)
        if follow and case is not None:
            click.echo(_ENCODER.encode(as_dict(case, queue.now_ms)))
    for case in () if follow else queue.ranked()[:top]:
        click.echo(_ENCODER.encode(as_dict(case, queue.now_ms)))


def print_table(alerts: Iterable[Alert], top: int, lang: Language, *, follow: bool) -> None:
    """The first `top` cases as a table; with `follow` a live one, or a line for each change without a terminal."""
    queue, console = CaseQueue(), Console(highlight=False)
    if follow and console.is_terminal:
        with Live(table(queue, top, lang, console.width), console=console) as live:
            for alert in alerts:
                queue.take(alert)
                live.update(table(queue, top, lang, console.width))
        return
    for alert in alerts:
        case = queue.take(alert)
        if follow and case is not None:
            console.print(Text("  ").join(line(case, queue.now_ms, lang)), soft_wrap=True)
    if not follow:
        console.print(table(queue, top, lang, console.width))


def as_dict(case: OpenCase, now_ms: int) -> dict[str, Any]:
    """A case as JSON values: its last update, and the queue's own figures."""
    return {
        "case_id": case.case_id,
        "rank_yen": case.rank_yen_at(now_ms),
        "urgency": case.urgency_at(now_ms),
        "seconds_to_cap": case.seconds_to_cap_at(now_ms),
        "began_at_ms": case.began_at_ms,
        "events": case.events,
        "last": case.last,
    }


def table(queue: CaseQueue, top: int, lang: Language, width: int) -> Table:
    """The first `top` cases, a line each, without the columns for which a screen of that width has no room."""
    found = queue.ranked()
    now = "-" if not found else f"{_moment(queue.now_ms):%Y-%m-%d %H:%M} JST"
    title = f"{len(found):,} open cases, {now}"
    shown = Table(title=title, title_justify="left", box=None, pad_edge=False, collapse_padding=True, expand=True)
    *heads, why = HEADS[lang]
    rows = [line(case, queue.now_ms, lang) for case in found[:top]]
    room = width - WHY - 1
    sizes = [max(cell_len(head), *(row[at].cell_len for row in rows), 0) + 1 for at, head in enumerate(heads)]
    kept = list(range(len(heads)))
    for at in GIVES:
        if sum(sizes[index] for index in kept) > room:
            kept.remove(at)
    for at in kept:
        shown.add_column(heads[at], justify="right" if at < _NUMBERS else "left", no_wrap=True)
    shown.add_column(why, ratio=1, no_wrap=True, overflow="ellipsis")
    for row in rows:
        shown.add_row(*(row[at] for at in kept), row[-1])
    if len(kept) < len(heads):
        shown.caption = ", ".join(head for at, head in enumerate(heads) if at not in kept) + NOT_SHOWN[lang]
        shown.caption_justify = "left"
    return shown


def line(case: OpenCase, now_ms: int, lang: Language) -> tuple[Text, ...]:
    """The cells of one case; the first has the colour of its severity."""
    last, seconds = case.last, case.seconds_to_cap_at(now_ms)
    reason = last.reasons[0] if last.reasons else None
    text = "" if reason is None else reason.text_ja if lang == "ja" else reason.text_en
    cells = (
        f"{last.yen_at_risk:,}",
        "" if seconds is None else _span(seconds),
        f"{last.yen_debited:,}",
        last.bank,
        last.service,
        (last.account or last.wallet)[:ACCOUNT_SHOWN],
        f"{_moment(case.began_at_ms):%m-%d %H:%M}",
        f"{case.events}",
        text,
    )
    rank = Text(f"{case.rank_yen_at(now_ms):,}", COLOURS[last.severity])
    return (rank, *(Text(printable(cell)) for cell in cells))


def _span(seconds: int) -> str:
    """Hours, minutes and seconds."""
    return str(dt.timedelta(seconds=seconds))


def _moment(at_ms: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(at_ms / 1000, JST)
