"""Own data from the dry run to the back-test, in the layouts of two public data sets, rows made up here."""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from detector.artifact import read_model
from detector.cli.backtest import normal_life
from detector.cli.main import cli
from detector.cli.mapping import load
from detector.cli.options import Own
from detector.core.chains import SOURCE_CHAIN
from detector.errors import UserError
from producers.mapping.specification import read_mapping

KEY = {"KOZAMORI_HASH_KEY": "a key for tests only"}
LAYOUTS = {
    "paysim": "step,type,amount,nameOrig,oldbalanceOrg,newbalanceOrig,nameDest,oldbalanceDest,newbalanceDest,isFraud,"
    "isFlaggedFraud",
    "creditcard": ",".join(["Time", *(f"V{i}" for i in range(1, 29)), "Amount", "Class"]),
}


def run(*options: object) -> Result:
    return CliRunner().invoke(cli, [str(option) for option in options], env=KEY, catch_exceptions=False)


def paysim(rng: np.random.Generator, rows: int, share: float) -> list[str]:
    steps = np.sort(rng.integers(1, 6 * 24, rows))
    kinds = rng.choice(["CASH_IN", "CASH_OUT", "DEBIT", "PAYMENT", "TRANSFER"], rows)
    fraud = (kinds == "TRANSFER") & (rng.random(rows) < share)
    yen = np.where(fraud, 400_000, rng.lognormal(8, 1, rows)).round(2)
    accounts = rng.integers(0, 300, rows)
    columns = zip(steps, kinds, yen, accounts, fraud, strict=True)
    return [f"{s},{k},{y},C{a},9,9,M{a % 40},0,0,{int(f)},0" for s, k, y, a, f in columns]


def creditcard(rng: np.random.Generator, rows: int, share: float) -> list[str]:
    seconds = np.sort(rng.uniform(0, 172_792, rows)).round()
    fraud = rng.random(rows) < share
    euros = np.where(fraud, 2000, rng.lognormal(3, 1, rows)).round(2)
    return [f"{s},{'0.1,' * 28}{e},{int(f)}" for s, e, f in zip(seconds, euros, fraud, strict=True)]


@pytest.fixture(scope="module", params=["paysim", "creditcard"])
def own(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a mapping, files of normal life and of some fraud, and a model."""
    folder = tmp_path_factory.mktemp(request.param)
    make = {"paysim": paysim, "creditcard": creditcard}[request.param]
    for name, seed, share in (("normal", 5, 0.0), ("own", 6, 0.01)):
        rows = make(np.random.default_rng(seed), 2000, share)
        (folder / f"{name}.csv").write_text("\n".join([LAYOUTS[request.param], *rows]) + "\n")
    (folder / "own.toml").write_text(run("mapping", "example", request.param).stdout)
    said = run(
        "train",
        folder / "normal.csv",
        "--mapping",
        folder / "own.toml",
        "-o",
        folder / "model",
        "--budget",
        "2",
        "--burn-in",
        "0",
    )
    assert "left out" in said.stderr
    return folder


def mapped(own: Path) -> tuple[object, ...]:
    return own / "own.csv", "--mapping", own / "own.toml"


def test_a_model_is_trained_without_what_the_data_cannot_tell(own: Path) -> None:
    model, left_out = read_model(own / "model", SOURCE_CHAIN), read_mapping(own / "own.toml").left_out_features()
    assert set(left_out) == set(model.manifest["training"]["left_out"])
    assert {("debit",)} == {detector.spec.kinds for detector in model.detectors}
    used = ~np.isnan(model.usual[2])
    assert not used[[name in left_out for name in model.feature_names]].any()
    assert used[model.feature_names.index("amount_yen")]


def test_fraud_that_the_mapping_names_is_not_learnt_as_normal_life(own: Path, tmp_path: Path) -> None:
    frauds = json.loads(run("mapping", "check", *mapped(own), "--json").stdout)["fraudulent"]
    options = "-o", tmp_path / "model", "--budget", "2", "--detectors", "forest", "--burn-in", "0"
    assert run("train", *mapped(own), *options).exit_code == 0
    assert 0 < frauds == read_model(tmp_path / "model", SOURCE_CHAIN).manifest["training"]["fraud_left_out"]


def test_simpler_scorers_do_not_learn_from_it_either(own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(*next(iter(KEY.items())))
    data = load(Own(own / "own.toml"))
    every = sum(table.num_rows for table in data.tables(own / "own.csv"))
    frauds = len(data.frauds(own / "own.csv"))
    assert every - frauds == len(normal_life(own / "own.csv", SOURCE_CHAIN, data, lambda _: None).kind) < every


def test_scores_are_those_of_the_same_events_without_a_mapping(own: Path, tmp_path: Path) -> None:
    """The worker knows nothing of mappings: what is left out of training must not matter to the model."""
    from producers.files import write_events
    from producers.tables import SCHEMA

    assert run("score", *mapped(own), "--model", own / "model", "-o", tmp_path / "own.parquet").exit_code == 0
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(*next(iter(KEY.items())))
        data = load(Own(own / "own.toml"))
        write_events(tmp_path / "events.parquet", (table.cast(SCHEMA) for table in data.tables(own / "own.csv")))
    plain = run("score", tmp_path / "events.parquet", "--model", own / "model", "-o", tmp_path / "plain.parquet")
    assert plain.exit_code == 0
    one, other = pq.read_table(tmp_path / "own.parquet"), pq.read_table(tmp_path / "plain.parquet")
    assert one.num_rows > 500
    assert one.column("alert").to_pylist().count(True) > 0
    assert one.equals(other)


def test_left_out_features_have_no_value_in_the_scores(own: Path, tmp_path: Path) -> None:
    run("score", *mapped(own), "--model", own / "model", "-o", tmp_path / "scores.parquet", "--features")
    scores = pq.read_table(tmp_path / "scores.parquet").to_pandas()
    left_out = read_mapping(own / "own.toml").left_out_features()
    assert scores[list(left_out)].isna().all(axis=None)
    assert scores["amount_yen"].notna().all()


def test_a_backtest_takes_its_labels_from_the_mapping(own: Path) -> None:
    said = run("backtest", *mapped(own), "--model", own / "model", "--train", own / "normal.csv", "--json")
    assert said.exit_code == 0
    ours = json.loads(said.stdout)["scorers"][0]
    assert "kozamori" == ours["name"]
    assert ours["alerted"] > 0.5  # amounts far beyond all others
    assert ["fraud"] == list(ours["typologies"])


def test_a_model_that_knows_more_is_told_of(own: Path, tmp_path: Path) -> None:
    column = (own / "own.csv").read_text().split(",")[1]
    precise = (
        (own / "own.toml")
        .read_text()
        .replace('source = { missing = "unknown" }', f'source = {{ column = "{column}", hash = "none" }}')
    )
    (tmp_path / "precise.toml").write_text(precise)
    run(
        "train",
        own / "normal.csv",
        "--mapping",
        tmp_path / "precise.toml",
        "-o",
        tmp_path / "model",
        "--budget",
        "2",
        "--burn-in",
        "0",
        "--detectors",
        "forest",
    )
    said = run("score", *mapped(own), "--model", tmp_path / "model", "-o", tmp_path / "scores.parquet")
    assert re.search("the model was trained with (own_.*, )?source_", said.stderr)


def test_the_dry_run_tells_what_was_understood(own: Path) -> None:
    said = run("mapping", "check", *mapped(own))
    assert said.exit_code == 0
    for word in ("2,000 rows", "debit", "first events", "missing fields", "features left out", "fraudulent events"):
        assert word in said.stdout


def test_the_dry_run_names_lines_that_were_not_understood(own: Path, tmp_path: Path) -> None:
    heading, *lines = (own / "own.csv").read_text().splitlines()
    debits = [line for line in lines if "CASH_IN" not in line]
    (tmp_path / "own.csv").write_text("\n".join([heading, debits[-1], "torn", *debits[:6]]) + "\n")
    said = run("mapping", "check", tmp_path / "own.csv", "--mapping", own / "own.toml", "--json")
    found = json.loads(said.stdout)
    assert (1, 1, 3) == (said.exit_code, found["not_understood"], found["problems"][0]["line"])
    assert 6 == found["late"]
    assert found["least_yen"] <= found["most_yen"]
    assert len(found["first"]) == 5
    assert "wallet_unverified" in found["left_out"]["field `wallet_verified`"]


def test_without_a_hash_key_nothing_is_read() -> None:
    with CliRunner().isolated_filesystem():
        Path("own.toml").write_text(run("mapping", "example", "paysim").stdout)
        options = ["train", "none.csv", "--mapping", "own.toml", "-o", "model"]
        with pytest.raises(UserError, match="KOZAMORI_HASH_KEY"):
            CliRunner().invoke(cli, options, env={"KOZAMORI_HASH_KEY": None}, catch_exceptions=False)


def test_examples_are_listed_and_others_refused() -> None:
    names = ["creditcard", "handbook", "paysim", "paysim2", "pix", "sparkov"]
    assert names == run("mapping", "example").stdout.split()
    with pytest.raises(UserError, match="expected one of creditcard, handbook, paysim"):
        run("mapping", "example", "bank")


def test_a_mapping_wants_a_file_to_produce(own: Path) -> None:
    assert run("produce", "--mapping", own / "own.toml").exit_code == 2


def test_a_backtest_without_any_labels_is_refused(own: Path) -> None:
    assert run("backtest", own / "own.csv", "--model", own / "model").exit_code == 2
