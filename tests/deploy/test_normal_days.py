"""Normal days wake nobody; beside them a deployment in which a service is cut off for four hours of one day."""

import json
import subprocess
from pathlib import Path

import pytest
from support.normal_month import HOURS, Month
from support.prometheus import promtool

RULES = Path(__file__).parents[2] / "deploy" / "prometheus"


@pytest.mark.parametrize(
    ("days", "step", "every", "ill_day"),
    [(30, 5, "1h", 20), (1, 1, "5m", 0)],
    ids=["30 days, a sample in 5 min", "a day, a sample a minute"],
)
def test_normal_days_wake_nobody_and_need_no_ticket(
    tmp_path: Path, days: int, step: int, every: str, ill_day: int
) -> None:
    cut_off = range(ill_day * HOURS + 12, ill_day * HOURS + 16)
    well = Month("well", seed=1, days=days, step=step)
    ill = Month("ill", seed=2, days=days, step=step, workers="d", silent=cut_off)
    fired = f'count by (deployment, alertname) (count_over_time(ALERTS{{alertstate="firing"}}[{days}d]))'
    silent = {"labels": '{deployment="ill", alertname="KozamoriServiceSilent"}', "value": 1}
    case = {
        "interval": f"{step}m",
        "input_series": [one.entry() for month in (well, ill) for one in month.series()],
        "promql_expr_test": [{"expr": fired, "eval_time": f"{days}d", "exp_samples": [silent]}],
    }
    files = [str(RULES / name) for name in ("alerts.yml", "slo.yml")]
    rules = tmp_path / "month.yml"
    rules.write_text(json.dumps({"rule_files": files, "evaluation_interval": every, "tests": [case]}), "utf-8")
    command = [promtool(), "test", "rules", str(rules)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
