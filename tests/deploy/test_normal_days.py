"""Normal days wake nobody; beside them a deployment in which a service is cut off for four hours of one day."""

import json
import subprocess
from pathlib import Path

import pytest
from support.normal_month import HOURS, ROLL_OUT_HOUR, Month
from support.prometheus import promtool

RULES = Path(__file__).parents[2] / "deploy" / "prometheus"


def requires_what_fired(
    path: Path, *months: Month, step: int, every: str, until: str, fired: list[dict[str, object]]
) -> None:
    """Fails where, rules evaluated so often, other alerts fired until then; `fired`: deployment and alert."""
    asked = f'count by (deployment, alertname) (count_over_time(ALERTS{{alertstate="firing"}}[{until}]))'
    case = {
        "interval": f"{step}m",
        "input_series": [one.entry() for month in months for one in month.series()],
        "promql_expr_test": [{"expr": asked, "eval_time": until, "exp_samples": fired}],
    }
    files = [str(RULES / name) for name in ("alerts.yml", "slo.yml")]
    path.write_text(json.dumps({"rule_files": files, "evaluation_interval": every, "tests": [case]}), "utf-8")
    command = [promtool(), "test", "rules", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


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
    silent = {"labels": '{deployment="ill", alertname="KozamoriServiceSilent"}', "value": 1}
    requires_what_fired(tmp_path / "month.yml", well, ill, step=step, every=every, until=f"{days}d", fired=[silent])


def test_no_minute_of_a_roll_out_wakes_anybody(tmp_path: Path) -> None:
    well = Month("well", seed=1, days=1, step=1)
    end = f"{ROLL_OUT_HOUR + 1}h"
    requires_what_fired(tmp_path / "night.yml", well, step=1, every="1m", until=end, fired=[])
