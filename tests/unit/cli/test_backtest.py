"""`kozamori backtest` end to end on a small simulated September, and the ways it refuses."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from detector.cli.backtest import backtest
from detector.cli.models import train
from detector.cli.scoring import score
from detector.cli.simulate import simulate
from detector.errors import UserError


def invoke(command: object, *options: object) -> Result:
    result = CliRunner().invoke(command, [str(option) for option in options], catch_exceptions=False)  # type: ignore[arg-type]
    assert 0 == result.exit_code, result.output
    return result


@pytest.fixture(scope="module")
def months(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Normal days and a model of them, then days of the same people with cases among them."""
    folder = tmp_path_factory.mktemp("months")
    people = ["--accounts", "2000", "--seed", "5"]
    invoke(simulate, "-o", folder / "before", *people, "--days", "5", "--start", "2020-08-25")
    few = ["--budget", "5", "--inject", "300", "--burn-in", "0"]
    invoke(train, folder / "before" / "events.parquet", "-o", folder / "model", *few)
    days = ["--start", "2020-09-01", "--days", "4", "--cases", "12", "--typologies", "T1,T10"]
    invoke(simulate, "-o", folder / "attack", *people, *days, "--scenario", "ghost-wallets")
    return folder


def run(months: Path, *options: object) -> Result:
    attack = months / "attack"
    named = ["--labels", attack / "labels.parquet", "--model", months / "model"]
    return invoke(backtest, attack / "events.parquet", *named, *options)


def test_json_has_every_scorer_that_can_be_had(months: Path) -> None:
    result = run(months, "--budget", "5", "--train", months / "before" / "events.parquet", "--json")
    told = json.loads(result.stdout)
    assert (5, 4) == (told["budget"], told["days"])
    names = {scorer["name"] for scorer in told["scorers"]}
    assert {"kozamori", "oriented_forest", "plain_forest", "tail_sum", "best_single"} <= names
    assert {"T1", "T10"} == set(told["scorers"][0]["typologies"])
    assert 12 == sum(row["cases"] for row in told["scorers"][0]["typologies"].values())


@pytest.mark.parametrize("options", [[], ["--controller"], ["--bank-budget", "0001=9", "--controller"]], ids=" ".join)
def test_the_model_alerts_where_kozamori_score_says_so(months: Path, tmp_path: Path, options: list[str]) -> None:
    told = json.loads(run(months, "--json", *options).stdout)
    named = ["--model", months / "model", "-o", tmp_path / "scores.parquet"]
    invoke(score, months / "attack" / "events.parquet", *named, *options)
    alerts = pd.read_parquet(tmp_path / "scores.parquet").query("alert")
    labels = pd.read_parquet(months / "attack" / "labels.parquet")
    true = set(alerts.loc[alerts["event_id"].isin(labels["event_id"]), "case_id"])
    ours = told["scorers"][0]
    assert pytest.approx((alerts["case_id"].nunique() - len(true)) / 4) == ours["false_groups_per_day"]
    assert pytest.approx(len(true) / alerts["case_id"].nunique()) == ours["precision"]
    reached = labels[labels["event_id"].isin(alerts["event_id"])].groupby("typology")["case_id"].nunique()
    for typology, row in ours["typologies"].items():
        assert pytest.approx(reached.get(typology, 0) / row["cases"]) == row["alerted"]


def test_false_groups_are_told_by_kind_of_day(months: Path) -> None:
    told = json.loads(run(months, "--json").stdout)
    kinds = told["false_groups_by_kind_of_day"]
    assert {"month_turn": 3, "ordinary": 1} == {name: on["days"] for name, on in kinds.items()}  # 1-4 September 2020
    assert pytest.approx(4 * told["scorers"][0]["false_groups_per_day"]) == sum(
        on["days"] * on["groups_per_day"] for on in kinds.values()
    )
    assert kinds["month_turn"]["groups_per_day"] > 0
    assert "month's turn" in run(months).stdout


def test_without_training_days_what_learns_is_left_out_with_a_note(months: Path) -> None:
    result = run(months)
    assert "plain_forest is left out" in result.stderr
    assert "kozamori" in result.stdout
    assert "plain_forest" not in result.stdout


def test_after_a_warm_up_accounts_are_known(months: Path) -> None:
    cold = json.loads(run(months, "--json").stdout)
    warm = json.loads(run(months, "--warm-up", months / "before" / "events.parquet", "--json").stdout)
    assert cold["days"] == warm["days"]
    assert cold["scorers"][0] != warm["scorers"][0]


def test_a_report_is_written_where_it_is_wanted(months: Path, tmp_path: Path) -> None:
    result = run(months, "-o", tmp_path / "report")
    assert f"report: {tmp_path / 'report' / 'report.html'}" in result.stdout.replace("\n", "")
    assert (tmp_path / "report" / "curves.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("says", "options"),
    [
        ("no file .*none.parquet", ["--train", "none.parquet"]),
        ("no file .*none.parquet", ["--warm-up", "none.parquet"]),
        ("is a file", ["-o", "attack/summary.json"]),
    ],
)
def test_what_cannot_be_read_or_written_is_refused(months: Path, says: str, options: list[str]) -> None:
    flag, name = options
    with pytest.raises(UserError, match=says):
        run(months, flag, months / name)


def test_labels_of_other_events_are_refused(months: Path) -> None:
    other = months / "before" / "events.parquet"
    with pytest.raises(UserError, match="none of the"):
        invoke(backtest, other, "--labels", months / "attack" / "labels.parquet", "--model", months / "model")


@pytest.mark.parametrize("budget", ["0", "-1"])
def test_a_senseless_budget_is_refused(months: Path, budget: str) -> None:
    attack = months / "attack"
    options = [attack / "events.parquet", "--labels", attack / "labels.parquet", "--model", months / "model"]
    result = CliRunner().invoke(backtest, [*map(str, options), "--budget", budget])
    assert (2, True) == (result.exit_code, "--budget" in result.output)


def test_a_model_judged_on_days_it_learnt_from_is_told(months: Path, tmp_path: Path) -> None:
    events, labels = months / "before" / "events.parquet", tmp_path / "labels.parquet"
    debits = pd.read_parquet(events).query("kind == 'debit' and result == 'ok'")["event_id"].astype(str)[-2:]
    debits.to_frame().assign(case_id="c", typology="T1").to_parquet(labels)
    options = "--labels", labels, "--model", months / "model"
    assert "the model learnt from" in invoke(backtest, events, *options).stderr
    pd.read_parquet(events).iloc[1:].to_parquet(tmp_path / "other.parquet")
    assert re.search(
        r"\d of these \d days are among those", invoke(backtest, tmp_path / "other.parquet", *options).stderr
    )
    assert "learnt from" not in run(months).stderr
