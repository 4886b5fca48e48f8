"""A whole back-test on a made-up history with fraud put into it, and its report."""

import base64
import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from support.logs import Event, make_labels, make_played
from support.models import STAGE, make_history, make_model

from detector.contract.vocabulary import DEBIT
from detector.core.budgets import BankBudgets
from detector.errors import UserError
from models.backtest.labels import Labels
from models.backtest.played import Played
from models.backtest.run import Backtest, backtest
from models.backtest.scorers import NAMES
from models.curve import CURVE
from models.kinds_of_day import KINDS_OF_DAY
from models.reports.backtest import PAGE, check_report, figures_of, html_of, write_report

DAYS = 6
DRAINS = 12
PER_DRAIN = 4


@cache
def log() -> tuple[Played, Labels]:
    """Six normal days, in which ordinary wallets take amounts that nobody takes: cases of T1 and T2."""
    data = make_history(days=DAYS, seed=3)
    data.kind[:] = np.where(np.isnan(data.X[:, 2]), data.kind, DEBIT)
    bad = np.arange(DRAINS * PER_DRAIN) * (len(data.kind) // (DRAINS * PER_DRAIN))
    events = [
        Event(f"e{i}", 86_400 * DAYS * i / len(data.kind), account=f"a{account}", wallet=f"w{i}", kind=kind)
        for i, (account, kind) in enumerate(zip(data.account.tolist(), data.kind.tolist(), strict=True))
    ]
    data.kind[bad] = DEBIT
    data.X[bad] = [np.nan, 300_000, 200_000, 20_000]
    for place, i in enumerate(bad.tolist()):
        case = place // PER_DRAIN
        name = f"T{1 + case % 2}-{case}"
        events[i] = events[i]._replace(case=name, yen=90_000, account=name, wallet=name, kind=DEBIT)
    played = make_played(*events, scores=make_model().judge(data.X, data.kind).scores, X=data.X)
    return played, make_labels(*events)


@cache
def found(budget: float = 5, *, train: bool = True) -> Backtest:
    played, labels = log()
    normal = make_history() if train else None
    return backtest(played, labels, make_model(), STAGE, budget=budget, train=normal)


def test_the_json_has_the_shape_that_programs_read() -> None:
    told = json.loads(json.dumps(found().figures(), allow_nan=False))
    assert ["budget", "days", "false_groups_by_kind_of_day", "scorers"] == list(told)
    assert (5, DAYS) == (told["budget"], told["days"])
    for scorer in told["scorers"]:
        assert [
            "name",
            "alerted",
            "early",
            "before_debit",
            "yen_lost",
            "false_groups_per_day",
            "precision",
            "typologies",
        ] == list(scorer)
        assert ["T1", "T2"] == list(scorer["typologies"])
        for row in scorer["typologies"].values():
            assert ["cases", "alerted", "early", "before_debit", "yen_lost", "median_seconds"] == list(row)
            assert DRAINS / 2 == row["cases"]


def test_scorers_come_in_the_order_of_the_table_and_those_missing_are_noted() -> None:
    assert [name for name in NAMES if name not in {"attack_trained", "joint_tails"}] == [
        scored.figures.name for scored in found().scorers
    ]
    told = [scored.figures.name for scored in found(train=False).scorers]
    assert ["kozamori", "oriented_forest", "best_single"] == told
    notes = "\n".join(found(train=False).notes)
    assert all(f"{name} is left out" in notes for name in set(NAMES) - set(told))


@pytest.mark.parametrize("budget", [1, 5, 20])
def test_scorers_beside_the_model_keep_the_budget_of_false_groups(budget: float) -> None:
    _, *others = found(budget).scorers
    for scored in others:
        assert scored.figures.false_groups_per_day <= budget
    assert max(scored.figures.false_groups_per_day for scored in others) > budget / 2


def test_fraud_unlike_normal_life_is_alerted() -> None:
    ours = found().scorers[0].figures
    assert 1 == ours.alerted
    assert 1 == ours.early
    assert 0.25 == ours.yen_lost
    assert 0 == ours.before_debit


def test_the_best_single_feature_is_named() -> None:
    (best,) = (scored for scored in found().scorers if scored.figures.name == "best_single")
    assert "in hindsight: amount_yen" == best.meaning


def test_curves_do_not_fall_and_reach_all_budgets() -> None:
    for scored in found().scorers:
        assert len(CURVE) == len(scored.curve)
        alerted = [point.alerted for point in scored.curve]
        assert sorted(alerted) == alerted


def test_a_second_run_gives_the_same_figures() -> None:
    played, labels = log()
    again = backtest(played, labels, make_model(), STAGE, budget=5, train=make_history())
    assert figures_of(found(), {}) == figures_of(again, {})


def test_labels_of_another_log_are_refused() -> None:
    played, labels = log()[0], make_labels(Event("other", 0, "T1-1"))
    played = played._replace(case=labels.case_of(played.event_id))
    with pytest.raises(UserError, match="none of the 1 labelled events"):
        backtest(played, labels, make_model(), STAGE, budget=5)


@pytest.mark.parametrize("budget", [0, -1, np.nan, np.inf])
def test_a_senseless_budget_is_refused(budget: float) -> None:
    played, labels = log()
    with pytest.raises(UserError, match="positive, finite"):
        backtest(played, labels, make_model(), STAGE, budget=budget)


def test_labelled_events_outside_the_log_are_noted() -> None:
    played, _ = log()
    labels = make_labels(Event("e0", 0, "T1-0"), Event("other", 0, "T1-0"))
    played = played._replace(case=labels.case_of(played.event_id))
    assert "1 labelled events are not in the log" in backtest(played, labels, make_model(), STAGE, budget=5).notes[-1]


def test_false_groups_are_told_by_kind_of_day() -> None:
    kinds = found().kinds_of_day()
    assert DAYS == sum(on.days for on in kinds.values())
    came = found().scorers[0].figures.false_groups_per_day
    assert pytest.approx(DAYS * came) == sum(on.days * on.groups_per_day for on in kinds.values())
    assert {name: on._asdict() for name, on in kinds.items()} == found().figures()["false_groups_by_kind_of_day"]
    page = html_of(found(), {}, dict.fromkeys(("curves", "typologies", "false-groups"), b""))
    for kind in KINDS_OF_DAY:
        assert (kind.name in kinds) == (f"<tr><td>{kind.shown}</td>" in page)


def test_false_groups_are_shared_out_to_banks() -> None:
    by_bank = found().false_groups_by_bank()
    assert pytest.approx(found().scorers[0].figures.false_groups_per_day) == sum(by_bank.values())
    assert ["0116"] == list(by_bank)


def test_each_bank_is_told_what_it_used_of_its_budget() -> None:
    played, labels = log()
    banks = BankBudgets({"0001": 0.5, "0116": 0.3, "9900": 0.2}, {"9900": 3.0})
    told = backtest(played, labels, replace(make_model(), banks=banks), STAGE, budget=5)
    rows = {row.bank: row for row in told.banks()}
    assert ["0116", "0001", "9900"] == list(rows), "all events are of bank 0116"
    assert [1.5, 2.5, 3.0] == pytest.approx([row.budget for row in rows.values()])
    assert [False, False, True] == [row.own for row in rows.values()]
    came = told.scorers[0].figures.false_groups_per_day
    assert came / 1.5 == pytest.approx(rows["0116"].used)
    assert came == rows["0116"].false_groups_per_day > 0
    assert 0 == rows["0001"].used
    assert "<td>0116</td><td>1.50</td>" in html_of(
        told, {}, dict.fromkeys(("curves", "typologies", "false-groups"), b"")
    )


def test_a_bank_of_its_own_budget_alerts_at_a_limit_of_its_own() -> None:
    played, labels = log()
    found = []
    for own in (0.0, 0.5, 50.0):
        banks = BankBudgets({"0116": 1.0}, {"0116": own} if own else {})
        told = backtest(played, labels, replace(make_model(), banks=banks), STAGE, budget=5)
        found.append(told.scorers[0].figures.false_groups_per_day)
    assert found[1] < found[0] < found[2]


def test_the_report_is_one_page_that_needs_nothing_else(tmp_path: Path) -> None:
    page = write_report(tmp_path / "report", found(), {"events": "<september>"})
    text = page.read_text("utf-8")
    assert PAGE == page.name
    assert "&lt;september&gt;" in text
    sources = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert 3 == len(sources)
    for source in sources:
        head, _, content = source.partition(",")
        assert "data:image/png;base64" == head
        assert any(base64.b64decode(content) == path.read_bytes() for path in page.parent.glob("*.png"))
    for scored in found().scorers:
        assert scored.figures.name in text
    assert json.loads((page.parent / "figures.json").read_text("utf-8"))["scorers"] == found().figures()["scorers"]


def test_a_page_may_have_a_name_of_its_own_and_its_files_begin_with_it(tmp_path: Path) -> None:
    write_report(tmp_path / "may.html", found(), {})
    names = ["may-curves.png", "may-false-groups.png", "may-figures.json", "may-typologies.png", "may.html"]
    assert names == sorted(path.name for path in tmp_path.iterdir())


def test_a_place_that_cannot_take_a_report_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(UserError, match="is a file"):
        check_report(tmp_path / "file")
    with pytest.raises(UserError, match="is a folder"):
        check_report(tmp_path / "folder.html")
    with pytest.raises(UserError, match="cannot write"):
        write_report(tmp_path / "file" / "report", found(), {})
