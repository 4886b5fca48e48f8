"""Runs one worker from start-up checks to its exit status."""

import asyncio
import gc
import os
import signal
import sys
from importlib.metadata import version

import structlog

from detector.artifact import read_model
from detector.contract.dead_letters import REASONS
from detector.core.budget_controller import SHARED_NAME
from detector.core.budgets import parse_own
from detector.core.chains import CHAINS
from detector.core.model import Model
from detector.core.topology import Topology, topology_for
from detector.errors import UserError
from detector.jst import DAY_MS
from detector.kafka.topics import check, inspect
from detector.observe.health import HealthServer, Report
from detector.observe.metrics import Metrics
from detector.settings import Settings
from detector.stream.faust_ports import faust_ports
from detector.stream.hop_trim import HopTrim
from detector.stream.lag import LagWatch
from detector.stream.ports import Source
from detector.stream.reporting import Reporting
from detector.stream.shell import Shell
from detector.stream.supervision import serve
from detector.stream.topic_watch import TopicWatch
from detector.stream.warmup import warm_up
from detector.stream.watchdog import Pulse, Signs, Watchdog, end_process

log = structlog.get_logger(__name__)

#: Leaving the group and closing connections; a supervisor usually waits 30 s.
STOP_TIMEOUT_S = 10.0


def run_worker(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT (status 0) or a failure (status 1); `UserError` for what a person must mend first."""
    if settings.model is None:
        raise UserError("setting model: got nothing, expected the folder of a trained model (`kozamori train`)")
    model = read_model(settings.model, *CHAINS).with_bank_budgets(parse_own(settings.bank_budgets))
    if settings.controller:
        model = model.with_controller()
    topology = topology_for(model)
    check(settings, inspect(settings))
    warm_up(topology, model)
    # Modules, kernels and the model live as long as the process: no collection, in the middle of a chunk, scans them.
    gc.collect()
    gc.freeze()
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
    return asyncio.run(_Worker(settings, topology, model, metrics).run())


class _Worker:
    def __init__(self, settings: Settings, topology: Topology, model: Model, metrics: Metrics) -> None:
        self._settings = settings
        self._topology = topology
        self._model = model
        self._metrics = metrics

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        ports = faust_ports(self._settings, self._topology)
        reporting = Reporting(self._metrics, [node.name for node in self._topology.nodes], self._model.burn_in_days)
        shell = Shell(self._settings, self._topology, self._model, reporting, ports)
        lag = LagWatch(ports.source, ports.reader, shell.tasks, reporting)
        topics = TopicWatch(ports.topics.ids, shell.tasks, shell.fail)
        watchers = [shell.run_checkpoints, shell.alignment.run, lag.run, topics.run]
        if self._settings.trim_hops_s:
            hops = {self._settings.hop_topic(node.name) for node in self._topology.nodes if node.source is None}
            trim = HopTrim(ports.topics.delete_before, frozenset(hops), shell.tasks, self._settings.trim_hops_s)
            watchers.append(trim.run)
        pulse = Pulse()
        pulse.start(loop)
        watchdog = Watchdog(
            lambda: Signs(pulse.beat_s, shell.progress, lag.waiting, restoring=shell.restoring),
            limit_s=self._settings.watchdog_s,
            note=self._metrics.stalled,
            end=end_process,
        )
        health = HealthServer(
            host=self._settings.metrics_host,
            port=self._settings.metrics_port,
            registry=self._metrics.registry,
            alive=lambda: Report(not watchdog.failure, {"stalled": watchdog.failure} if watchdog.failure else {}),
            ready=shell.readiness,
        )
        with health:
            log.info("worker starts", group=self._settings.group, model=self._model.version, metrics_port=health.port)
            watchdog.start()
            try:
                error = await serve(ports.source, shell, watchers, stop)
                await _stop(ports.source, error)
            finally:
                watchdog.stop()
                pulse.stop()
        return _status(error)


async def _stop(source: Source, error: BaseException | None) -> None:
    """Leave the group and close connections; where that takes too long, end the process with the same status."""
    leaving = asyncio.ensure_future(source.stop())
    # Not wait_for: Faust swallows the cancellation, a member that still joins waits for all others, and its thread,
    # no daemon, would keep the process from ending.
    await asyncio.wait({leaving}, timeout=STOP_TIMEOUT_S)
    if leaving.done():
        if (failure := leaving.exception()) is not None:
            log.warning("stopping was not orderly", error=type(failure).__name__)
        return
    log.warning("stopping took too long, the process ends without it", seconds=STOP_TIMEOUT_S)
    try:
        status = _status(error)
    except UserError as refused:
        sys.stderr.write(f"kozamori: {refused}\n")
        status = 2
    sys.stderr.flush()
    os._exit(status)


def _status(error: BaseException | None) -> int:
    if error is None:
        log.info("worker ends", status=0)
        return 0
    if isinstance(error, UserError):
        raise error
    log.critical("worker ends", status=1, error=str(error) or repr(error), exc_info=error)
    return 1
