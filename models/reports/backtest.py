"""The report of a back-test: one self-contained HTML file, its pictures as PNG, all figures as JSON."""

import base64
import json
import math
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

from detector.errors import UserError
from detector.paths import replaced
from models.backtest.cases import EARLY_YEN
from models.backtest.figures import INSIDE, SHARES, Figures, TypologyRow
from models.backtest.run import Backtest, BankRow, Scored
from models.kinds_of_day import KINDS_OF_DAY
from models.reports.backtest_plots import pictures

PAGE = "report.html"
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; color: #1c1f24; }
table { border-collapse: collapse; margin: 1rem 0; } th, td { padding: .25rem .7rem; text-align: right; }
th { border-bottom: 2px solid #1c1f24; } td { border-bottom: 1px solid #e3e5e8; }
th:first-child, td:first-child, td.text { text-align: left; } tr.ours { font-weight: 600; }
small { color: #6a7078; font-weight: 400; } img { max-width: 100%; } h2 { margin-top: 2.5rem; }
"""
_TERMS = (
    ("Case", "one case_id of the labels; its alerts are those on its labelled events."),
    ("Early", f"at most {EARLY_YEN:,} yen of the whole case are gone at its first alert, the alerting debit included."),
    ("Before any debit", "nothing of the case is gone at its first alert."),
    (
        "Yen lost",
        "of all yen debited, those up to and including the case's first alert on the victim account or its wallet.",
    ),
    ("Alert group", "alerts of one account (of one wallet, without an account) within 24 hours of the first of them."),
    ("False group", "an alert group without a labelled event. The budget is in false groups a day over all banks."),
    (
        "Limits",
        "the model's was set on its training days; any other's is the loosest within the budget on these very days.",
    ),
    ("A bank's budget", "one it set itself, or its share of that of all: its part of the groups of training days."),
    ("Means", "over the typologies present, each with equal weight."),
)


def check_report(path: Path) -> None:
    """Raise UserError when `write_report` would refuse `path`; called before the long work."""
    if path.suffix == ".html":
        if path.is_dir():
            raise UserError(f"{path} is a folder: choose another name with -o")
    elif path.exists() and not path.is_dir():
        raise UserError(f"{path} is a file: choose a folder, or a name ending in .html, with -o")


def write_report(path: Path, found: Backtest, about: dict[str, str]) -> Path:
    """Write the report and return the page.

    Into a folder, or beside a page whose name ends in .html, which then begins the other files' names. `about` is
    shown on top. Raises UserError where it cannot be written.
    """
    page = path if path.suffix == ".html" else path / PAGE
    start = f"{page.stem}-" if path.suffix == ".html" else ""
    drawn = pictures(found)
    files = {f"{start}{name}.png": content for name, content in drawn.items()}
    files[f"{start}figures.json"] = json.dumps(figures_of(found, about), indent=2).encode() + b"\n"
    files[page.name] = html_of(found, about, drawn).encode()
    try:
        page.parent.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():  # the page last: if it exists, so does the rest
            with replaced(page.parent / name) as part:
                part.write_bytes(content)
    except OSError as error:
        where = error.filename or page
        raise UserError(
            f"cannot write {where} ({error.strerror or error}): make room or choose another path with -o"
        ) from None
    return page


def figures_of(found: Backtest, about: dict[str, str]) -> dict[str, Any]:
    """All figures: those of `Backtest.figures` with intervals, curves and banks beside them."""
    return {
        **found.figures(),
        "about": about,
        "notes": list(found.notes),
        "intervals": {
            scored.figures.name: {
                share: None if math.isnan(low) else [low, high] for share, (low, high) in scored.intervals.items()
            }
            for scored in found.scorers
        },
        "kozamori_in_hindsight": asdict(found.hindsight),
        "curves": {scored.figures.name: [_point(point) for point in scored.curve] for scored in found.scorers},
        "banks": [row._asdict() for row in found.banks()],
    }


def html_of(found: Backtest, about: dict[str, str], drawn: dict[str, bytes]) -> str:
    """The page; `drawn` are the pictures as PNG."""
    images = {name: base64.b64encode(content).decode() for name, content in drawn.items()}
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>Kozamori back-test</title><style>{_STYLE}</style>",
        "<h1>Back-test</h1>",
        "<p>" + " · ".join(f"{escape(name)} <b>{escape(value)}</b>" for name, value in about.items()) + "</p>",
        f"<p>{_summary(found)}</p>",
        "<h2>Scorers</h2>",
        _scorers(found),
        _picture(images["curves"], "What each budget buys. The dot: the model with the limit of its training days."),
        "<h2>Typologies</h2>",
        _typologies(found.scorers[0].figures),
        _picture(images["typologies"], "Each typology and scorer at this budget."),
        "<h2>False alert groups</h2>",
        _picture(images["false-groups"], "Of the whole model."),
        _kinds_of_day(found),
        _banks(found),
        "<h2>Terms</h2><dl>",
        *(f"<dt><b>{escape(word)}</b></dt><dd>{escape(meaning)}</dd>" for word, meaning in _TERMS),
        f"</dl><p>Small figures: {INSIDE:.0%} bootstrap intervals over cases, drawn within their typology.</p>",
    ]
    if found.notes:
        parts += ["<h2>Notes</h2><ul>", *(f"<li>{escape(note)}</li>" for note in found.notes), "</ul>"]
    return "\n".join(parts) + "\n"


def _summary(found: Backtest) -> str:
    ours = found.scorers[0].figures
    return (
        f"{found.cases.count:,} cases on {len(found.days):,} days. At a budget of <b>{found.budget:g}</b> false alert"
        f" groups a day, <b>{_share(ours.alerted)}</b> of the cases are alerted, <b>{_share(ours.early)}</b> early, and"
        f" <b>{_share(ours.yen_lost)}</b> of the yen are lost by then; there were"
        f" {ours.false_groups_per_day:.1f} false groups a day."
    )


def _scorers(found: Backtest) -> str:
    heads = ("scorer", "", "alerted", "early", "before any debit", "yen lost", "false groups a day", "precision")
    rows = []
    for index, scored in enumerate(found.scorers):
        figures = scored.figures
        cells = [f"<td>{figures.name}</td><td class=text><small>{escape(scored.meaning)}</small></td>"]
        cells += [f"<td>{_share(getattr(figures, share))} {_interval(scored, share)}</td>" for share in SHARES]
        cells += [f"<td>{figures.false_groups_per_day:.1f}</td><td>{_share(figures.precision)}</td>"]
        rows.append(f"<tr{' class=ours' if index == 0 else ''}>{''.join(cells)}</tr>")
    late = found.hindsight
    hindsight = "".join(f"<td>{_share(getattr(late, share))}</td>" for share in SHARES)
    hindsight += f"<td>{late.false_groups_per_day:.1f}</td><td>{_share(late.precision)}</td>"
    rows.insert(1, f"<tr><td></td><td class=text><small>the same, limit in hindsight</small></td>{hindsight}</tr>")
    return _table(heads, rows)


def _typologies(ours: Figures) -> str:
    heads = ("typology", "cases", "alerted", "early", "before any debit", "yen lost", "median time to the first alert")
    return _table(heads, [_typology(name, row) for name, row in ours.typologies.items()])


def _typology(name: str, row: TypologyRow) -> str:
    shares = "".join(f"<td>{_share(getattr(row, share))}</td>" for share in SHARES)
    return f"<tr><td>{escape(name)}</td><td>{row.cases:,}</td>{shares}<td>{_time(row.median_seconds)}</td></tr>"


def _kinds_of_day(found: Backtest) -> str:
    own = found.kinds_of_day()
    rows = [
        f"<tr><td>{kind.shown}</td><td>{own[kind.name].days:,}</td><td>{own[kind.name].groups_per_day:.1f}</td></tr>"
        for kind in KINDS_OF_DAY
        if kind.name in own
    ]
    return _table(("kind of day", "days", "false groups a day"), rows)


def _banks(found: Backtest) -> str:
    heads = ("bank", "budget, false groups a day", "actual", "used")
    return _table(heads, [_bank(row) for row in found.banks()])


def _bank(row: BankRow) -> str:
    budget = (f"{row.budget:.2f}" if row.budget else "–") + (" <small>its own</small>" if row.own else "")
    return (
        f"<tr><td>{row.bank}</td><td>{budget}</td><td>{row.false_groups_per_day:.2f}</td>"
        f"<td>{'–' if row.used is None else f'{row.used:.0%}'}</td></tr>"
    )


def _table(heads: tuple[str, ...], rows: list[str]) -> str:
    return "<table><tr>" + "".join(f"<th>{head}</th>" for head in heads) + "</tr>\n" + "\n".join(rows) + "</table>"


def _picture(image: str, caption: str) -> str:
    return (
        f'<figure><img alt="{caption}" src="data:image/png;base64,{image}"><figcaption>{caption}</figcaption></figure>'
    )


def _interval(scored: Scored, share: str) -> str:
    low, high = scored.intervals[share]
    return "" if math.isnan(low) else f"<small>{100 * low:.0f}–{100 * high:.0f}</small>"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _time(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def _point(figures: Figures) -> dict[str, Any]:
    return {name: value for name, value in asdict(figures).items() if name not in {"name", "typologies"}}
