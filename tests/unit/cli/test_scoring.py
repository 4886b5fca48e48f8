"""`kozamori score` end to end on a small simulated history, and the ways it refuses."""

import json
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from detector.cli.models import train
from detector.cli.scoring import score
from detector.cli.simulate import simulate
from detector.core.chains import ACCOUNT_CHAIN, CHAINS
from detector.core.detector_table import DETECTORS
from detector.errors import UserError
from models.scoring import KEPT
from producers.files import read_events, read_tables, write_events


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some days of events and a model with so large a budget that many of them alert."""
    folder = tmp_path_factory.mktemp("history")
    options = ["-o", folder / "out", "--accounts", "1500", "--days", "4", "--start", "2020-08-01"]
    invoke(simulate, *options)
    invoke(
        train,
        folder / "out" / "events.parquet",
        "-o",
        folder / "model",
        "--budget",
        "200",
        "--seed",
        "3",
        "--inject",
        "100",
        "--burn-in",
        "0",
    )
    return folder


def invoke(command: object, *options: object) -> Result:
    result = CliRunner().invoke(command, [str(option) for option in options], catch_exceptions=False)  # type: ignore[arg-type]
    assert 0 == result.exit_code, result.output
    return result


def run(history: Path, output: Path, *options: object) -> pd.DataFrame:
    invoke(score, history / "out" / "events.parquet", "--model", history / "model", "-o", output, *options)
    return pd.read_json(output, lines=True) if output.suffix == ".jsonl" else pd.read_parquet(output)


def test_every_event_of_the_file_has_a_row_in_its_order(history: Path, tmp_path: Path) -> None:
    expected = pd.concat(read_events(history / "out" / "events.parquet"))
    found = run(history, tmp_path / "scores.parquet")
    for column in KEPT:
        assert expected[column].fillna("").tolist() == found[column].fillna("").tolist()


def test_scores_after_a_warm_up_are_those_of_the_whole_log(history: Path, tmp_path: Path) -> None:
    table = pq.read_table(history / "out" / "events.parquet")
    half = table.num_rows // 2
    parts = {"before": table.slice(0, half), "after": table.slice(half)}
    for name, part in parts.items():
        pq.write_table(part, tmp_path / f"{name}.parquet")
    whole = run(history, tmp_path / "scores.parquet").iloc[half:].reset_index(drop=True)
    options = ["--model", history / "model", "-o", tmp_path / "late.parquet"]
    said = invoke(score, tmp_path / "after.parquet", *options, "--warm-up", tmp_path / "before.parquet")
    assert "state begins empty" not in said.stderr
    pd.testing.assert_frame_equal(whole, pd.read_parquet(tmp_path / "late.parquet"))
    said = invoke(score, tmp_path / "after.parquet", *options)
    assert "the state begins empty, alerts mean little until it has settled, 0 days" in said.stderr
    assert not whole.equals(pd.read_parquet(tmp_path / "late.parquet"))


def test_links_and_debits_are_scored_and_those_within_the_budget_alert(history: Path, tmp_path: Path) -> None:
    found = run(history, tmp_path / "scores.parquet")
    scored = found["kind"].isin(["link", "debit"]) & (found["status"] == "applied")
    assert scored.tolist() == found["alarm"].notna().tolist()
    assert found.loc[scored, "score_forest"].between(0, 1).all()
    assert (found["alarm"] <= 200).tolist() == found["alert"].tolist()
    assert 0 < found["alert"].sum() < scored.sum()
    assert found["alert"].tolist() == found["case_id"].notna().tolist()
    assert {detector.name for detector in DETECTORS} >= set(found["detector"].dropna())
    assert scored.tolist() == found["detector"].notna().tolist()


def test_the_first_alert_of_a_case_is_its_update_0_and_names_it(history: Path, tmp_path: Path) -> None:
    alerts = run(history, tmp_path / "scores.parquet").reset_index(names="row").query("alert")
    first = alerts.drop_duplicates("case_id")
    assert {0} == set(first["update"])
    assert first["row"].tolist() == [int(case.rpartition("-")[2]) for case in first["case_id"]]
    raised = alerts.dropna(subset=["update"])
    assert all(group.tolist() == list(range(len(group))) for _, group in raised.groupby("case_id")["update"])
    assert set(raised["case_id"]) == set(alerts["case_id"]), "what is held belongs to its case too"
    assert len(raised) < len(alerts)


def test_json_lines_hold_what_parquet_holds(history: Path, tmp_path: Path) -> None:
    table = run(history, tmp_path / "scores.parquet", "--features")
    lines = [json.loads(line) for line in run_lines(history, tmp_path / "scores.jsonl", "--features")]
    expected = table.astype(object).where(table.notna(), None).to_dict("records")
    assert expected == lines


def run_lines(history: Path, output: Path, *options: object) -> list[str]:
    run(history, output, *options)
    return output.read_text("utf-8").splitlines()


def test_events_of_json_lines_score_as_those_of_parquet(history: Path, tmp_path: Path) -> None:
    write_events(tmp_path / "events.jsonl", read_tables(history / "out" / "events.parquet"))
    expected = run(history, tmp_path / "one.parquet", "--features")
    invoke(score, tmp_path / "events.jsonl", "--model", history / "model", "-o", tmp_path / "two.parquet", "--features")
    pd.testing.assert_frame_equal(expected, pd.read_parquet(tmp_path / "two.parquet"))


def test_the_summary_counts_events_scores_and_alerts(history: Path, tmp_path: Path) -> None:
    output = tmp_path / "scores.parquet"
    events = history / "out" / "events.parquet"
    said = json.loads(invoke(score, events, "--model", history / "model", "-o", output, "--json").stdout)
    found = pd.read_parquet(output)
    assert len(found) == said["events"]
    assert found["alarm"].notna().sum() == said["scored"]
    assert found["alert"].sum() == said["alerts"]
    assert (found["status"] == "duplicate").sum() == said["duplicates"]
    assert json.loads((history / "model" / "manifest.json").read_text("utf-8"))["version"] == said["model"]
    assert said["events_per_s"] > 0


def test_a_model_of_accounts_alone_leaves_wallet_events_out(history: Path, tmp_path: Path) -> None:
    events = history / "out" / "events.parquet"
    invoke(train, events, "-o", tmp_path / "model", "--stages", ACCOUNT_CHAIN.name, "--inject", "100", "--burn-in", "0")
    invoke(score, events, "--model", tmp_path / "model", "-o", tmp_path / "scores.parquet", "--features")
    found = pd.read_parquet(tmp_path / "scores.parquet")
    assert {"link", "unlink", "debit"} == set(found["kind"])
    assert list(ACCOUNT_CHAIN.feature_names) == list(found.columns[-len(ACCOUNT_CHAIN.features) :])


def test_no_feature_has_the_name_of_another_column(history: Path, tmp_path: Path) -> None:
    run(history, tmp_path / "scores.parquet", "--features")
    names = pq.read_schema(tmp_path / "scores.parquet").names
    assert list(CHAINS[-1].feature_names) == names[-len(CHAINS[-1].features) :]
    assert sorted(set(names)) == sorted(names)


def test_a_bad_event_ends_with_its_row_and_leaves_no_file(history: Path, tmp_path: Path) -> None:
    events = pd.concat(read_events(history / "out" / "events.parquet"))
    events.iloc[-1, events.columns.get_loc("wallet")] = ""  # type: ignore[index]
    events.to_parquet(tmp_path / "bad.parquet")
    with pytest.raises(UserError, match=f"row {len(events)}: `wallet`"):
        invoke(score, tmp_path / "bad.parquet", "--model", history / "model", "-o", tmp_path / "scores.parquet")
    assert ["bad.parquet"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("says", "output"),
    [
        ("ending in .parquet or .jsonl", "scores.csv"),
        ("is a folder", "folder.parquet"),
        ("is the events file itself", "out/events.parquet"),
        ("cannot write", "model/manifest.json/scores.parquet"),
    ],
)
def test_a_place_that_cannot_take_scores_is_refused(history: Path, says: str, output: str) -> None:
    (history / "folder.parquet").mkdir(exist_ok=True)
    with pytest.raises(UserError, match=says):
        invoke(score, history / "out" / "events.parquet", "--model", history / "model", "-o", history.joinpath(output))


def test_a_missing_events_file_and_a_missing_model_are_refused(history: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no file .*none\.parquet"):
        invoke(score, tmp_path / "none.parquet", "--model", history / "model", "-o", tmp_path / "scores.parquet")
    with pytest.raises(UserError, match="no such model folder"):
        invoke(score, history / "out" / "events.parquet", "--model", tmp_path / "none", "-o", tmp_path / "s.parquet")
