"""How alerts, the live view and the summary look; pure functions from figures to rich texts and tables."""

import datetime as dt
from collections.abc import Mapping

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from detector.contract.alerts import Alert
from detector.demo.board import Board, Line
from detector.demo.evaluation import EARLY_YEN, Evaluation
from detector.demo.plan import Language
from producers.banks import BANKS

JST = dt.timezone(dt.timedelta(hours=9), "JST")
COLOURS: Mapping[str, str] = {"low": "cyan", "medium": "yellow", "high": "red", "critical": "bold white on red"}
BANK_NAMES = {f"{bank.code:04}": bank.name for bank in BANKS}
#: Banks named in the summary; the others are counted together.
BANKS_SHOWN = 5


def step(text: str, seconds: float) -> Text:
    """A step that is done."""
    return Text.assemble(("✓ ", "green"), text, (f"  {seconds:.1f} s", "dim"))


def plain(line: Line, language: Language) -> str:
    """An alert as one line."""
    alert = line.alert
    return "  ".join(
        (
            f"{moment(alert.occurred_at_ms):%m-%d %H:%M:%S}",
            f"{alert.severity.upper():<8}",
            bank(alert.bank),
            service(alert),
            f"taken {alert.yen_debited:,}",
            f"at risk {alert.yen_at_risk:,}",
            reason(alert, language),
            truth(line),
        )
    )


def live(board: Board, rows: int, language: Language) -> RenderableType:
    """The live view with at most `rows` alerts, the newest first."""
    table = Table(box=None, expand=True, pad_edge=False, header_style="dim")
    table.add_column("time (JST)", no_wrap=True)
    table.add_column("severity", no_wrap=True)
    table.add_column("bank", no_wrap=True, ratio=3)
    table.add_column("service, passbook", no_wrap=True, ratio=5)
    table.add_column("yen taken", no_wrap=True, justify="right")
    table.add_column("at risk", no_wrap=True, justify="right")
    table.add_column("reason", no_wrap=True, ratio=8)
    table.add_column("alerts", no_wrap=True, justify="right")
    table.add_column("in truth", no_wrap=True)
    for line in board.latest(rows):
        alert = line.alert
        table.add_row(
            f"{moment(alert.occurred_at_ms):%m-%d %H:%M:%S}",
            Text(alert.severity, COLOURS[alert.severity]),
            bank(alert.bank),
            service(alert),
            f"{alert.yen_debited:,}",
            f"{alert.yen_at_risk:,}",
            reason(alert, language),
            f"{line.alerts}",
            Text(truth(line), "bold" if line.attack else "dim"),
        )
    bar = ProgressBar(total=1.0, completed=board.share)
    return Panel(Group(status(board), bar, Text(), table), title="Kozamori 口座守り", title_align="left")


def status(board: Board) -> Text:
    """Where the replay is, in one line."""
    return Text.assemble(
        (f"{moment(board.clock_ms or board.begins_at_ms):%Y-%m-%d %H:%M} JST", "bold"),
        f"   {board.events_per_s:,.0f} events/s   lag {board.lag:,}",
        f"   {board.alerts:,} alerts on {board.accounts:,} accounts",
        "   ",
        (f"{len(board.cases_found)} cases found", "bold"),
    )


def summary(evaluation: Evaluation, budget: float) -> Table:
    """The figures of a replay."""
    figures = evaluation.figures()
    cases = figures["cases"]
    yen, lost = figures["yen_debited"], figures["yen_lost_until_first_alert"]
    table = Table(
        title=f"{evaluation.days} days, {evaluation.events:,} events", title_justify="left", show_header=False
    )
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="dim")
    table.add_row("cases of fraud", f"{cases}", "T1: new wallet, 300,000 yen in about a minute")
    table.add_row("alerted", f"{figures['cases_alerted']}", share(figures["cases_alerted"], cases))
    table.add_row(
        "alerted early",
        f"{figures['cases_alerted_early']}",
        f"{share(figures['cases_alerted_early'], cases)}; at most {EARLY_YEN:,} yen gone, the alerting debit included",
    )
    table.add_row("yen debited in all", f"{yen:,}", "")
    table.add_row("yen lost until the first alert", f"{lost:,}", share(lost, yen))
    table.add_row("alerts", f"{evaluation.alerts:,}", f"{evaluation.updates:,} of them updates of a case")
    table.add_row(
        "false alert groups a day",
        f"{evaluation.false_groups_a_day:.1f}",
        f"budget {budget:g}; a group is one account, 24 h",
    )
    for code, name, rate in _banks(evaluation):
        table.add_row(f"  {code} {name}", f"{rate:.1f}", "")
    return table


def _banks(evaluation: Evaluation) -> list[tuple[str, str, float]]:
    rates = list(evaluation.false_groups_by_bank().items())
    shown = [(code, BANK_NAMES.get(code, ""), rate) for code, rate in rates[:BANKS_SHOWN]]
    others = sum(rate for _, rate in rates[BANKS_SHOWN:])
    return [*shown, (f"{len(rates) - BANKS_SHOWN}", "other banks", others)] if others else shown


def moment(at_ms: int) -> dt.datetime:
    """An event time as it was on Japanese clocks."""
    return dt.datetime.fromtimestamp(at_ms / 1000, JST)


def bank(code: str) -> str:
    """A bank's code and name."""
    return f"{code} {BANK_NAMES.get(code, '')}".rstrip()


def service(alert: Alert) -> str:
    """The service, and what the passbook calls it."""
    return f"{alert.service} {alert.passbook_text}".rstrip()


def reason(alert: Alert, language: Language) -> str:
    """The two reasons with the largest shares."""
    texts = [reason.text_ja if language == "ja" else reason.text_en for reason in alert.reasons[:2]]
    return ("、" if language == "ja" else "; ").join(texts)


def truth(line: Line) -> str:
    """What only the simulator knows."""
    return "attack" if line.attack else "honest"


def share(part: float, whole: float) -> str:
    """A part in percent; nothing where there is no whole."""
    return f"{100 * part / whole:.0f} %" if whole else ""
