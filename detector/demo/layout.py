"""How alerts, the live view and the summary look; pure functions from figures to rich texts and tables."""

import datetime as dt
from collections.abc import Mapping

from rich.cells import cell_len, set_cell_size
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from detector.contract.alerts import Alert, Counterfactual, Reason
from detector.demo.board import Board, Line
from detector.demo.evaluation import Evaluation
from detector.demo.plan import Language
from detector.jst import JST
from models.backtest.cases import EARLY_YEN
from producers.banks import BANKS

COLOURS: Mapping[str, str] = {"low": "cyan", "medium": "yellow", "high": "red", "critical": "bold white on red"}
BANK_NAMES = {f"{bank.code:04}": bank.name for bank in BANKS}
#: Cells of the live view: names of banks fit, and so do the passbook texts even on 80 columns.
BANK_CELLS, LEAST_SERVICE, MOST_SERVICE = 20, 12, 28
OTHER_CELLS = 14 + BANK_CELLS + 7 + 7 + 8 + 5 * 2 + 4
OTHER_OF_A_LINE = 6  # frame and indent
#: Rows of the live view without its alerts: frame, status, bar, head, and one for the cursor.
FRAME_ROWS = 6
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


def live(board: Board, width: int, height: int, language: Language) -> RenderableType:
    """The live view for a terminal of that size; each alert has a line of facts and a line of reasons."""
    service_cells = max(LEAST_SERVICE, min(MOST_SERVICE, width - OTHER_CELLS))
    head = _line("time (JST)", "bank", "passbook, service", service_cells, "taken", "at risk", "truth")
    parts: list[RenderableType] = [status(board), _bar(board.share, width - 4), Text(head, "dim", no_wrap=True)]
    for line in board.latest(max(1, (height - FRAME_ROWS) // 2)):
        parts.append(_facts(line, service_cells))
        why = reason(line.alert, language, width - OTHER_OF_A_LINE)
        parts.append(Text(f"  {why}", "dim", no_wrap=True, overflow="ellipsis"))
    return Panel(Group(*parts), title="Kozamori 口座守り", title_align="left")


def _bar(share: float, cells: int) -> Text:
    full = round(share * cells)
    return Text.assemble(("━" * full, "green"), ("─" * (cells - full), "dim"))


def _facts(line: Line, service_cells: int) -> Text:
    alert = line.alert
    time = f"{moment(alert.occurred_at_ms):%m-%d %H:%M:%S}"
    yen = (f"{alert.yen_debited:,}", f"{alert.yen_at_risk:,}")
    text = Text(_line(time, bank(alert.bank), service(alert), service_cells, *yen, truth(line)), no_wrap=True)
    text.stylize(COLOURS[alert.severity], 0, len(time))
    if line.attack:
        text.stylize("bold", len(time))
    return text


def _line(time: str, bank: str, service: str, service_cells: int, *others: str) -> str:
    taken, at_risk, truth = others
    return (
        f"{time:<14}  {set_cell_size(bank, BANK_CELLS)}  {set_cell_size(service, service_cells)}"
        f"  {taken:>7}  {at_risk:>7}  {truth}"
    )


def status(board: Board) -> Text:
    """Progress of the replay, in one line."""
    return Text.assemble(
        (f"{moment(board.clock_ms or board.begins_at_ms):%Y-%m-%d %H:%M} JST", "bold"),
        f"  {board.events_per_s:,.0f} events/s  lag {board.lag:,}  {board.alerts:,} alerts  ",
        (f"{len(board.cases_found)} of {len(set(board.case_of.values()))} cases", "bold"),
        no_wrap=True,
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
    """What the passbook says, where that is known, and the service."""
    return f"{alert.passbook_text} {alert.service}".lstrip()


def reason(alert: Alert, language: Language, cells: int = 0) -> str:
    """The two reasons with the largest shares; and what would not have alerted, where there is room for it."""
    shown: list[Reason | Counterfactual] = list(alert.reasons[:2])
    if alert.counterfactual is not None:
        shown.append(alert.counterfactual)
    texts = [one.text_ja if language == "ja" else one.text_en for one in shown]
    between = "、" if language == "ja" else "; "
    whole = between.join(texts)
    return whole if cell_len(whole) <= cells else between.join(texts[:2])


def truth(line: Line) -> str:
    """Whether the alerted account was really attacked, as the simulator knows."""
    return "attack" if line.attack else "honest"


def share(part: float, whole: float) -> str:
    """A part in percent; nothing where there is no whole."""
    return f"{100 * part / whole:.0f} %" if whole else ""
