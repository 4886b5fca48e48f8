"""`kozamori bench recover`: rows restored a second, and the worker's memory with so many rows."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from detector.bench.child import run_child
from detector.bench.clients import publish
from detector.bench.cluster import Say, address, cluster
from detector.bench.machine import machine
from detector.bench.restore_child import Restored, RestoreTask
from detector.bench.workload import train_models
from detector.core.chains import ACCOUNT_CHAIN
from detector.core.stages.account import ACCOUNT
from detector.settings import Settings
from detector.stream.changelog import Header, encode_header, encode_rows
from detector.stream.packed import Record

CHILD_TIMEOUT_S = 300.0
#: Rows made at once; a checkpoint has some thousand, and memory stays flat.
SLICE_ROWS = 100_000
WRITER = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """What to run."""

    rows: int
    rounds: int
    partitions: int
    seed: int
    bootstrap: str = ""


def run(plan: Plan, say: Say) -> dict[str, Any]:
    """The report: medians over the rounds. Raises KozamoriError when a restore fails."""
    with tempfile.TemporaryDirectory(prefix="kozamori-bench-") as scratch:
        folder = Path(scratch)
        say("training a model, which a worker holds too")
        train_models(folder, plan.seed, plan.rows)
        with cluster(plan.bootstrap, plan.partitions, folder / ACCOUNT_CHAIN.name, say) as settings:
            say(f"writing {plan.rows} rows to the changelog, seed {plan.seed}")
            for partition in range(plan.partitions):
                records = _changelog(settings, plan, partition)
                publish(address(settings), settings.rows_topic(ACCOUNT.name), records, partition)
            task = RestoreTask(settings.model_dump_json(exclude_defaults=True))
            rounds = []
            for number in range(plan.rounds):
                say(f"round {number + 1} of {plan.rounds}: restoring")
                log = folder / "restore.log"
                rounds.append(
                    run_child("detector.bench.restore_child", task, Restored, log=log, timeout_s=CHILD_TIMEOUT_S)
                )
    return {
        "machine": machine(),
        "rows": rounds[0].rows,
        "rows_per_s": round(median(restored.rows / restored.seconds for restored in rounds)),
        "cpu_us_per_row": round(median(1e6 * restored.cpu_seconds / restored.rows for restored in rounds), 2),
        "rss_mb": round(median(restored.peak_rss_mb for restored in rounds), 1),
        "row_bytes": ACCOUNT.row.itemsize,
        "partitions": plan.partitions,
        "rounds": plan.rounds,
        "seed": plan.seed,
    }


def _changelog(settings: Settings, plan: Plan, partition: int) -> Iterator[Record]:
    """A header, then a row for each account of the partition."""
    header = Header(settings.account_events, "bench", plan.partitions, ACCOUNT.name)
    numbers = np.arange(partition, plan.rows, plan.partitions)
    slices = (numbers[start : start + SLICE_ROWS] for start in range(0, len(numbers), SLICE_ROWS))
    random = np.random.default_rng([plan.seed, partition])
    return chain([encode_header(header)], *(encode_rows(_rows(part, random), WRITER) for part in slices))


def _rows(numbers: "np.typing.NDArray[np.int64]", random: np.random.Generator) -> "np.typing.NDArray[Any]":
    """Rows of distinct accounts with random content, as dense as rows of long-known accounts."""
    rows = random.integers(0, 256, (len(numbers), ACCOUNT.row.itemsize), np.uint8).view(ACCOUNT.row).ravel()
    rows["version"], rows["kernel"] = ACCOUNT.version, ACCOUNT.kernel_hash
    # An odd factor: every number has a key of its own, spread over all 64 bits as hashes are.
    rows["key"] = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(1)
    rows["last_offset"], rows["last_index"] = numbers, 0
    return rows
