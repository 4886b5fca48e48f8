"""`kozamori bench explain`: the figures others read."""

import json

from click.testing import CliRunner
from rich.console import Console

from detector.bench.explain import MOST_JUDGED, Cost, _table, explain


def test_json_has_every_form_of_detector_and_the_counterfactual() -> None:
    result = CliRunner().invoke(explain, ["--rounds", "5", "--alerts", "5", "--json"], catch_exceptions=False)
    said = json.loads(result.stdout)
    assert {"machine", "seed", "rounds", "alerts", "most_judged", "reasons", "counterfactual_us"} == said.keys()
    assert ["boosting", "joint_tail", "isolation_forest"] == [row["form"] for row in said["reasons"]]
    assert all(0 < row["contributions_us"] < row["reasons_us"] for row in said["reasons"])
    assert (MOST_JUDGED, 5) == (said["most_judged"], said["alerts"])
    assert said["counterfactual_us"] > 0


def test_the_table_has_a_row_for_each_detector() -> None:
    console = Console(record=True, width=100)
    console.print(_table([Cost("drain", "joint_tail", 17.2, 120.0), Cost("forest", "isolation_forest", 75, 190)], 5))
    said = console.export_text()
    assert " drain (joint_tail) " in said
    assert " 17 " in said
    assert " 190 " in said
