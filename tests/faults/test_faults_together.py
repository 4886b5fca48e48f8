"""Workers under constant load while whatever can fail does: nothing is lost, nothing counts twice.

`make test-faults` plays minutes of it. `KOZAMORI_FAULT_MINUTES` says how many, `KOZAMORI_FAULT_SEED` which faults,
`KOZAMORI_FAULT_RATE` how many events a second; `KOZAMORI_FAULT_EARLIER`, the checkout of another release, lets every
second worker be of that one, and only workers fail.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from faults.anew import make_anew
from faults.cluster import COMPACTED, FaultyKafka
from faults.crew import Crew
from faults.load import Load, messages_in
from faults.play import Play
from faults.schedule import FULL_DISK, OF_WORKERS, PER_MINUTE, Fault, draw_schedule
from faults.stands import Stands
from support.checker import check
from support.deployments import configure
from support.replays import partitions_of, read
from support.scenes import Scene, make_scene
from support.workers import Progress, wait_until

from detector.core.topology import topology_for
from detector.settings import Settings

MINUTES = float(os.environ.get("KOZAMORI_FAULT_MINUTES", "0.4"))
SEED = int(os.environ.get("KOZAMORI_FAULT_SEED", "1"))
RATE = float(os.environ.get("KOZAMORI_FAULT_RATE", "300"))
EARLIER = os.environ.get("KOZAMORI_FAULT_EARLIER", "")
WORKERS, PARTITIONS = 3, 4
BUDGET = 50.0
#: Of an event, in all topics together, and of a new broker.
EVENT_BYTES, BROKER_BYTES = 8_000, 400_000_000
#: To read what is left when all is well again.
PATIENCE_S = 300.0
#: A run of so many minutes begins anew after a part of its time: all is read again.
ANEW_MINUTES, ANEW_SHARE = 2, 0.1
pytestmark = pytest.mark.timeout(600 + 180 * MINUTES)


def say(text: str) -> None:
    print(text, flush=True)


def compacted(settings: Settings, topics: list[str]) -> int:
    """Changelog partitions that have fewer records than were written to them."""
    count = 0
    for topic in topics:
        for partition in partitions_of(settings, topic):
            offsets = [record.offset for records in read(settings, topic, partition) for record in records]
            count += bool(offsets) and len(offsets) <= offsets[-1]
    return count


def test_nothing_is_lost_or_counted_twice_whatever_fails(tmp_path: Path) -> None:
    events = round(60 * MINUTES * RATE)
    # An earlier release need not outlive a broker, nor write the same dead letters.
    per_minute = {kind: PER_MINUTE[kind] for kind in OF_WORKERS} if EARLIER else PER_MINUTE
    schedule = draw_schedule(SEED, MINUTES, WORKERS, per_minute)
    say(f"\nseed {SEED}, {MINUTES:g} minutes, {RATE:g} events a second")
    with FaultyKafka(WORKERS, BROKER_BYTES + events * EVENT_BYTES) as kafka:
        if not kafka.disk.is_limited:
            say("no disk is filled: mounting a small one is not permitted here")
            schedule = tuple(fault for fault in schedule if fault.kind != FULL_DISK)
        scene = make_scene(kafka.bootstrap, tmp_path, events=events, partitions=PARTITIONS, budget=BUDGET)
        play_all(scene, kafka, schedule, tmp_path)


def play_all(scene: Scene, kafka: FaultyKafka, schedule: Sequence[Fault], folder: Path) -> None:
    settings, topology = replace(scene, events=()).fresh("faults"), topology_for(scene.model)
    changelogs = [settings.rows_topic(node.name) for node in topology.nodes if node.stage is not None]
    configure(settings, COMPACTED, *changelogs)
    load, stands = (
        Load(settings, messages_in(scene.events, settings, broken=not EARLIER), RATE),
        Stands(settings, topology),
    )
    began = time.monotonic()
    try:
        with Crew(settings, kafka.addresses, folder, SEED, earlier=EARLIER) as crew:
            wait_until(lambda: all(member.process.started() for member in crew.members), "all workers run")
            play = Play(settings, kafka, crew, say)
            load.begin()
            begin_s = 60 * MINUTES * ANEW_SHARE if MINUTES >= ANEW_MINUTES and not EARLIER else 0.0
            if begin_s:
                play.run([fault for fault in schedule if fault.at_s < begin_s])
                say("a changelog is deleted, and the state is reset")
                make_anew(settings, crew, changelogs)
            play.run([fault for fault in schedule if fault.at_s >= begin_s], begin_s)
            load.finish()
            progress = Progress(settings)
            wait_until(progress.finished, "all events are committed", patience_s=PATIENCE_S)
            progress.close()
            crew.finish()
    finally:
        load.stop()
        stands.close()
    say(f"{dict(play.done)}; played for {time.monotonic() - began:.0f} s")
    say(f"SIGKILLs {sum(member.kills for member in crew.members)}")
    left, ended = ([getattr(member, name) for member in crew.members] for name in ("left", "ended"))
    say(f"ended when asked with {left}, by themselves with {ended}")
    longest, without = stands.ledger.longest(kafka.away)
    say(
        f"longest stand {longest.end - longest.begin:.1f} s ({longest.topic} {longest.partition}),"
        f" {without.without(kafka.away):.1f} s without Kafka's absence ({without.topic} {without.partition})"
    )
    checked = check(settings, scene.model)
    say(str(checked))
    say(f"{compacted(settings, changelogs)} changelog partitions were compacted meanwhile")
    assert load.sent == checked.source_records, "Kafka itself lost events, or has some twice"
    if EARLIER:
        return
    assert checked.dead_letters
    # 1: Kafka was away, and took no last checkpoint.
    assert {0, 1} >= {status for statuses in left for status in statuses}
    assert not any(2 in statuses for statuses in ended), "a worker ended because a person must act"
