"""A real worker on real events, scraped by a real Prometheus: every panel has data, every probe its answer."""

import json
import math
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from support.bystanders import rebalance_held_up
from support.dashboard import FOLDER, panel_queries
from support.prometheus import Prometheus, prometheus, promtool
from support.replays import read_all
from support.scenes import Scene
from support.scrapes import get, scrape, total
from support.workers import Progress, WorkerProcess, wait_until

from detector.canary.probe import LIMIT_S, prove
from detector.core.topology import FORWARDER, topology_of
from detector.observe.catalogue import METRICS, OUTSIDE
from detector.settings import Settings

CAME_IN = f'stage=~"account|{FORWARDER}"'


@dataclass(frozen=True)
class Scraped:
    """A worker that has processed a scene, and the Prometheus that watched."""

    settings: Settings
    port: int
    real: Prometheus

    def figure(self, promql: str) -> float:
        """The single number that a query gives."""
        (sample,) = self.real.query(promql)
        return float(sample["value"][1])


@pytest.fixture(scope="module")
def scraped(small_scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scraped]:
    settings = replace(small_scene, events=()).fresh("panels")
    worker = WorkerProcess(settings, tmp_path_factory.mktemp("panels") / "worker.log")
    progress = Progress(settings)
    try:
        wait_until(lambda: get(worker.port(), "/readyz")[0] == 200, "the worker is ready", worker)
        with prometheus(f"127.0.0.1:{worker.port()}", [FOLDER.parent / "prometheus" / "slo.yml"]) as real:
            # A rate needs two scrapes with the events between them.
            real.wait_for("kozamori_ready == 1")
            small_scene.fill(settings)
            wait_until(progress.finished, "all is committed", worker)
            events = total(scrape(worker.port()), "kozamori_events_total")
            real.wait_for(f"sum(kozamori_events_total) == {events:.0f}")
            yield Scraped(settings, worker.port(), real)
        assert worker.stop() == 0
    finally:
        worker.close()
        progress.close()


def has_data(real: Prometheus, promql: str) -> bool:
    return any(not math.isnan(float(sample["value"][1])) for sample in real.query(promql))


def test_every_panel_on_what_a_worker_shows_has_data(scraped: Scraped) -> None:
    outside = {metric.name.removesuffix("_total") for metric in OUTSIDE}
    queries = [one for one in panel_queries() if not any(name in one[1] for name in outside)]
    assert len(queries) > 10
    assert [] == [(title, promql) for title, promql in queries if not has_data(scraped.real, promql)]


def test_the_figures_are_those_of_the_log(scraped: Scraped) -> None:
    progress = Progress(scraped.settings)
    try:
        read = scraped.figure(f"sum(kozamori_events_total{{{CAME_IN}}}) + sum(kozamori_dead_letters_total)")
        assert progress.end() == read > 6_000
    finally:
        progress.close()
    assert [] == scraped.real.query("sum(kozamori_alerts_total) < 10")
    scraped.real.wait_for("sum(kozamori_lag_events) == 0")
    scraped.real.wait_for("sum(kozamori_unacknowledged_events) == 0")


def test_every_stage_shows_what_it_saw_of_the_events(small_scene: Scene, scraped: Scraped) -> None:
    nodes = [node.name for node in topology_of(small_scene.chain).nodes]
    events = {name: scraped.figure(f'sum(kozamori_chunk_events_sum{{stage="{name}"}})') for name in nodes}
    assert min(events.values()) > 10
    skipped = scraped.figure(f"sum(kozamori_duplicates_total{{{CAME_IN}}}) + sum(kozamori_replayed_total)")
    assert events["wallet"] == events["account"] + events[FORWARDER] - skipped
    assert events["cases"] == scraped.figure("sum(kozamori_alerts_total) + sum(kozamori_alert_events_held_total)")
    assert scraped.figure("sum(kozamori_hop_repeats_total)") == 0


def test_the_messages_in_a_hop_are_those_its_upstreams_counted(small_scene: Scene, scraped: Scraped) -> None:
    topology = topology_of(small_scene.chain)
    for node in topology.nodes:
        if node.source is not None:
            continue
        upstreams = "|".join(topology.upstreams(node.name))
        logs = read_all(scraped.settings, scraped.settings.input_topic(node)).values()
        found = [len(record.value) for log in logs for record in log]
        for metric, expected in (("messages", len(found)), ("bytes", sum(found))):
            counted = f'sum(kozamori_hop_{metric}_total{{stage=~"{upstreams}"}})'
            assert expected == scraped.figure(counted) > 0, node.name


def test_a_worker_that_is_alone_holds_all_partitions_that_there_are(scraped: Scraped) -> None:
    assert scraped.figure("sum(kozamori_assigned_partitions)") == scraped.figure("max(kozamori_partitions)") > 0


def test_promtool_finds_no_fault_with_the_metrics_which_are_those_declared(scraped: Scraped) -> None:
    status, text = get(scraped.port, "/metrics")
    assert status == 200
    checked = subprocess.run(
        [promtool(), "check", "metrics"], input=text, capture_output=True, text=True, timeout=60, check=False
    )
    assert (0, "", "") == (checked.returncode, checked.stdout, checked.stderr)
    exposed = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE kozamori_")}
    declared = {metric.name for metric in METRICS}
    assert declared <= exposed | {name.removesuffix("_total") for name in exposed}


def test_a_working_worker_is_well_and_ready_with_the_partitions_of_every_stage(
    small_scene: Scene, scraped: Scraped
) -> None:
    held = {node.name: [0, 1] for node in topology_of(small_scene.chain).nodes}
    for path, shown in (("/healthz", {}), ("/readyz", held)):
        status, body = get(scraped.port, path)
        assert (200, {"status": "ok", **shown}) == (status, json.loads(body))


def test_canaries_come_back_as_alerts_and_are_in_no_figure_of_alerts(scraped: Scraped) -> None:
    def raised() -> list[float]:
        figures = scrape(scraped.port)
        return [total(figures, name) for name in ("kozamori_alerts_total", "kozamori_event_to_alert_seconds_count")]

    before = raised()
    minute = int(time.time()) // 60
    seconds = [prove(scraped.settings, minute + later) for later in range(6)]
    assert [] == [found for found in seconds if found is None or not 0 < found < LIMIT_S]
    assert before == raised()


def test_a_worker_that_still_joins_is_well_but_not_ready(small_scene: Scene, tmp_path: Path) -> None:
    settings = replace(small_scene, events=()).fresh("joining")
    worker = WorkerProcess(settings, tmp_path / "worker.log")
    try:
        with rebalance_held_up(settings):
            wait_until(lambda: "joining group" in worker.log.read_text("utf-8"), "the worker asks to join", worker)
            assert [503, 200] == [get(worker.port(), path)[0] for path in ("/readyz", "/healthz")]
        wait_until(lambda: get(worker.port(), "/readyz")[0] == 200, "the worker is ready", worker)
        assert worker.stop() == 0
    finally:
        worker.close()
