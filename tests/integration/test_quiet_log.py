"""Logs as they come: transactions that commit, abort or stay open, and records that are deleted unread."""

import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import Producer
from support.deployments import delete_records
from support.events import debit, key, message
from support.scenes import Scene
from support.scrapes import scrape, total
from support.workers import Progress, WorkerProcess, wait_until

from detector.ops.state import show
from detector.settings import Settings

WATCHDOG_S = 5.0
ABORTED = 1_000
HELD_BACK = "an open transaction holds a log back"


def transactional(settings: Settings) -> Producer:
    """A producer whose transactions are begun."""
    made = Producer({"bootstrap.servers": settings.bootstrap[0], "transactional.id": settings.deployment})
    made.init_transactions(30)
    return made


def write(producer: Producer, settings: Settings, *event_ids: str) -> None:
    """Events on partition 0, in whatever transaction there is."""
    for event_id in event_ids:
        event = debit(event_id=event_id)
        producer.produce(settings.account_events, message(event), key(event), 0)
    assert 0 == producer.flush(30)


def commit(producer: Producer, settings: Settings, event_id: str) -> None:
    """One event in a transaction of its own: the record, and a marker behind it."""
    producer.begin_transaction()
    write(producer, settings, event_id)
    producer.commit_transaction(30)


def counted(worker: WorkerProcess, metric: str, stage: str = "account") -> float:
    return total(scrape(worker.port()), metric, stage=stage)


def bears(worker: WorkerProcess, seconds: float) -> None:
    """The worker lives on for so long."""
    until = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() > until, "the worker bears the quiet", worker)


def said(worker: WorkerProcess, event: str) -> list[dict[str, object]]:
    return [line for line in worker.lines() if line.get("event") == event]


@pytest.fixture
def settings(account_scene: Scene) -> Settings:
    return replace(account_scene, events=()).fresh("logs")


@pytest.fixture
def worker(settings: Settings, tmp_path: Path) -> Iterator[WorkerProcess]:
    started = WorkerProcess(settings, tmp_path / "worker.log", watchdog_s=WATCHDOG_S)
    yield started
    started.close()


def test_only_committed_events_are_judged_and_a_quiet_or_open_transaction_is_no_stall(
    settings: Settings, worker: WorkerProcess
) -> None:
    producer = transactional(settings)
    producer.begin_transaction()
    write(producer, settings, *(f"aborted-{number}" for number in range(ABORTED)))
    producer.abort_transaction(30)
    commit(producer, settings, "first")
    wait_until(lambda: counted(worker, "kozamori_events_total") >= 1, "the event is processed", worker)
    bears(worker, 1.5 * WATCHDOG_S)
    assert (1, 0) == (counted(worker, "kozamori_events_total"), counted(worker, "kozamori_lag_events"))
    producer.begin_transaction()
    write(producer, settings, "second")
    write(Producer({"bootstrap.servers": settings.bootstrap[0]}), settings, "behind it")
    bears(worker, 1.5 * WATCHDOG_S)
    assert (1, 0) == (counted(worker, "kozamori_events_total"), counted(worker, "kozamori_lag_events"))
    assert 2 == counted(worker, "kozamori_withheld_events")
    wait_until(lambda: said(worker, HELD_BACK) != [], "it is told", worker)
    (told,) = said(worker, HELD_BACK)
    assert ("account", 0) == (told["stage"], told["partition"])
    producer.commit_transaction(30)
    wait_until(lambda: counted(worker, "kozamori_events_total") == 3, "what was held back is processed", worker)
    wait_until(lambda: counted(worker, "kozamori_withheld_events") == 0, "nothing is held back", worker)
    assert 3 == total(scrape(worker.port()), "kozamori_events_total", stage="account", kind="debit")
    assert 0 == worker.stop()


def test_records_deleted_before_they_are_read_are_counted_and_end_nothing(
    settings: Settings, worker: WorkerProcess, tmp_path: Path
) -> None:
    producer, progress = Producer({"bootstrap.servers": settings.bootstrap[0]}), Progress(settings)
    write(producer, settings, "a", "b")
    wait_until(progress.finished, "all is committed", worker)
    assert 0 == worker.stop()
    write(producer, settings, "c", "d", "e")
    delete_records(settings, [5, 0])
    assert "events expired" == show(settings).partitions[0].verdict
    assert show(settings).startable
    again = WorkerProcess(settings, tmp_path / "again.log", watchdog_s=WATCHDOG_S)
    try:
        wait_until(progress.finished, "nothing is left to be read", again)
        bears(again, 1.5 * WATCHDOG_S)
        assert 3 == counted(again, "kozamori_deleted_events_total")
        again.process.send_signal(signal.SIGSTOP)
        time.sleep(2 * settings.fetch_max_wait_ms / 1000)  # the fetch that waits at the broker is answered: nothing
        write(producer, settings, "f", "g", "h")
        delete_records(settings, [7, 0])
        again.process.send_signal(signal.SIGCONT)
        wait_until(progress.finished, "what is left is read", again)
        assert 5 == counted(again, "kozamori_deleted_events_total")
        assert 1 == counted(again, "kozamori_events_total")
        assert 1 == len(said(again, "events were deleted before they were read"))
        assert 0 == again.stop()
    finally:
        again.close()
        progress.close()
