"""The process that restores: a worker up to the moment it has its rows, nothing fetched yet."""

import asyncio
import resource
import sys
import time

import msgspec
from faust.types import TP

import detector.stream.worker  # noqa: F401 - what a worker imports is part of its memory
from detector.artifact import read_model
from detector.bench.child import answer_with
from detector.core.chains import ACCOUNT_CHAIN
from detector.core.stages.account import ACCOUNT
from detector.core.topology import topology_of
from detector.settings import Settings
from detector.stream.restore import kafka_reader
from detector.stream.warmup import warm_up


class RestoreTask(msgspec.Struct, frozen=True):
    """The worker's settings as JSON."""

    settings: str


class Restored(msgspec.Struct, frozen=True):
    """Rows restored, in which wall and CPU time, and the most memory the process ever held."""

    rows: int
    seconds: float
    cpu_seconds: float
    peak_rss_mb: float


def run(task: RestoreTask) -> Restored:
    """Restore every partition at once, as a worker that has them all does."""
    settings = Settings.model_validate_json(task.settings)
    assert settings.model is not None
    model = read_model(settings.model, ACCOUNT_CHAIN)
    warm_up(topology_of(ACCOUNT_CHAIN), model)
    stages = {TP(settings.rows_topic(ACCOUNT.name), partition): ACCOUNT for partition in range(settings.partitions)}
    began, cpu_began = time.perf_counter(), time.process_time()
    recoveries = asyncio.run(kafka_reader(settings).restore(stages, lambda: True, lambda: None))
    assert recoveries is not None
    superseded = [recovery.superseded() for recovery in recoveries.values()]
    seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
    assert len(superseded) == len(stages)
    rows = sum(recovery.rows.count for recovery in recoveries.values())
    return Restored(rows, seconds, cpu_seconds, peak_rss_mb())


def peak_rss_mb() -> float:
    """The most memory this process ever held, MB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6)  # bytes there, KiB elsewhere


if __name__ == "__main__":
    answer_with(run, RestoreTask)
