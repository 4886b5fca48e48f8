"""A constant load for half an hour, the network and the broker disturbed now and then: nothing may grow.

`make soak`; `pytest` does not collect it by itself. `KOZAMORI_SOAK_MINUTES`, `KOZAMORI_SOAK_RATE` (events a second) and
`KOZAMORI_SOAK_SEED` change it; `KOZAMORI_SOAK_CSV` is where the samples go.
"""

import csv
import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import NamedTuple

import psutil
import pyarrow as pa
import pytest
from faults.cluster import FaultyKafka
from faults.crew import Crew
from faults.load import Load, Message
from faults.play import Play
from faults.schedule import FREEZE, NETWORK, Fault, draw_schedule
from support.deployments import configure
from support.scenes import make_scene
from support.scrapes import scrape, total
from support.workers import Progress, wait_until

from detector.jst import DAY_MS
from detector.settings import Settings
from producers.publish import messages_of

MINUTES = float(os.environ.get("KOZAMORI_SOAK_MINUTES", "30"))
RATE = float(os.environ.get("KOZAMORI_SOAK_RATE", "10000"))
SEED = int(os.environ.get("KOZAMORI_SOAK_SEED", "1"))
SAMPLES = Path(os.environ.get("KOZAMORI_SOAK_CSV", "soak.csv")).absolute()
WORKERS, PARTITIONS = 2, 4
#: Sent again and again, each time as the next ten days of the same accounts.
EVENTS, DAYS = 200_000, 10
DISK_BYTES = 8_000_000_000
#: What was read may go: half an hour of it does not fit.
KEPT = {"retention.bytes": "200000000", "segment.bytes": "50000000"}
#: A disturbance or two in two minutes, shorter than a session: memory moves where partitions do.
PER_MINUTE = {FREEZE: 0.2, NETWORK: 0.4}
LONGEST_S = 4.0
EVERY_S = 5.0
#: Of the time, when the first sample is that is compared, the second, and the last one.
COMPARED = (1 / 6, 1 / 2, 1.0)
GROWTH = 0.03
pytestmark = pytest.mark.timeout(600 + 120 * MINUTES)


class Sample(NamedTuple):
    """A worker after `at_s` seconds."""

    at_s: float
    worker: int
    rss_bytes: int
    threads: int
    files: int
    lag: float


def again_and_again(tables: Sequence[pa.Table], settings: Settings) -> Iterator[Message]:
    """The same events without an end, under ids of their own, ten days later each time."""
    found = []
    for table in tables:
        topics = (settings.account_events, settings.partitions), (settings.wallet_events, settings.partitions)
        messages = messages_of(table, *topics)
        at_ms = messages.occurred_at_ms.tolist()
        for topic, value, key, partition, ms in zip(
            messages.topics, messages.values, messages.keys, messages.partitions, at_ms, strict=True
        ):
            assert b"%" not in value
            template = value.replace(b'"event_id":"', b'"event_id":"%d-', 1).replace(str(ms).encode(), b"%d", 1)
            assert 2 == template.count(b"%d")
            found.append((topic, template, key, partition, ms, template.index(b"%d-") < template.rindex(b"%d")))
    for lap in count():
        for topic, template, key, partition, ms, id_first in found:
            now_ms = ms + lap * DAYS * DAY_MS
            yield topic, template % ((lap, now_ms) if id_first else (now_ms, lap)), key, partition


def sample(crew: Crew, began: float) -> Iterator[Sample]:
    for number, member in enumerate(crew.members):
        process = psutil.Process(member.process.process.pid)
        lag = total(scrape(member.process.port()), "kozamori_lag_events")
        at_s = round(time.monotonic() - began, 1)
        yield Sample(at_s, number, process.memory_info().rss, process.num_threads(), process.num_fds(), lag)


def test_nothing_grows(tmp_path: Path) -> None:
    schedule = [
        fault._replace(seconds=min(fault.seconds, LONGEST_S))
        for fault in draw_schedule(SEED, MINUTES, WORKERS, PER_MINUTE)
    ]
    with FaultyKafka(WORKERS, DISK_BYTES) as kafka:
        scene = make_scene(kafka.bootstrap, tmp_path, events=EVENTS, partitions=PARTITIONS, budget=20.0)
        settings = replace(scene, events=()).fresh("soak").model_copy(update={"trim_hops_s": 10})
        configure(settings, KEPT, settings.account_events, settings.wallet_events, settings.alerts)
        load = Load(settings, again_and_again(scene.events, settings), RATE)
        with Crew(settings, kafka.addresses, tmp_path, SEED, options={}) as crew:
            wait_until(lambda: all(member.process.started() for member in crew.members), "all workers run")
            try:
                samples = watch(crew, load, Play(settings, kafka, crew, print), schedule)
                deleted = [total(scrape(m.process.port()), "kozamori_deleted_events_total") for m in crew.members]
            finally:
                load.stop()
            progress = Progress(settings)
            wait_until(progress.finished, "all events are committed")
            progress.close()
            crew.finish()
    assert [[0]] * WORKERS == [member.left for member in crew.members]
    assert [[]] * WORKERS == [member.ended for member in crew.members]
    assert [0] * WORKERS == deleted, "events were deleted before they were read: the load was too much"
    assert load.sent > 0.95 * RATE * 60 * MINUTES, f"only {load.sent:,} events were sent"
    judge(samples)


def watch(crew: Crew, load: Load, play: Play, schedule: Sequence[Fault]) -> list[Sample]:
    """Samples of the whole time, which are also written to `SAMPLES`."""
    found: list[Sample] = []
    began = time.monotonic()
    load.begin()
    playing = threading.Thread(target=play.run, args=(schedule,))
    playing.start()
    with SAMPLES.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(Sample._fields)
        while time.monotonic() < began + 60 * MINUTES:
            time.sleep(EVERY_S)
            now = list(sample(crew, began))
            found += now
            writer.writerows(now)
            file.flush()
    playing.join()
    return found


def judge(samples: Sequence[Sample]) -> None:
    """Fail where a worker's memory, threads or files differ between the times that are compared."""
    for worker in range(WORKERS):
        own = [each for each in samples if each.worker == worker]
        compared = [own[min(len(own) - 1, int(part * len(own)))] for part in COMPARED]
        for each in compared:
            figures = f"{each.rss_bytes / 1e6:.1f} MB, {each.threads} threads, {each.files} files, lag {each.lag:,.0f}"
            print(f"worker {worker} after {each.at_s / 60:.1f} min: {figures}")
        rss = [each.rss_bytes for each in compared]
        assert max(rss) <= (1 + GROWTH) * min(rss), f"memory of worker {worker}: {rss}"
        assert compared[-1].threads <= compared[0].threads, f"threads of worker {worker}"
        assert compared[-1].files <= compared[0].files + 2, f"files of worker {worker}"
