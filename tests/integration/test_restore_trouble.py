"""A broker that falls silent, or dies, while a worker restores its rows: the worker ends, and does not sit there."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from support.deployments import header, row_of
from support.scenes import Scene
from support.scrapes import scrape, total
from support.workers import WorkerProcess, wait_until

from detector.bench.clients import publish
from detector.core.stages.account import ACCOUNT
from detector.local_kafka.broker import LocalKafka
from detector.settings import Settings
from detector.stream.changelog import encode_header, encode_rows

#: A second or more of restoring.
ROWS = 600_000
WATCHDOG_S = 5.0
PARTITION = 0


@pytest.fixture(scope="module")
def own_kafka() -> Iterator[LocalKafka]:
    with LocalKafka() as broker:
        yield broker


@pytest.fixture(scope="module")
def settings(own_kafka: LocalKafka, account_scene: Scene) -> Settings:
    """A deployment with many rows on one partition."""
    made = replace(account_scene, bootstrap=own_kafka.bootstrap, events=()).fresh("restore")
    rows = np.repeat(np.frombuffer(row_of(ACCOUNT), ACCOUNT.row), ROWS)
    rows["key"] = np.arange(ROWS)
    records = chain([encode_header(header(made))], encode_rows(rows, 1))
    publish(made.bootstrap[0], made.rows_topic(ACCOUNT.name), records, PARTITION)
    return made


# In this order: who is silent may go on, who is dead stays dead.
@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL], ids=lambda number: number.name)
def test_a_worker_whose_restore_gets_no_further_ends_and_says_why(
    own_kafka: LocalKafka, settings: Settings, number: signal.Signals, tmp_path: Path
) -> None:
    worker = WorkerProcess(settings, tmp_path / "worker.log", watchdog_s=WATCHDOG_S)
    try:
        port = worker.port()
        wait_until(lambda: total(scrape(port), "kozamori_rebalances_total") > 0, "it has partitions", worker)
        os.kill(own_kafka.pid, number)
        assert worker.process.wait(6 * WATCHDOG_S) in {1, 3}
    finally:
        worker.close()
        if number == signal.SIGSTOP:
            os.kill(own_kafka.pid, signal.SIGCONT)
    assert [] == [line for line in worker.lines() if line.get("event") == "partition taken"], "too late to disturb it"
    last = next(line for line in reversed(worker.lines()) if line.get("level") == "critical")
    assert "rows" in str(last.get("reason") or last.get("error"))
