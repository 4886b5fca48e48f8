"""A log that ends with transaction markers, which no consumer is given, and then stays quiet."""

import time
from dataclasses import replace
from pathlib import Path

from confluent_kafka import Producer
from support.events import debit, key, message
from support.scenes import Scene
from support.scrapes import scrape, total
from support.workers import WorkerProcess, wait_until

from detector.settings import Settings

WATCHDOG_S = 5.0


def transactional(settings: Settings) -> Producer:
    """A producer whose transactions are begun."""
    made = Producer({"bootstrap.servers": settings.bootstrap[0], "transactional.id": settings.deployment})
    made.init_transactions(30)
    return made


def commit(producer: Producer, settings: Settings, event_id: str, partition: int) -> None:
    """One event in a transaction of its own: the record, and a marker behind it."""
    producer.begin_transaction()
    event = debit(event_id=event_id)
    producer.produce(settings.account_events, message(event), key(event), partition)
    producer.commit_transaction(30)


def counted(worker: WorkerProcess, metric: str) -> float:
    return total(scrape(worker.port()), metric, stage="account")


def test_a_quiet_log_that_ends_with_a_marker_is_no_stall(account_scene: Scene, tmp_path: Path) -> None:
    settings = replace(account_scene, events=()).fresh("markers")
    producer = transactional(settings)
    commit(producer, settings, "first", 0)
    worker = WorkerProcess(settings, tmp_path / "worker.log", watchdog_s=WATCHDOG_S)
    try:
        wait_until(lambda: counted(worker, "kozamori_events_total") == 1, "the event is processed", worker)
        quiet_until = time.monotonic() + 2.5 * WATCHDOG_S
        wait_until(lambda: time.monotonic() > quiet_until, "the worker bears the quiet", worker)
        assert 0 == counted(worker, "kozamori_lag_events")
        commit(producer, settings, "second", 0)
        wait_until(lambda: counted(worker, "kozamori_events_total") == 2, "it goes on behind the marker", worker)
        wait_until(lambda: counted(worker, "kozamori_lag_events") == 0, "nothing waits", worker)
        assert 0 == worker.stop()
    finally:
        worker.close()
