"""What a worker leaves that was stopped in order half-way, without the seconds that a real one takes."""

from kafka.structs import OffsetAndMetadata
from support.deployments import header, send
from support.replays import read_all

from detector.core.pipeline import DAY_MS, Pipeline
from detector.core.policy import Model
from detector.core.stages.account import ACCOUNT
from detector.settings import Settings
from detector.stream.admin import admin_client
from detector.stream.changelog import encode_header, encode_rows
from detector.stream.groups import active_members, commit_offsets
from detector.stream.marks import Marks, encode_marks
from detector.stream.processor import process

WRITER = 7


def stop_half_way(settings: Settings, model: Model) -> dict[int, int]:
    """Process the first half of every partition; header, rows and offsets as a worker writes them. The offsets."""
    head, rows, commits = encode_header(header(settings)), {}, {}
    for partition, records in read_all(settings, settings.account_events).items():
        half = records[: len(records) // 2]
        pipeline = Pipeline(
            ACCOUNT, model, topic=settings.account_events, partition=partition, ttl_ms=settings.ttl_days * DAY_MS
        )
        process(pipeline, half)
        rows[partition] = [head, *encode_rows(pipeline.rows.take_dirty(), WRITER)]
        marks = encode_marks(Marks(pipeline.watermark_ms))
        commits[partition] = OffsetAndMetadata(half[-1].offset + 1, marks, -1)
    send(settings, settings.rows_topic(ACCOUNT.name), rows)
    with admin_client(settings) as client:
        active_members(client, settings.group)  # waits until a new broker can answer questions about groups
        commit_offsets(client, settings.group, settings.account_events, commits)
    return {partition: commit.offset for partition, commit in commits.items()}
