import io
from string import Formatter

import pytest
from rich.cells import cell_len
from rich.console import Console, RenderableType
from support.alerts import make_alert

from detector.contract.alerts import Counterfactual
from detector.demo import layout
from detector.demo.board import Board, Line
from detector.demo.evaluation import Case, Evaluation, Group, Taken
from detector.demo.words import WORDS
from detector.languages import Language

BEGIN_MS = 1_598_886_000_000


def rendered(what: RenderableType, width: int = 200) -> str:
    out = io.StringIO()
    Console(file=out, width=width, legacy_windows=False).print(what)
    return out.getvalue()


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        (
            "en",
            (
                "09-01 14:05:06  CRITICAL  0116 Hokkaido  ドコモコウザ docomo_account  taken 190,000  at risk 110,000"
                "  3 debits within 10 minutes, usually 0; wallet opened 10 minutes ago  attack"
            ),
        ),
        (
            "ja",
            (
                "09-01 14:05:06  最重要    0116 北海道銀  ドコモコウザ docomo_account  引落済 190,000  危険額 110,000"
                "  10 分間に 3 回の引落、開設から 10 分のウォレット  不正"
            ),
        ),
    ],
)
def test_an_alert_tells_when_who_how_much_and_why_in_one_line(language: Language, expected: str) -> None:
    assert expected == layout.plain(Line(make_alert(), attack=True), language)


def test_the_live_view_has_the_newest_alerts_and_says_how_far_it_is() -> None:
    board = Board(BEGIN_MS, BEGIN_MS + 86_400_000, {"e-3": "T1-0001"})
    board.take([make_alert(offset) for offset in range(4)])
    board.measure(BEGIN_MS + 3_600_000, 2_600.0, 17)
    text = rendered(layout.live(board, 100, layout.FRAME_ROWS + 4, "en"), 100)
    for part in ("2020-09-01 01:00 JST", "2,600 events/s", "lag 17", "4 alerts", "1 of 1 cases"):
        assert part in text
    assert (1, 1) == (text.count("  attack "), text.count("  honest "))


def test_what_would_not_have_alerted_is_told_where_there_is_room() -> None:
    board = Board(BEGIN_MS, BEGIN_MS + 86_400_000, {})
    board.take([make_alert(1, counterfactual=Counterfactual("amount_yen", 4e4, "would not have alerted below", ""))])
    wide, narrow = (rendered(layout.live(board, width, 24, "en"), width) for width in (120, 100))
    assert "wallet opened 10 minutes ago; would not have alerted below" in wide
    assert "wallet opened 10 minutes ago" in narrow
    assert "would not" not in narrow


@pytest.mark.parametrize("width", [80, 100, 160])
def test_the_live_view_fits_the_terminal_and_shows_what_the_passbook_says(width: int) -> None:
    board = Board(BEGIN_MS, BEGIN_MS + 86_400_000, {})
    board.take([make_alert(offset, bank="9900") for offset in range(40)])
    lines = rendered(layout.live(board, width, 24, "ja"), width).splitlines()
    assert 24 > len(lines)
    assert {width} == {cell_len(line) for line in lines}
    for part in ("9900 ゆうちょ銀", "ドコモコウザ", "190,000", "110,000", "正当"):
        assert part in lines[4]


def test_the_summary_says_what_is_measured_and_names_the_banks_with_most_false_groups() -> None:
    taken = (Taken(BEGIN_MS, 100_000, gone=True), Taken(BEGIN_MS + 1, 200_000, gone=False))
    cases = (
        Case("T1-0001", "0116", BEGIN_MS, BEGIN_MS, taken),
        Case("T1-0002", "0116", BEGIN_MS, None, tuple(debit._replace(gone=True) for debit in taken)),
    )
    groups = tuple(Group(bank, BEGIN_MS) for bank in ("9900", "9900", "0001", "0009", "0040", "0116", "0117", "0125"))
    text = rendered(layout.summary(Evaluation(10, 1234, cases, groups, 9, 3), 20.0, "en"))
    for row in (
        "alerted 1 50 %",
        "alerted early 1 50 %",
        "yen debited in all 600,000",
        "yen lost until the first alert 400,000 67 %",
        "false alert groups a day 0.8 budget 20",
        "9900 Japan Post Bank 0.2",
        "2 other banks 0.2",
    ):
        assert row in " ".join(text.replace("│", " ").split())


@pytest.mark.parametrize(("budget", "explained"), [(0.8, False), (0.7, True)])
@pytest.mark.parametrize("language", ["en", "ja"])
def test_more_false_alerts_than_the_budget_are_explained_below_the_figures(
    language: Language, budget: float, explained: bool
) -> None:
    groups = tuple(Group("9900", BEGIN_MS) for _ in range(8))
    text = rendered(layout.summary(Evaluation(10, 1234, (), groups, 9, 3), budget, language))
    assert explained == ({"en": "Why more than the budget", "ja": "枠を超えた理由"}[language] in text)


def test_both_languages_say_the_same_things_with_the_same_values() -> None:
    for what, texts in WORDS.items():
        assert ["en", "ja"] == list(texts), what
        fields = [sorted(name for _, name, _, _ in Formatter().parse(text) if name) for text in texts.values()]
        assert fields[0] == fields[1], what


def test_every_bank_has_a_japanese_name_that_fits() -> None:
    named = layout.BANK_NAMES["ja"]
    assert layout.BANK_NAMES["en"].keys() == named.keys()
    assert [] == [name for name in named.values() if not 0 < cell_len(f"0000 {name}") <= layout.BANK_CELLS]


def test_shares_of_nothing_are_not_shown() -> None:
    assert "" == layout.share(0, 0)
