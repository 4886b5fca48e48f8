"""A worker that was away reads the logs of both topics side by side in event time, as it would have live."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from support.replays import read_all
from support.scenes import Scene
from support.workers import run_worker

from detector.core.topology import topology_for
from detector.settings import Settings
from detector.stream.high_water import HighWaterMarks
from detector.stream.hop_codec import HopCodec

#: Of a topic's partition there are some 1,500 events.
CHUNK, PARTITION_EVENTS = 50, 1_500

pytestmark = pytest.mark.timeout(300)


def lateness_ms(times_ms: object) -> float:
    """How far events lie behind the greatest time before them: what 99 of 100 do not exceed."""
    times = np.asarray(times_ms, np.int64)
    return float(np.quantile(np.maximum.accumulate(times) - times, 0.99))


def hopped_ms(settings: Settings, scene: Scene) -> list[object]:
    """Event times in every partition of the wallets' hop."""
    topology = topology_for(scene.model)
    codec = HopCodec(topology, "wallet", scene.model, scene.partitions)
    slots = len(topology.upstreams("wallet")) * scene.partitions
    hops = read_all(settings, settings.hop_topic("wallet")).values()
    return [
        codec.decode(
            [one.value for one in log], [one.offset for one in log], HighWaterMarks(slots)
        ).events.batch.occurred_at_ms
        for log in hops
    ]


def test_a_backlog_is_read_in_event_time(small_scene: Scene, tmp_path: Path) -> None:
    settings = small_scene.fresh("backlog")
    run_worker(settings, tmp_path / "worker.log", max_chunk_records=CHUNK)
    times = pa.concat_tables(small_scene.events)["occurred_at_ms"].to_numpy()
    span_ms = int(times.max() - times.min())
    found = [lateness_ms(each) for each in hopped_ms(settings, small_scene)]
    assert len(found) == small_scene.partitions
    # A chunk of each of four logs; as fast as each goes, it is nearly all of the span.
    assert max(found) < 4 * span_ms * CHUNK / PARTITION_EVENTS
