"""The dashboards: as their tables say, well formed, and with data in every panel."""

import math
import runpy

import numpy as np
import pytest
from support.dashboard import BOARDS, FOLDER, annotation_queries, panel_queries, panels
from support.prometheus import prometheus

from detector.contract.batch import DTYPES, Batch
from detector.contract.vocabulary import DEBIT, LINK
from detector.core.chains import CHAINS
from detector.core.topology import topology_of
from detector.observe.canary_metrics import CanaryMetrics, Unread
from detector.observe.catalogue import METRICS, NOTIFY, OUTSIDE
from detector.observe.health import HealthServer, Report
from detector.observe.metrics import Metrics, StageMetrics
from detector.observe.notify_metrics import NotifyMetrics

NODES = [node.name for node in topology_of(CHAINS[-1]).nodes]
SCRIPT = FOLDER / "dashboard.py"
PROMETHEUS = FOLDER.parent / "prometheus"


def test_the_checked_in_dashboards_are_what_the_tables_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(SCRIPT.parent))  # as Python does for a script
    rendered = runpy.run_path(str(SCRIPT))["rendered"]()
    assert set(BOARDS) == set(rendered) == {path.name for path in FOLDER.glob("*.json")}
    for name, text in rendered.items():
        assert text == (FOLDER / name).read_text("utf-8"), "stale: run python deploy/grafana/dashboard.py"


@pytest.mark.parametrize("name", BOARDS)
def test_panels_have_distinct_titles_ids_and_places_within_the_grid(name: str) -> None:
    shown = panels(name)
    assert len(shown) == len({panel["title"] for panel in shown}) == len({panel["id"] for panel in shown})
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in shown)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) == 23


def test_every_panel_is_explained_and_its_queries_are_named_apart() -> None:
    for panel in panels():
        assert panel["description"].endswith(".")
        assert len(panel["targets"]) == len({target["refId"] for target in panel["targets"]})
        assert panel["fieldConfig"]["defaults"]["unit"]


def test_every_metric_is_on_the_dashboard() -> None:
    queries = " ".join(promql for _, promql in panel_queries())
    off_board = {"kozamori_restore_seconds"}  # as rows restored it is there
    metrics = [metric.name for metric in METRICS + OUTSIDE + NOTIFY if metric.name not in off_board]
    assert [] == [name for name in metrics if name not in queries]


def work(stage: StageMetrics) -> None:
    columns = {name: np.zeros(4, dtype) for name, dtype in DTYPES.items()}
    columns["kind"][:] = (LINK, LINK, DEBIT, DEBIT)
    columns["result"][:] = (0, 1, 0, 4)
    status = np.zeros(4, np.int8)
    alarm = np.array([0.5, 15.0, 900.0, np.inf])
    stage.chunk(0, Batch(**columns), status, seconds=0.002, watermark_ms=1_600_000_000_000, alarm=alarm)
    stage.hop_sent(1, 900)
    stage.hop_repeats(1)
    stage.lag(0, 3)
    stage.withheld(0, 0)
    stage.unacknowledged(0, 4)
    stage.rows(0, 4, 4_000)
    stage.age(0, 604_800)
    stage.checkpoint(0.05, 4)


def alert(metrics: Metrics) -> None:
    metrics.alert(
        bank="0116", service="paypay", severity="critical", detector="forest", update=0, yen_debited=1, yen_at_risk=2
    )
    metrics.alert_durable(0.1)


def test_every_panel_has_data_from_a_real_prometheus_that_scrapes_a_worker_with_one_alert() -> None:
    metrics = Metrics("1.2.3")
    metrics.model(version="m1", sha256="ab", budget_per_day=20, detectors=("forest",))
    metrics.burn_in(1_209_600)
    metrics.bank_budgets({"0116": 0.5})
    metrics.multiplier("shared", 1.0)
    metrics.dead_letter_reasons(("malformed_json",))
    metrics.rebalanced(1, 1)
    metrics.ready(ready=True)
    metrics.partitions(4)
    canary = CanaryMetrics(metrics.registry)
    canary.sent()
    canary.failed()
    canary.watched("0116", "desk-0116")
    canary.desks({("0116", "desk-0116"): Unread(2, 30.0)})
    receiver = NotifyMetrics(metrics.registry, ["soc"]).of["soc"]
    stages = [metrics.stage(name) for name in NODES]
    stages[0].restored(4, 0.1)
    stages[0].dead_letters(0, 0)
    well = Report(ok=True)
    server = HealthServer(host="127.0.0.1", port=0, registry=metrics.registry, alive=lambda: well, ready=lambda: well)
    alert(metrics)
    for stage in stages:
        work(stage)
    rules = [PROMETHEUS / "alerts.yml", PROMETHEUS / "slo.yml"]
    with server, prometheus(f"127.0.0.1:{server.port}", rules) as real:
        real.wait_for("kozamori_events_total")
        alert(metrics)
        canary.answered(0.2)
        receiver.delivered(0.2)
        for stage in stages:
            work(stage)
        real.wait_for("sum(rate(kozamori_events_total[30s])) > 0")
        for promise in ("late_alerts", "unjudged_events"):
            real.wait_for(f"deployment_job:kozamori_{promise}_ratio:1d >= 0")
        for _, promql in annotation_queries():
            real.query(promql)  # raises where it is none
        without = [
            (title, promql)
            for title, promql in [*panel_queries(), *(one for one in annotation_queries() if one[0] == "Releases")]
            if not any(not math.isnan(float(sample["value"][1])) for sample in real.query(promql))
        ]
        assert [] == without
        assert ["0116"] == [sample["metric"]["bank"] for sample in real.query(by_bank())]
        assert real.query(by_bank())[0]["value"][1] == "2", "the first alert of a bank must count"
        used = real.query(query_of("Alert groups against the budget"))
        assert [("0116", 4.0)] == [(one["metric"]["bank"], float(one["value"][1])) for one in used]
        rates = [float(real.query(promql)[0]["value"][1]) for promql in (query_of("Events per second"), ALL_STAGES)]
        once = pytest.approx(2 / len(NODES), rel=0.05)  # rates are extrapolated, at two moments
        assert rates[0] / rates[1] == once, "an event must count where it came in, and there only"
        assert set(NODES) == {sample["metric"]["stage"] for sample in real.query(query_of("Time spent by stage"))}


ALL_STAGES = "sum(rate(kozamori_chunk_events_sum[30s]))"


def by_bank() -> str:
    return query_of("Alerts by bank")


def query_of(title: str) -> str:
    return next(promql for found, promql in panel_queries() if found == title)
