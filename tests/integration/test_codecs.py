"""Batches in every codec of Kafka: on the source topics, on the hops, and in the changelogs rows are restored from."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pyarrow as pa
import pytest
from confluent_kafka import Producer
from support.deployments import configure
from support.replays import in_memory, read_all
from support.scenes import Scene
from support.workers import QUICKLY_GIVEN_UP, Progress, WorkerProcess, wait_until

from detector.ops.state import show
from detector.settings import Settings
from producers.publish import messages_of

CODECS = ("gzip", "snappy", "lz4", "zstd")
#: One part of the events in each codec, and one after a restart.
PARTS = len(CODECS) + 1
#: The nodes of a chain that looks at accounts alone.
HOP, STAGES = "cases", ("account", "cases")

pytestmark = pytest.mark.timeout(300)


def publish(settings: Settings, part: pa.Table, codec: str) -> None:
    """Put events on the input, in batches of a codec."""
    made = messages_of(part, (settings.account_events, settings.partitions), (settings.wallet_events, 1))
    producer = Producer({"bootstrap.servers": settings.bootstrap[0], "compression.type": codec, "linger.ms": 100})
    for key, value, partition in zip(made.keys, made.values, made.partitions, strict=True):
        producer.produce(settings.account_events, value, key, partition)
    assert 0 == producer.flush(60)


def keep_in(settings: Settings, codec: str) -> None:
    """Let the broker keep what is written to hops and changelogs from now on in a codec."""
    topics = [settings.hop_topic(HOP), *(settings.rows_topic(stage) for stage in STAGES)]
    configure(settings, {"compression.type": codec}, *topics)


def parts_of(scene: Scene) -> Sequence[pa.Table]:
    table = pa.concat_tables(scene.events)
    size = table.num_rows // PARTS
    return [table.slice(i * size, size) for i in range(PARTS)]


def alerted(contents: Sequence[bytes]) -> list[tuple[str, int]]:
    """Event and update of every alert."""
    found = map(msgspec.json.decode, contents)
    return sorted((alert["event_id"], alert["update"]) for alert in found)


def test_a_worker_reads_sources_hops_and_rows_in_every_codec(account_scene: Scene, tmp_path: Path) -> None:
    empty, parts = replace(account_scene, events=()), parts_of(account_scene)
    plain, settings = empty.fresh("plain"), empty.fresh("codecs")
    for part in parts:
        publish(plain, part, "none")
    worker, progress = WorkerProcess(settings, tmp_path / "first.log", **QUICKLY_GIVEN_UP), Progress(settings)
    hop, hopped = settings.hop_topic(HOP), 0
    try:
        for codec, part in zip(CODECS, parts, strict=False):
            keep_in(settings, codec)
            publish(settings, part, codec)
            wait_until(progress.finished, f"all in {codec} is committed", worker)
            committed = sum(offset for (topic, _), offset in progress.offsets().items() if topic == hop)
            assert committed > hopped, f"no message of the hop was kept in {codec}"
            hopped = committed
        worker.kill()
        publish(settings, parts[-1], "none")
        worker = WorkerProcess(settings, tmp_path / "second.log")
        wait_until(progress.finished, "rows are restored and all is committed", worker)
        assert 0 == worker.stop()
    finally:
        worker.close()
        progress.close()
    taken = [line for line in worker.lines() if line.get("event") == "partition taken" and line["stage"] == "account"]
    assert sum(int(str(line["rows"])) for line in taken) > 100
    stored = {stage.stage: stage.rows for stage in show(settings).stages}
    assert stored["account"] > 100, "kafka-python reads what aiokafka does"
    alerts = [record.value for records in read_all(settings, settings.alerts).values() for record in records]
    expected = alerted(list(in_memory(plain, account_scene.model).alerts.values()))
    assert len(expected) > 10
    assert expected == alerted(alerts)
