"""The report on normal life: figures within bounds, what is checked in regenerated, measures worked out by hand."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from matplotlib.image import imread
from support.months import AUGUST, SEED, charges, life_of, month_of, some

from detector.contract.vocabulary import INSUFFICIENT, LINK, OPEN, PAYMENT, TRANSFER, UNLINK, WRONG_CREDENTIALS
from producers import life_measures as measured
from producers import life_report
from producers.life_figures import SECTIONS, Figure

CHECKED_IN = Path(__file__).parents[3] / "docs" / "life" / "README.md"
FIGURES = [figure for section in SECTIONS.values() for figure in section]


@pytest.mark.parametrize("figure", FIGURES, ids=[figure.name for figure in FIGURES])
def test_each_figure_lies_within_its_bounds(figure: Figure) -> None:
    assert figure.low <= figure.measure(month_of()) <= figure.high


def test_the_report_checked_in_is_what_the_simulator_gives_today() -> None:
    # If not: python -m producers.life_report -o docs/life
    assert CHECKED_IN.read_text("utf-8") == life_report.report(month_of(), SEED)


def test_a_figure_outside_its_bounds_is_marked() -> None:
    wrong = Figure("moon", "share", lambda life: 0.5, 0.6, 0.7, "assumed")
    assert "| moon | 50 % **outside** | 60 … 70 | assumed |" == life_report.row(wrong, month_of())


def test_the_command_writes_text_and_picture(tmp_path: Path) -> None:
    done = CliRunner().invoke(life_report.main, ["-o", str(tmp_path), "--accounts", "2000", "--month", "2020-09"])
    assert 0 == done.exit_code, done.output
    assert (tmp_path / "README.md").read_text("utf-8").startswith("# Normal life in September 2020\n")
    height, width, _ = imread(tmp_path / "life.png").shape
    assert width > height > 700


@pytest.mark.parametrize("chosen", [["--accounts", "3"], ["--month", "1999-01"]])
def test_what_cannot_be_simulated_is_refused_in_one_line(tmp_path: Path, chosen: list[str]) -> None:
    done = CliRunner().invoke(life_report.main, ["-o", str(tmp_path), *chosen])
    assert 2 == done.exit_code
    assert "choose" in done.output
    assert not list(tmp_path.iterdir())


def test_a_redelivered_event_is_measured_once() -> None:
    twice = month_of().arrived.size - month_of().once.size
    assert twice == month_of().arrived.size - len(np.unique(month_of().arrived.event)) > 0


def test_a_newcomer_opened_linked_and_charged_within_two_hours() -> None:
    opened = {"opened_at_ms": some(OPEN, [0]).occurred_at_ms[0]}
    quick = [some(LINK, [5], **opened), charges([119, 119.5], [70_000, 9], **opened)]
    late = [some(LINK, [5], wallet=2, **opened), charges([121], 70_000, wallet=2, **opened)]
    failed = [some(LINK, [5], wallet=3, result=WRONG_CREDENTIALS, **opened), charges([9], 1, wallet=3, **opened)]
    life = life_of(*quick, *late, *failed)
    assert [70_000] == measured.newcomers(life).amount_yen.tolist()
    assert 1.0 == measured.big_starts(life)


def test_a_whole_cap_is_300000_yen_in_large_debits_within_an_hour() -> None:
    at_once = charges([0, 30], [200_000, 100_000])
    too_slow = charges([0, 61], [200_000, 100_000], wallet=2)
    too_small = charges([0, 1, 2, 3], [90_000, 90_000, 90_000, 30_000], wallet=3)
    assert 1 == measured.whole_caps(life_of(at_once, too_slow, too_small))
    assert 300_000 == measured.most_charged(life_of(at_once, too_slow, too_small))


def test_spent_soon_counts_what_leaves_the_wallet_within_a_day() -> None:
    charged = charges([0, 0, 0], 100_000, wallet=[1, 2, 3])
    paid = some(PAYMENT, [60, 24 * 60 - 1], amount_yen=[30_000, 20_000], wallet=1)
    sent = some(TRANSFER, [60, 24 * 60 + 1], amount_yen=[49_999, 1], wallet=2)
    before = some(PAYMENT, [-1], amount_yen=90_000, wallet=3)
    assert pytest.approx(1 / 3) == measured.spent_soon(life_of(charged, paid, sent, before))


def test_a_retry_follows_within_ten_minutes_from_the_same_wallet() -> None:
    fails = charges([0, 100, 200], 5_000, result=INSUFFICIENT, wallet=[1, 2, 3])
    again = charges([9, 111, 205], 2_500, wallet=[1, 2, 4])
    assert pytest.approx(1 / 3) == measured.retried(life_of(fails, again))


def test_a_move_is_an_unlink_and_a_link_by_a_fresh_wallet_of_the_same_service() -> None:
    cut = some(UNLINK, [0, 0], account=[1, 2], service=[3, 3])
    fresh = {"opened_at_ms": some(OPEN, [5]).occurred_at_ms[0], "wallet": 9}
    linked = some(LINK, [9, 9], account=[1, 2], service=[3, 4], **fresh)
    assert 1 == measured.moved(life_of(cut, linked))
    assert 0 == measured.relinks(life_of(cut, linked))
    assert 1 == measured.relinks(life_of(cut, some(LINK, [9])))


def test_fans_are_counted_in_distinct_wallets() -> None:
    sent = some(TRANSFER, [0, 1, 2, 3], wallet=[1, 2, 3, 3], counterparty=9, amount_yen=1)
    assert 3 == measured.fan_in(life_of(sent))
    assert 1 == measured.fan_out(life_of(sent))


def test_a_heap_is_what_one_bank_sends_late_within_a_minute() -> None:
    of_bank = np.uint64(125 << 40 | 7)
    held = charges([0, 1, 2], 1, account=of_bank)
    prompt = charges([60, 60.1], 1, account=of_bank)
    arrived = held._replace(arrival_ms=held.arrival_ms[:1].repeat(3) + 60 * 60_000)
    assert 3 == measured.largest_heap(life_of(arrived, prompt))


def test_a_month_is_measured_up_to_its_end() -> None:
    life = month_of()
    assert AUGUST == life.month
    assert life.days == 31
    assert life.per_day(OPEN).sum() == life.of(OPEN).size
