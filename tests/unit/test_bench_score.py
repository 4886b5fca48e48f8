"""`kozamori bench score`: the figures others read."""

import json

from click.testing import CliRunner

from detector.bench.score import BATCHES, score


def test_json_has_both_scorers_at_every_batch_size() -> None:
    result = CliRunner().invoke(score, ["--rounds", "1", "--json"], catch_exceptions=False)
    said = json.loads(result.stdout)
    assert {"machine", "seed", "rounds", "results"} == said.keys()
    found = {(row["name"], row["batch"]): row["us_per_event"] for row in said["results"]}
    assert {(name, batch) for name in ("kozamori", "scikit-learn") for batch in BATCHES} == found.keys()
    assert all(cost > 0 for cost in found.values())


def test_ours_is_the_faster_one_at_every_batch_size() -> None:
    said = json.loads(CliRunner().invoke(score, ["--rounds", "3", "--json"], catch_exceptions=False).stdout)
    cost = {(row["name"], row["batch"]): row["us_per_event"] for row in said["results"]}
    assert all(cost["kozamori", batch] < cost["scikit-learn", batch] for batch in BATCHES)


def test_the_table_names_the_machine() -> None:
    said = CliRunner().invoke(score, ["--rounds", "1"], catch_exceptions=False).stdout
    assert "times faster" in said
    assert "Python" in said
