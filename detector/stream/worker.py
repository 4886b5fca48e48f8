"""Runs one worker from start-up checks to its exit status."""

import asyncio
import gc
from collections.abc import Callable
from importlib.metadata import version
from typing import Protocol

import structlog

from detector.artifact import read_model
from detector.contract.dead_letters import REASONS
from detector.core.budget_controller import SHARED_NAME
from detector.core.chains import CHAINS
from detector.core.model import Model
from detector.core.own_budgets import parse_own
from detector.core.topology import Topology, topology_for
from detector.errors import UserError
from detector.jst import DAY_MS
from detector.kafka.security import client_options
from detector.observe.health import HealthServer, Report
from detector.observe.metrics import Metrics
from detector.settings import Settings
from detector.stream.ending import leave, status_of
from detector.stream.faust_ports import faust_ports
from detector.stream.hop_trim import HopTrim
from detector.stream.lag import LagWatch
from detector.stream.presence import Brokers, Presence
from detector.stream.reporting import Reporting
from detector.stream.restore import kafka_reader
from detector.stream.same_model import Runs
from detector.stream.shell import Shell
from detector.stream.signs import Turning, works_of
from detector.stream.standby import Lags
from detector.stream.startup import alerts_by, wait_until_it_fits
from detector.stream.supervision import serve
from detector.stream.topic_watch import TopicWatch
from detector.stream.warmup import warm_up
from detector.stream.watchdog import Pulse, Signs, Watchdog, end_process
from detector.termination import STOP_SIGNALS

log = structlog.get_logger(__name__)


class Health:
    """What `/healthz` and `/readyz` answer, from the start on; each part of the worker's life puts in its own."""

    def __init__(self) -> None:
        self._alive: Callable[[], Report] = lambda: Report(ok=True)
        self.wait("")

    def wait(self, away: str) -> None:
        """Not ready: the worker starts, or waits because Kafka is away."""
        cause = f"Kafka is away: {away}" if away else "the worker starts"
        self._ready: Callable[[], Report] = lambda: Report(ok=False, detail={"cause": cause})

    def run(self, alive: Callable[[], Report], ready: Callable[[], Report]) -> None:
        """What a worker that runs says of itself."""
        self._alive, self._ready = alive, ready

    def alive(self) -> Report:
        """Fails only where a restart helps."""
        return self._alive()

    def ready(self) -> Report:
        """Whether it reads partitions, or could; which ones are still restored."""
        return self._ready()


def run_worker(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT (status 0) or a failure (status 1); `UserError` for what a person must mend first."""
    if settings.model is None:
        raise UserError("setting model: got nothing, expected the folder of a trained model (`kozamori train`)")
    model = read_model(settings.model, *CHAINS).with_bank_budgets(parse_own(settings.bank_budgets))
    if settings.controller:
        model = model.with_controller()
    topology = topology_for(model)
    runs = Runs.of(model, settings)
    metrics, health = _metrics(settings, model), Health()
    server = HealthServer(
        host=settings.metrics_host,
        port=settings.metrics_port,
        registry=metrics.registry,
        alive=health.alive,
        ready=health.ready,
    )
    with server:
        wait_until_it_fits(settings, runs, alerts_by(settings, model), health.wait)
        warm_up(topology, model)
        # Modules, kernels and the model live as long as the process: no collection, in the middle of a chunk, scans
        # them.
        gc.collect()
        gc.freeze()
        log.info(
            "worker starts", group=settings.group, model=model.version, sha256=runs.model, metrics_port=server.port
        )
        return asyncio.run(_run(settings, topology, model, metrics, health))


def _metrics(settings: Settings, model: Model) -> Metrics:
    metrics = Metrics(version("kozamori"))
    metrics.model(
        version=model.version,
        sha256=model.sha256,
        budget_per_day=model.budget,
        detectors=[detector.name for detector in model.detectors],
    )
    metrics.burn_in(model.burn_in_days * DAY_MS / 1000)
    metrics.bank_budgets({bank: model.banks.of_bank(bank, model.budget) for bank in model.banks.shares})
    if not settings.controller:
        metrics.multiplier(SHARED_NAME, 1.0)
    metrics.dead_letter_reasons(list(REASONS))
    return metrics


async def _run(settings: Settings, topology: Topology, model: Model, metrics: Metrics, health: Health) -> int:
    return await _Worker(settings, topology, model, metrics, health).run()


class Watching(Turning, Protocol):
    """A watcher: one whose `run` ends, or raises, ends the worker."""

    async def run(self) -> None:
        """Watch until cancelled."""


class _Worker:
    def __init__(self, settings: Settings, topology: Topology, model: Model, metrics: Metrics, health: Health) -> None:
        self._settings = settings
        self._topology = topology
        self._metrics = metrics
        self._health = health
        self._brokers = Brokers(client_options(settings), topics_of(settings, topology))
        self._presence = Presence(self._brokers.ask)
        reader = kafka_reader(settings)
        self._standby = reader.standby
        self._standby.told = metrics.standby
        runs = Runs.of(model, settings)
        ports = faust_ports(settings, topology, runs, self._presence, reader)
        self._ports = ports
        reporting = Reporting(metrics, [node.name for node in topology.nodes], model.burn_in_days)
        self._shell = shell = Shell(settings, topology, model, reporting, ports)
        self._presence.changed = shell.membership.show_ready
        self._watchers: list[Watching] = [
            self._presence,
            LagWatch(ports.source, ports.reader, shell.tasks, reporting),
            self._standby,
            TopicWatch(ports.topics.ids, shell.tasks, shell.fail),
        ]
        if settings.trim_hops_s:
            hops = {settings.hop_topic(node.name) for node in topology.nodes if node.source is None}
            trim = HopTrim(ports.topics.delete_before, frozenset(hops), shell.tasks, settings.trim_hops_s)
            self._watchers.append(trim)

    async def run(self) -> int:
        """Run until asked to stop or something fails; the exit status."""
        loop, stop = asyncio.get_running_loop(), asyncio.Event()

        def orderly() -> None:
            loop.call_soon_threadsafe(stop.set)

        STOP_SIGNALS.orderly(orderly)
        pulse = Pulse()
        pulse.start(loop)
        turning = [*self._watchers, self._shell.alignment]
        works = works_of(self._shell, turning, self._settings.watchdog_s)
        watchdog = Watchdog(
            lambda: Signs(pulse.beat_s, works(), bool(self._presence.away)),
            limit_s=self._settings.watchdog_s,
            note=self._metrics.stalled,
            end=end_process,
        )
        standby = self._standby
        self._health.run(lambda: alive(watchdog.cause, self._shell, standby.lags), self._shell.membership.readiness)
        watchdog.start()
        try:
            own = self._shell.run_checkpoints, self._shell.alignment.run
            watchers = [*own, *(watcher.run for watcher in self._watchers)]
            error = await serve(self._ports.source, self._shell, watchers, stop, self._presence.back)
            await leave(self._ports.source, error, away=bool(self._presence.away))
            await self._brokers.close()
        finally:
            watchdog.stop()
            pulse.stop()
        return status_of(error)


def topics_of(settings: Settings, topology: Topology) -> list[str]:
    """What a worker reads and writes: without a leader of one of their partitions it cannot go on."""
    inputs = [settings.input_topic(node) for node in topology.nodes]
    rows = [settings.rows_topic(node.name) for node in topology.nodes if node.stage is not None]
    own = [settings.alerts_of(bank) for bank in settings.alert_banks]
    return [*inputs, *rows, settings.alerts, *own, settings.dead_letters]


def alive(cause: str, shell: Shell, followed: Lags) -> Report:
    """Fails with what the watchdog sees standing, and while the worker ends because of something.

    Says what is followed for others, and how many records of it are not read yet.
    """
    if not cause and shell.failed.done():
        cause = f"the worker ends: {shell.failed.result()!r}"
    detail: dict[str, object] = {"cause": cause} if cause else {}
    if followed:
        detail["standby"] = {f"{stage} {partition}": lag for (stage, partition), lag in sorted(followed.items())}
    return Report(not cause, detail)
