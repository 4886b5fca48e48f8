"""`kozamori train` end to end on a small simulated history, and the ways it refuses."""

import json
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from support.alerts import make_alert

from detector.artifact import read_model
from detector.cli.models import train
from detector.cli.simulate import simulate
from detector.contract import canary
from detector.contract.alerts import Alert, encode_alert
from detector.core.chains import CHAINS
from detector.errors import UserError


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("history")
    options = ["-o", str(folder / "out"), "--accounts", "3000", "--days", "6", "--start", "2020-08-01"]
    assert CliRunner().invoke(simulate, options, catch_exceptions=False).exit_code == 0
    return folder / "out" / "events.parquet"


def run(*options: object) -> Result:
    """Train on days that are too few to tell when the state has settled."""
    given = [str(option) for option in options]
    return CliRunner().invoke(train, [*given, "--burn-in", "0"], catch_exceptions=False)


class Twice(NamedTuple):
    """The same command twice: what `one` says as JSON, what `two` prints, and the folder with both models."""

    json: dict[str, Any]
    table: str
    folder: Path


@pytest.fixture(scope="module")
def trained(events: Path, tmp_path_factory: pytest.TempPathFactory) -> Twice:
    folder = tmp_path_factory.mktemp("trained")
    options = ("--budget", "5", "--seed", "3", "--max-samples", "64", "--inject", "100")
    said = run(events, "-o", folder / "one", *options, "--json").stdout
    return Twice(json.loads(said), run(events, "-o", folder / "two", *options).stdout, folder)


def test_writes_a_model_the_worker_reads_and_says_what_it_learnt_from(trained: Twice) -> None:
    said, model = trained.json, read_model(trained.folder / "one", *CHAINS)
    assert (model.version, model.sha256) == (said["version"], said["sha256"])
    assert (5, 3) == (model.budget, said["seed"])
    assert said["training"]["events"] > 1000
    assert said["calibration"]["forest"]["held_out_groups_per_day"] <= 5
    assert b"\x89PNG" == (trained.folder / "one" / "held_out.png").read_bytes()[:4]


def test_the_table_names_events_days_rate_and_threshold(trained: Twice) -> None:
    assert all(word in trained.table for word in ("links and debits", "2020-08-0", "groups a day", "threshold"))


def test_the_same_command_writes_the_same_bytes(trained: Twice) -> None:
    one, two = ({path.name: path.read_bytes() for path in (trained.folder / name).iterdir()} for name in ("one", "two"))
    assert one == two


def test_what_each_detector_catches_of_simulated_cases_is_told(events: Path, tmp_path: Path) -> None:
    said = json.loads(run(events, "-o", tmp_path / "model", "--inject", "200", "--json").stdout)
    assert {"attack_trained", "forest", "drain"} < set(said["calibration"])
    whole = said["training"]["held_out"]
    assert pytest.approx(50, abs=20) == whole["cases"]
    assert whole["early"] >= max(row["catches"]["early"] for row in said["calibration"].values()) - 0.1
    assert 20 >= whole["groups_per_day"]


def test_without_simulated_cases_nothing_learns_from_attacks(events: Path, tmp_path: Path) -> None:
    said = json.loads(run(events, "-o", tmp_path / "model", "--no-inject", "--json").stdout)
    assert "attack_trained" not in said["calibration"]
    assert pytest.approx(20) == sum(row["limit_per_day"] for row in said["calibration"].values())
    assert 0 == said["training"]["fitted_cases"]


def test_an_unknown_detector_is_refused(events: Path, tmp_path: Path) -> None:
    result = run(events, "-o", tmp_path / "model", "--detectors", "forest,oracle")
    assert 2 == result.exit_code
    assert "oracle" in result.stderr


def test_an_existing_model_is_refused_before_the_events_are_read(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    with pytest.raises(UserError, match="--force"):
        run(tmp_path / "no-events.parquet", "-o", tmp_path / "model")


def test_a_missing_events_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no-events"):
        run(tmp_path / "no-events.parquet", "-o", tmp_path / "model")


def test_two_days_are_too_few(tmp_path: Path) -> None:
    options = ["-o", str(tmp_path / "short"), "--accounts", "2000", "--days", "1", "--start", "2020-08-01"]
    assert CliRunner().invoke(simulate, options, catch_exceptions=False).exit_code == 0
    with pytest.raises(UserError, match="at least 3 days"):
        run(tmp_path / "short" / "events.parquet", "-o", tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("options", [["--budget", "0"], ["--budget", "-3"], ["--max-samples", "1"], ["--seed", "-1"]])
def test_senseless_options_are_refused(events: Path, tmp_path: Path, options: list[str]) -> None:
    assert run(events, "-o", tmp_path / "model", *options).exit_code == 2


def test_alerts_and_labels_are_left_out_of_what_is_learnt_from(events: Path, tmp_path: Path) -> None:
    rows = pq.read_table(events, columns=["event_id", "kind", "account", "occurred_at_ms"]).to_pylist()
    debits = [row for row in rows if row["kind"] == "debit"][:7]
    alerts = [
        make_alert(i, event_id=row["event_id"], account=row["account"], occurred_at_ms=row["occurred_at_ms"])
        for i, row in enumerate(debits[:3])
    ]
    (tmp_path / "alerts.jsonl").write_bytes(b"\n".join(encode_alert(alert) for alert in alerts) + b"\n")
    labels = [{"event_id": row["event_id"], "case_id": "T1-1", "typology": "T1"} for row in debits[3:]]
    (tmp_path / "labels.jsonl").write_text("\n".join(json.dumps(label) for label in labels))
    said = json.loads(
        run(
            *(events, "-o", tmp_path / "model", "--detectors", "forest", "--json"),
            *("--exclude", tmp_path / "alerts.jsonl", "--labels", tmp_path / "labels.jsonl"),
        ).stdout
    )
    assert 4 == said["training"]["fraud_left_out"]
    assert said["training"]["not_learnt_from"] >= 3


@pytest.fixture
def alerts(events: Path, tmp_path: Path) -> list[Alert]:
    """Alerts on six debits of the history, each of an account of its own, in `alerts.jsonl`."""
    rows = pq.read_table(events, columns=["event_id", "kind", "account", "occurred_at_ms"]).to_pylist()
    debits = {row["account"]: row for row in rows if row["kind"] == "debit"}
    made = [
        make_alert(i, event_id=row["event_id"], account=account, occurred_at_ms=row["occurred_at_ms"])
        for i, (account, row) in enumerate(list(debits.items())[:6])
    ]
    (tmp_path / "alerts.jsonl").write_bytes(b"\n".join(encode_alert(alert) for alert in made))
    return made


def test_verdicts_of_two_files_decide_what_alerted_cases_are(events: Path, alerts: list[Alert], tmp_path: Path) -> None:
    first, second, third, fourth, fifth, _ = (alert.alert_id for alert in alerts)
    (tmp_path / "one.csv").write_text(
        f"alert_id,verdict,at\n{first},wrong,2020-08-09T09:00:00+09:00\n{second},right,\n\n{third},unsure,\n"
    )
    lines = [{"alert_id": first, "verdict": "right", "at": "2020-08-09T00:00:01Z"}]
    lines += [{"alert_id": alert, "verdict": "wrong"} for alert in (fourth, fifth)]
    (tmp_path / "two.jsonl").write_text("\n".join(json.dumps(line) for line in lines) + "\n")
    options = (events, "-o", tmp_path / "model", "--exclude", tmp_path / "alerts.jsonl", "--force")
    verdicts = ("--verdicts", tmp_path / "one.csv", "--verdicts", tmp_path / "two.jsonl")
    training = json.loads(run(*options, *verdicts, "--inject", "50", "--json").stdout)["training"]
    assert {"right": 2, "wrong": 2, "unsure": 1, "not_followed": []} == training["verdicts"]
    assert training["fraud_left_out"] >= 2
    told = run(*options, *verdicts, "--no-inject", "--detectors", "forest")
    assert "2 right, 2 wrong (2 not followed), 1 unsure" in told.stdout
    unheard = read_model(tmp_path / "model", *CHAINS).manifest["training"]
    assert [fourth, fifth] == unheard["verdicts"]["not_followed"]
    assert unheard["not_learnt_from"] > training["not_learnt_from"]


@pytest.mark.usefixtures("alerts")
@pytest.mark.parametrize(
    ("expected", "name", "content"),
    [
        ("verdict on nobody: no such alert", "v.csv", "alert_id,verdict\nnobody,right\n"),
        (r"v.csv, line 2: no verdict .*maybe", "v.csv", "alert_id,verdict\na,maybe\n"),
        (r"v.csv, line 3: no verdict", "v.csv", "alert_id,verdict\n\na,right,2020-09-08,too many\n"),
        (r"v.csv, line 2: no verdict .*at", "v.csv", "alert_id,verdict,at\na,right,2020-09-08T09:00:00\n"),
        (r"v.jsonl, line 2: no verdict .*alert_id", "v.jsonl", '\n{"verdict": "right"}\n'),
        (r"v.csv: cannot be read", "v.csv", None),
        (r"v.xlsx: expected a name ending in .jsonl or .csv", "v.xlsx", ""),
    ],
)
def test_verdicts_that_cannot_be_used_are_refused(
    events: Path, tmp_path: Path, expected: str, name: str, content: str | None
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=expected):
        run(events, "-o", tmp_path / "model", "--exclude", tmp_path / "alerts.jsonl", "--verdicts", tmp_path / name)


def test_a_line_that_is_no_alert_is_named(events: Path, tmp_path: Path) -> None:
    (tmp_path / "alerts.jsonl").write_bytes(encode_alert(make_alert()) + b"\n\n{}\n")
    with pytest.raises(UserError, match=r"alerts.jsonl, line 3: no alert"):
        run(events, "-o", tmp_path / "model", "--exclude", tmp_path / "alerts.jsonl")


def test_banks_get_budgets_of_their_own(events: Path, tmp_path: Path) -> None:
    (bank, _), *_ = Counter(pq.read_table(events, columns=["bank"])["bank"].drop_null().to_pylist()).most_common()
    options = (events, "-o", tmp_path / "model", "--detectors", "forest", "--bank-budget")
    assert f"budget of bank {bank}" in run(*options, f"{bank}=1.5").stdout
    model = read_model(tmp_path / "model", *CHAINS)
    assert {bank: 1.5} == model.banks.own
    assert 1.5 / model.banks.shares[bank] == model.limits[int(bank)]
    assert {20.0} == set(np.delete(model.limits, [int(bank), int(canary.BANK)]).tolist())
    with pytest.raises(UserError, match="such as 0116=2"):
        run(*options, "5=1")


def test_days_that_only_fill_the_state_are_told_and_too_few_days_refused(events: Path, tmp_path: Path) -> None:
    options = [str(events), "-o", str(tmp_path / "model"), "--detectors", "forest", "--inject", "20"]
    told = CliRunner().invoke(train, [*options, "--burn-in", "1"], catch_exceptions=False)
    assert "1 days before them only filled the state" in told.stdout
    training = read_model(tmp_path / "model", *CHAINS).manifest["training"]
    assert (1, training["days"] + 1) == (training["burn_in_days"], len(training["groups_by_day"]))
    with pytest.raises(UserError, match="at least 14 days, or --burn-in 0"):
        CliRunner().invoke(train, [*options, "--force"], catch_exceptions=False)


def test_labels_that_match_nothing_are_refused_and_some_that_do_not_are_told(events: Path, tmp_path: Path) -> None:
    ids = pq.read_table(events, columns=["event_id"])["event_id"].to_pylist()[:3]
    for name, event_ids in {"none": ["x", "y"], "some": [*ids, "x"]}.items():
        lines = (json.dumps({"event_id": one, "case_id": "c", "typology": "T1"}) + "\n" for one in event_ids)
        (tmp_path / f"{name}.jsonl").write_text("".join(lines))
    given = [events, "-o", tmp_path / "model", "--no-inject", "--labels"]
    with pytest.raises(UserError, match="none of the 2 labelled events is in"):
        run(*given, tmp_path / "none.jsonl")
    assert "1 of 4 labelled events are not in" in run(*given, tmp_path / "some.jsonl").stderr
