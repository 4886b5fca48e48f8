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
from detector.demo.words import say
from detector.jst import JST
from detector.languages import Language
from models.backtest.cases import EARLY_YEN
from producers.banks import BANKS

#: They differ in more than hue, for those who see red as brown.
COLOURS: Mapping[str, str] = {
    "low": "dim cyan",
    "medium": "yellow",
    "high": "bold magenta",
    "critical": "bold white on red",
}
BANK_NAMES: Mapping[Language, Mapping[str, str]] = {
    "en": {f"{bank.code:04}": bank.name for bank in BANKS},
    "ja": {f"{bank.code:04}": bank.name_ja for bank in BANKS},
}
SEVERITY_CELLS = 8
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
            set_cell_size(say(language, alert.severity), SEVERITY_CELLS),
            bank(alert.bank, language),
            service(alert),
            f"{say(language, 'taken')} {alert.yen_debited:,}",
            f"{say(language, 'at risk')} {alert.yen_at_risk:,}",
            reason(alert, language),
            truth(line, language),
        )
    )


def live(board: Board, width: int, height: int, language: Language) -> RenderableType:
    """The live view for a terminal of that size; each alert has a line of facts and a line of reasons."""
    service_cells = max(LEAST_SERVICE, min(MOST_SERVICE, width - OTHER_CELLS))
    when, bank_head, service_head, *others = (
        say(language, what) for what in ("time", "bank", "service", "taken", "at risk", "truth")
    )
    head = _line(when, bank_head, service_head, service_cells, *others)
    parts: list[RenderableType] = [
        status(board, language),
        _bar(board.share, width - 4),
        Text(head, "dim", no_wrap=True),
    ]
    for line in board.latest(max(1, (height - FRAME_ROWS) // 2)):
        parts.append(_facts(line, service_cells, language))
        why = reason(line.alert, language, width - OTHER_OF_A_LINE)
        parts.append(Text(f"  {why}", "dim", no_wrap=True, overflow="ellipsis"))
    return Panel(Group(*parts), title="Kozamori 口座守り", title_align="left")


def _bar(share: float, cells: int) -> Text:
    full = round(share * cells)
    return Text.assemble(("━" * full, "green"), ("─" * (cells - full), "dim"))


def _facts(line: Line, service_cells: int, language: Language) -> Text:
    alert = line.alert
    time = f"{moment(alert.occurred_at_ms):%m-%d %H:%M:%S}"
    yen = (f"{alert.yen_debited:,}", f"{alert.yen_at_risk:,}")
    named = bank(alert.bank, language)
    text = Text(_line(time, named, service(alert), service_cells, *yen, truth(line, language)), no_wrap=True)
    text.stylize(COLOURS[alert.severity], 0, len(time))
    if line.attack:
        text.stylize("bold", len(time))
    return text


def _line(time: str, bank: str, service: str, service_cells: int, *others: str) -> str:
    taken, at_risk, truth = others
    return (
        f"{set_cell_size(time, 14)}  {set_cell_size(bank, BANK_CELLS)}  {set_cell_size(service, service_cells)}"
        f"  {_right(taken, 7)}  {_right(at_risk, 7)}  {truth}"
    )


def _right(text: str, cells: int) -> str:
    return " " * (cells - cell_len(text)) + text


def status(board: Board, language: Language) -> Text:
    """Progress of the replay, in one line."""
    return Text.assemble(
        (f"{moment(board.clock_ms or board.begins_at_ms):%Y-%m-%d %H:%M} JST", "bold"),
        say(language, "pace", board.events_per_s, board.lag, board.alerts),
        (say(language, "found", len(board.cases_found), len(set(board.case_of.values()))), "bold"),
        no_wrap=True,
    )


def summary(evaluation: Evaluation, budget: float, language: Language) -> Table:
    """The figures of a replay; below them why, where there were more false alerts than the budget."""

    def words(what: str, *values: object) -> str:
        return say(language, what, *values)

    figures = evaluation.figures()
    cases, alerted, early = (figures[name] for name in ("cases", "cases_alerted", "cases_alerted_early"))
    yen, lost, rate = figures["yen_debited"], figures["yen_lost_until_first_alert"], evaluation.false_groups_a_day
    title = words("days", evaluation.days, evaluation.events)
    table = Table(title=title, title_justify="left", show_header=False, caption_justify="left")
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="dim")
    for name, value, note in (
        ("cases", f"{cases}", words("typology")),
        ("alerted", f"{alerted}", share(alerted, cases)),
        ("early", f"{early}", words("at most", share(early, cases), EARLY_YEN)),
        ("debited", f"{yen:,}", ""),
        ("lost yen", f"{lost:,}", share(lost, yen)),
        ("alerts", f"{evaluation.alerts:,}", words("updates", evaluation.updates)),
        ("false", f"{rate:.1f}", words("group", budget)),
    ):
        table.add_row(words(name), value, note)
    for code, name, of_bank in _banks(evaluation, language):
        table.add_row(f"  {code} {name}", f"{of_bank:.1f}", "")
    if rate > budget:
        table.caption = words("overrun")
    return table


def _banks(evaluation: Evaluation, language: Language) -> list[tuple[str, str, float]]:
    rates = list(evaluation.false_groups_by_bank().items())
    shown = [(code, BANK_NAMES[language].get(code, ""), rate) for code, rate in rates[:BANKS_SHOWN]]
    others = sum(rate for _, rate in rates[BANKS_SHOWN:])
    return [*shown, (f"{len(rates) - BANKS_SHOWN}", say(language, "other banks"), others)] if others else shown


def moment(at_ms: int) -> dt.datetime:
    """An event time as it was on Japanese clocks."""
    return dt.datetime.fromtimestamp(at_ms / 1000, JST)


def bank(code: str, language: Language) -> str:
    """A bank's code and name."""
    return f"{code} {BANK_NAMES[language].get(code, '')}".rstrip()


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


def truth(line: Line, language: Language) -> str:
    """Whether the alerted account was really attacked, as the simulator knows."""
    return say(language, "attack" if line.attack else "honest")


def share(part: float, whole: float) -> str:
    """A part in percent; nothing where there is no whole."""
    return f"{100 * part / whole:.0f} %" if whole else ""
