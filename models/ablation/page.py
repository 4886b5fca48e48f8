"""The ablation page as Markdown, rendered from the figures alone."""

from typing import Any

from models.ablation.experiments import DETECTORS, FEATURES, QUESTIONS, SEEDS, TYPOLOGIES, Question
from models.ablation.failures import failures, missed, of_seeds, of_typology, spread
from models.ablation.foreign_page import worlds
from models.ablation.markdown import percent, points, rate, table_of

QUICK = "**A quick run of a small world and small models, to see that it runs: its figures mean nothing.**"
MOST_FEATURES = 15  # shown; the others are folded away
HEADS = ("", "alerted", "early", "before a debit", "yen lost", "false groups a day")
_SHARES = ("alerted", "early", "before_debit", "yen_lost")


def page(figures: dict[str, Any]) -> str:
    """The page, for a README beside its pictures."""
    title = "# What each part of a model adds, and where it fails"
    parts = [title, *([QUICK] if figures["quick"] else [])]
    if "worlds" in figures:
        parts += worlds(figures)
    if "questions" in figures:
        parts += _simulated(figures)
    return "\n\n".join(parts) + "\n"


def _simulated(figures: dict[str, Any]) -> list[str]:
    """The sections about our own simulator."""
    parts = [
        *(["## In our own simulator"] if "worlds" in figures else []),
        _intro(figures),
        "![Cases caught early and yen lost in every experiment](experiments.png)",
        "## Where it fails",
        "\n".join(f"- {sentence}" for sentence in failures(figures)) or "Nothing failed.",
    ]
    for question in QUESTIONS:
        table = _table(figures, question)
        if table:
            parts += [f"## {question.title}", question.text, table]
        if question is DETECTORS and table:
            parts += ["![Early cases by typology, without each detector and by each alone](typologies.png)"]
    return parts


def _intro(figures: dict[str, Any]) -> str:
    about = figures["about"]
    seeds = ", ".join(map(str, about["seeds"]))
    return (
        f"Written by `{figures['command']}`; all figures are in `figures.json` beside the pictures. Simulated: seeds"
        f" {seeds}, {about['accounts']:,} accounts, {about['days']} days to learn from, then {about['judged_days']}"
        f" days with {about['judged']} cases of each typology; {about['cases']:,} other simulated cases to learn from,"
        f" {about['turns']} boosted and {about['trees']} isolation trees; a budget of {about['budget']:g} false alert"
        " groups a day over all banks. Limits are those of the training days, as in a worker; in the columns of"
        f" {about['strict']:g} a day, where differences show, it is set in hindsight, so that there are exactly as many"
        " false groups. A budget is a number, not a share: the smaller one also stands for the larger one in a"
        " population that many times as large. Case, early, lost and false group are defined in `models/backtest/`;"
        " shares are means over typologies. Thieves and honest people come from the same simulator that the"
        " attack-trained detector learns from, with other seeds and draws: fraud"
        " that nobody thought of is found less well than this."
    )


def _table(figures: dict[str, Any], question: Question) -> str:
    if question is TYPOLOGIES:
        return _typologies(figures)
    rows = figures["questions"].get(question.name, [])
    if not rows:
        return ""
    if question is FEATURES:
        return _features(figures, rows)
    if question is SEEDS:
        budget = figures["about"]["budget"]
        rows = [*rows, _range(of_seeds(figures), f"range, {budget:g} a day")]
    return table_of((*HEADS, *_strict(figures)), [_cells(row) for row in rows])


def _cells(row: dict[str, Any]) -> list[str]:
    name = f"{row['name']}: {row['text']}" if row["text"] else row["name"]
    exact = [row["early_strict"], row["yen_lost_strict"]]
    return [
        name,
        *map(percent, (row[share] for share in _SHARES)),
        rate(row["false_groups_per_day"]),
        *map(percent, exact),
    ]


def _range(rows: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """The least and most of each figure."""
    shares = (*_SHARES, "false_groups_per_day", "early_strict", "yen_lost_strict")
    return {"name": name, "text": "", **{share: spread(rows, share)[1:] for share in shares}}


def _typologies(figures: dict[str, Any]) -> str:
    lines = []
    for name, row in figures["reference"]["typologies"].items():
        cells = [name, str(row["cases"])]
        for share, worst in (("alerted", min), ("early", min), ("before_debit", min), ("yen_lost", max)):
            values = of_typology(figures, name, share)
            mean = sum(values) / len(values) if values else None
            cells.append("–" if mean is None else f"{percent(mean)} ({percent(worst(values))})")
        lines.append(cells)
    return table_of(("", "cases", *HEADS[1:5]), lines)


def _features(figures: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    ordered = sorted(rows, key=lambda row: (-missed(figures, row), row["name"]))
    usual = figures["reference"]
    early, lost = _strict(figures)
    heads = ("feature", early, "fewer by", lost, "more by")
    lines = [
        [
            f"`{row['name']}`",
            percent(row["early_strict"]),
            points(usual["early_strict"] - row["early_strict"]),
            percent(row["yen_lost_strict"]),
            points(row["yen_lost_strict"] - usual["yen_lost_strict"]),
        ]
        for row in ordered
    ]
    shown, folded = lines[:MOST_FEATURES], lines[MOST_FEATURES:]
    if not folded:
        return table_of(heads, shown)
    rest = f"<details><summary>The other {len(folded)} features</summary>\n\n{table_of(heads, folded)}\n\n</details>"
    return f"{table_of(heads, shown)}\n\n{rest}"


def _strict(figures: dict[str, Any]) -> tuple[str, str]:
    """Headings of the columns of the smaller budget."""
    budget = f"{figures['about']['strict']:g} a day"
    return f"early at {budget}", f"yen lost at {budget}"
