"""Outputs, then rows, then the commit; and nothing of a task that has ended."""

import asyncio
from typing import Any

import numpy as np
import pytest
from aiokafka.structs import OffsetAndMetadata
from support.checkpoints import INPUT, RecordingLog, Rows, task

from detector.kafka.marks import Marks, encode_marks
from detector.stream.changelog import encode_keys
from detector.stream.checkpoint import make_durable, take_cuts
from detector.stream.partition_task import PartitionTask


def process(held: PartitionTask, key: int, offset: int, *outputs: "asyncio.Future[Any]") -> None:
    rows: Any = held.pipeline.rows
    rows.dirty[key] = offset
    held.outputs += outputs
    held.position = offset + 1
    held.pipeline.watermark_ms = offset * 10
    held.processor.marks.marks[1] = offset + 1000


def pairs(*keys_and_writers: tuple[int, int]) -> list[bytes]:
    return [encode_keys(np.array([key], np.uint64), writer).tobytes() for key, writer in keys_and_writers]


async def test_nothing_processed_means_nothing_written() -> None:
    log = RecordingLog()
    assert await make_durable(take_cuts([task()]), log) == []
    assert log.steps == []


async def test_rows_wait_for_outputs_and_the_commit_waits_for_rows() -> None:
    log, held = RecordingLog(), task()
    output: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    log.rows_future = asyncio.get_running_loop().create_future()
    process(held, 1, 0, output)
    running = asyncio.ensure_future(make_durable(take_cuts([held]), log))
    await asyncio.sleep(0)
    assert log.steps == []
    output.set_result(None)
    for _ in range(3):
        await asyncio.sleep(0)
    assert log.steps == ["rows"]
    log.rows_future.set_result(None)
    await running
    assert log.steps == ["rows", "commit"]
    assert log.committed == {INPUT: OffsetAndMetadata(1, encode_marks(Marks(0, "id-1", (-1, 1000))))}
    assert held.committed == 1


async def test_what_is_processed_after_the_cut_belongs_to_the_next_one() -> None:
    log, held = RecordingLog(), task()
    process(held, 1, 0)
    cuts = take_cuts([held])
    process(held, 1, 5)
    await make_durable(cuts, log)
    assert log.committed[INPUT] == OffsetAndMetadata(1, encode_marks(Marks(0, "id-1", (-1, 1000))))
    await make_durable(take_cuts([held]), log)
    assert log.committed[INPUT] == OffsetAndMetadata(6, encode_marks(Marks(50, "id-1", (-1, 1005))))


async def test_a_failed_output_is_raised_before_anything_is_written() -> None:
    log, held = RecordingLog(), task()
    output: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    output.set_exception(ConnectionError("broker gone"))
    process(held, 1, 0, output)
    with pytest.raises(ConnectionError):
        await make_durable(take_cuts([held]), log)
    assert log.steps == []


async def test_a_failed_row_is_raised_before_the_commit() -> None:
    log, held = RecordingLog(), task()
    log.rows_future = asyncio.get_running_loop().create_future()
    log.rows_future.set_exception(ConnectionError("broker gone"))
    process(held, 1, 0)
    with pytest.raises(ConnectionError):
        await make_durable(take_cuts([held]), log)
    assert log.steps == ["rows"]


@pytest.mark.parametrize("ends_at", ["outputs", "rows"])
async def test_a_tenure_that_ends_on_the_way_commits_nothing(ends_at: str) -> None:
    log, held = RecordingLog(), task()
    waited: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
    if ends_at == "rows":
        log.rows_future = waited
        process(held, 1, 0)
    else:
        process(held, 1, 0, waited)
    running = asyncio.ensure_future(make_durable(take_cuts([held]), log))
    for _ in range(3):
        await asyncio.sleep(0)
    held.ended = True
    waited.set_result(None)
    assert await running == []
    assert log.steps == ([] if ends_at == "outputs" else ["rows"])


async def test_a_refused_commit_is_tried_again_by_the_next_checkpoint() -> None:
    held = task()
    process(held, 1, 0)
    assert await make_durable(take_cuts([held]), RecordingLog(accepts=False)) == []
    log = RecordingLog()
    await make_durable(take_cuts([held]), log)
    assert log.committed[INPUT].offset == 1


async def test_another_writers_row_is_deleted_only_after_the_own_one_is_durable() -> None:
    log, held = RecordingLog(), task(superseded=((1, 3), (1, 4), (2, 3)))
    process(held, 1, 0)
    await make_durable(take_cuts([held]), log)
    assert pairs((1, 7)) == [key for key, _ in log.records]
    process(held, 9, 1)
    await make_durable(take_cuts([held]), log)
    assert [(key, value is None) for key, value in log.records[1:]] == [
        (pairs((1, 3))[0], True),
        (pairs((1, 4))[0], True),
        (pairs((9, 7))[0], False),
    ]


async def test_expired_rows_are_deleted_under_every_writer_after_the_commit() -> None:
    log, held = RecordingLog(), task(superseded=((5, 3),))
    process(held, 1, 200)
    rows: Any = held.pipeline.rows
    rows.expired = [5]
    await make_durable(take_cuts([held]), log)
    assert all(value is not None for _, value in log.records)
    process(held, 1, 201)
    await make_durable(take_cuts([held]), log)
    assert [key for key, value in log.records if value is None] == pairs((5, 7), (5, 3))


async def test_a_key_that_is_back_before_its_tombstone_is_written_keeps_its_new_row() -> None:
    log, held = RecordingLog(), task()
    process(held, 1, 200)
    rows: Any = held.pipeline.rows
    rows.expired = [5]
    await make_durable(take_cuts([held]), log)
    process(held, 5, 201)
    await make_durable(take_cuts([held]), log)
    assert [False] == [value is None for key, value in log.records if key == pairs((5, 7))[0]][-1:]


async def test_what_a_cancelled_checkpoint_took_is_not_committed_by_the_next() -> None:
    log, held = RecordingLog(), task()
    process(held, 1, 0, asyncio.get_running_loop().create_future())
    running = asyncio.ensure_future(make_durable(take_cuts([held]), log))
    await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await make_durable(take_cuts([held]), log) == []
    assert log.steps == []


async def test_a_chunk_that_broke_off_is_in_no_checkpoint() -> None:
    log, held = RecordingLog(), task()
    process(held, 1, 0)
    held.torn = True
    assert await make_durable(take_cuts([held]), log) == []
    assert log.steps == []


def test_the_fake_rows_hand_out_each_dirty_row_once() -> None:
    rows = Rows()
    rows.dirty[1] = 2
    assert [1] == rows.take_dirty()["key"].tolist()
    assert 0 == rows.dirty_count
