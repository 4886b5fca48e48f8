"""A real worker on real events, scraped by a real Prometheus: every panel has data, every probe its answer."""

import json
import math
import subprocess
import time
from collections import defaultdict
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
from detector.cli.main import cli, run
from detector.contract.alerts import decode_alert
from detector.contract.bulletins import Bulletin, decode_bulletin
from detector.core.topology import FORWARDER, topology_for
from detector.kafka.topics import create
from detector.observe.catalogue import METRICS, NOTIFY, OUTSIDE
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
    banks = tuple(table["bank"].drop_null().unique().to_pylist() for table in small_scene.events)
    all_banks = tuple(sorted(set().union(*banks)))
    settings = settings.model_copy(update={"alert_banks": all_banks, "bulletin_banks": all_banks})
    create(settings, small_scene.partitions, 1)
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
    outside = {metric.name.removesuffix("_total") for metric in (*OUTSIDE, *NOTIFY)}
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
    nodes = [node.name for node in topology_for(small_scene.model).nodes]
    events = {name: scraped.figure(f'sum(kozamori_chunk_events_sum{{stage="{name}"}})') for name in nodes}
    assert min(events.values()) > 10
    skipped = scraped.figure(f"sum(kozamori_duplicates_total{{{CAME_IN}}}) + sum(kozamori_replayed_total)")
    assert events["wallet"] == events["account"] + events[FORWARDER] - skipped
    assert events["cases"] == scraped.figure("sum(kozamori_alerts_total) + sum(kozamori_alert_events_held_total)")
    assert scraped.figure("sum(kozamori_hop_repeats_total)") == 0


def test_the_messages_in_hops_are_those_their_upstreams_counted(small_scene: Scene, scraped: Scraped) -> None:
    topology = topology_for(small_scene.model)
    lengths = defaultdict[tuple[str, ...], list[int]](list)
    for node in topology.nodes:
        if node.source is None:
            logs = read_all(scraped.settings, scraped.settings.input_topic(node)).values()
            found = [len(record.value) for log in logs for record in log]
            assert found, node.name
            lengths[topology.upstreams(node.name)] += found
    for upstreams, sent in lengths.items():
        for metric, expected in (("messages", len(sent)), ("bytes", sum(sent))):
            counted = f'sum(kozamori_hop_{metric}_total{{stage=~"{"|".join(upstreams)}"}})'
            assert expected == scraped.figure(counted), upstreams


def bulletins_in(settings: Settings, topic: str) -> list[Bulletin]:
    (log,) = read_all(settings, topic).values()
    return [decode_bulletin(record.value) for record in log]


def test_campaigns_are_told_to_all_and_a_bank_of_its_own_accounts_alone(small_scene: Scene, scraped: Scraped) -> None:
    settings = scraped.settings
    told = bulletins_in(settings, settings.bulletins)
    assert len(told) == len({one.bulletin_id for one in told}) == scraped.figure("sum(kozamori_bulletins_total)")
    begun = [one for one in told if one.state == "begun"]
    assert len(begun) == scraped.figure("sum(kozamori_campaigns_total)") > 0
    assert len(begun) == scraped.figure("kozamori_first_event_to_bulletin_seconds_count")
    assert [] == [account for one in told for account in one.accounts]
    rows = [row for table in small_scene.events for row in table.select(["account", "bank"]).to_pylist()]
    bank_of = {row["account"]: row["bank"] for row in rows if row["account"]}
    own = {bank: bulletins_in(settings, settings.bulletins_of(bank)) for bank in settings.bulletin_banks}
    assert sum(map(len, own.values())) > len(begun)
    for bank, ones in own.items():
        assert {bank} >= {bank_of[account] for one in ones for account in one.accounts}
        assert {one.campaign_id for one in begun} >= {one.campaign_id for one in ones}


def test_each_alert_is_in_the_topic_of_its_bank_once_and_counted_once(
    scraped: Scraped, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = scraped.settings
    common = [record.value for log in read_all(settings, settings.alerts).values() for record in log]
    assert len(common) == scraped.figure("sum(kozamori_alerts_total)")
    assert len(common) == scraped.figure("kozamori_event_to_alert_seconds_count")
    own = {bank: read_all(settings, settings.alerts_of(bank)) for bank in settings.alert_banks}
    for bank, logs in own.items():
        ((_, log),) = logs.items()
        expected = [value for value in common if decode_alert(value).bank == bank]
        assert sorted(expected) == sorted(record.value for record in log), bank
    bank = max(own, key=lambda one: sum(map(len, own[one].values())))
    flags = ["--bootstrap", settings.bootstrap[0], "--prefix", settings.prefix, "--alert-banks", bank]
    assert run(cli, ["alerts", "--json", "--bank", bank, *flags]) == 0
    shown = [decode_alert(line.encode()) for line in capsys.readouterr().out.splitlines()]
    assert shown == [decode_alert(record.value) for log in own[bank].values() for record in log]
    assert len(shown) > 1


def test_a_bank_follows_bulletins_and_says_which_it_has_read(
    scraped: Scraped, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = scraped.settings
    flags = ["--bootstrap", settings.bootstrap[0], "--prefix", settings.prefix]
    told = bulletins_in(settings, settings.bulletins)
    assert run(cli, ["bulletins", "--json", *flags]) == 0
    assert told == [decode_bulletin(line.encode()) for line in capsys.readouterr().out.splitlines()]
    bank = max(settings.bulletin_banks, key=lambda one: len(bulletins_in(settings, settings.bulletins_of(one))))
    own = bulletins_in(settings, settings.bulletins_of(bank))
    assert run(cli, ["bulletins", "--bank", bank, "--lang", "ja", *flags]) == 0
    assert own[0].accounts[0] in capsys.readouterr().out
    read = told[0].bulletin_id
    assert run(cli, ["bulletins", "acknowledge", read, "--bank", bank, "--json", *flags]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (read, bank) == (said["bulletin_id"], said["bank"])
    assert 0 < said["seconds"] < 600
    assert run(cli, ["bulletins", "acknowledged", "--json", *flags]) == 0
    assert said == json.loads(capsys.readouterr().out)
    assert run(cli, ["bulletins", "acknowledge", "no-such", "--bank", bank, *flags]) == 2
    assert "expected one of those that `kozamori bulletins` shows" in capsys.readouterr().err


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
    held = {node.name: [0, 1] for node in topology_for(small_scene.model).nodes}
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
