"""A broker that falls silent, or dies, while a worker restores its rows: the worker waits for it, and goes on."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from support.deployments import commit, header, row_of
from support.scenes import Scene
from support.scrapes import get, scrape, total
from support.workers import WorkerProcess, wait_until

from detector.bench.clients import publish
from detector.core.stages.account import ACCOUNT
from detector.local_kafka.broker import LocalKafka
from detector.settings import Settings
from detector.stream.changelog import encode_header, encode_rows

#: A second or more of restoring.
ROWS = 600_000
#: Far less than a test leaves the broker away: a worker that did not know would end.
WATCHDOG_S = 5.0
AWAY_S = 8.0
#: Within which people and orchestrators hear of it, and something for a busy machine.
TOLD_S = 3.0 + 2.0
FULL, EMPTY = 0, 1


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
    changelog, head = made.rows_topic(ACCOUNT.name), encode_header(header(made))
    publish(made.bootstrap[0], changelog, chain([head], encode_rows(rows, 1)), FULL)
    publish(made.bootstrap[0], changelog, iter([head]), EMPTY)
    commit(made, 0)
    return made


def stops_and_goes_on(broker: LocalKafka) -> Iterator[None]:
    os.kill(broker.pid, signal.SIGSTOP)
    yield
    os.kill(broker.pid, signal.SIGCONT)


def dies_and_starts_again(broker: LocalKafka) -> Iterator[None]:
    broker.kill()
    yield
    broker.start()


@pytest.mark.parametrize("happens", [stops_and_goes_on, dies_and_starts_again])
def test_a_worker_whose_broker_goes_while_it_restores_says_so_waits_and_goes_on(
    own_kafka: LocalKafka,
    settings: Settings,
    happens: Callable[[LocalKafka], Iterator[None]],
    tmp_path: Path,
) -> None:
    worker = WorkerProcess(settings, tmp_path / "worker.log", watchdog_s=WATCHDOG_S)
    broker = happens(own_kafka)
    try:
        port = worker.port()
        wait_until(lambda: total(scrape(port), "kozamori_rebalances_total") > 0, "it has partitions", worker)
        next(broker)
        began = time.monotonic()
        wait_until(lambda: "Kafka is away" in get(port, "/readyz")[1], "it is told", worker)
        told_s = time.monotonic() - began
        assert told_s < TOLD_S
        assert [] == [line for line in worker.lines() if line.get("event") == "partition taken"], "too late"
        wait_until(lambda: time.monotonic() > began + AWAY_S, "it waits", worker)
        assert [200, 503] == [get(port, path)[0] for path in ("/healthz", "/readyz")]
        next(broker, None)
        wait_until(lambda: get(port, "/readyz")[0] == 200, "it goes on", worker)
        assert ROWS == total(scrape(port), "kozamori_rows", stage=ACCOUNT.name)
        assert 0 == worker.stop()
    finally:
        next(broker, None)
        worker.close()
    said = [str(line["event"]) for line in worker.lines() if str(line.get("event", "")).startswith("Kafka is")]
    assert ["Kafka is away, the worker waits", "Kafka is back, the worker goes on"] == said
    print(f"{happens.__name__}: told after {told_s:.1f} s")
