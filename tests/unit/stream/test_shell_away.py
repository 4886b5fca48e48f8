"""A shell whose Kafka is away: it begins again, says why it is not ready, and is not kept from ending."""

import asyncio
from collections.abc import Iterator

from aiokafka.errors import KafkaConnectionError
from support.shells import Ported, chunk_at

from detector.errors import KafkaAwayError, WorkerError

AWAY = "no broker answers within 2 s"


def ported_to_begin() -> Ported:
    """One whose producer takes the header of a changelog."""
    ported = Ported()

    def enqueue(*_: object) -> "asyncio.Future[None]":
        taken = asyncio.get_running_loop().create_future()
        taken.set_result(None)
        return taken

    ported.backend.enqueue = enqueue  # type: ignore[assignment,method-assign]
    return ported


async def hangs() -> None:
    await asyncio.Event().wait()


async def test_a_restore_that_fails_while_kafka_is_away_is_done_again() -> None:
    ported = ported_to_begin()
    errors: Iterator[Exception] = iter([KafkaAwayError("rows could not be restored"), TimeoutError()])

    async def restoring() -> None:
        for error in errors:
            raise error

    ported.reader.restoring = restoring
    async with asyncio.timeout(10):
        await ported.shell.begin()
    assert not ported.shell.failed.done()
    assert ported.shell.membership.readiness().ok
    assert [1] == [len(partitions) for partitions in ported.shell.membership.readiness().detail.values()]  # type: ignore[arg-type]


async def test_a_chunk_behind_a_gap_waits_for_a_kafka_that_is_away() -> None:
    ported = ported_to_begin()
    task = ported.take(position=100)
    ported.backend.following = 200
    errors: Iterator[Exception] = iter([KafkaConnectionError("away"), TimeoutError()])

    async def asked() -> None:
        for error in errors:
            raise error

    ported.source.asked = asked
    async with asyncio.timeout(10):
        await ported.shell.on_chunk(chunk_at(200, 201))
    assert not ported.shell.failed.done()
    assert 202 == task.position


async def test_it_says_why_it_is_not_ready() -> None:
    ported = Ported()
    assert "no partitions yet" == ported.shell.membership.readiness().detail["cause"]
    ported.reader.restoring = hangs
    begins = asyncio.create_task(ported.shell.begin())
    await asyncio.sleep(0.01)
    assert "rows are restored: counting 0" == ported.shell.membership.readiness().detail["cause"]
    ported.presence.away = AWAY
    assert f"Kafka is away: {AWAY}" == ported.shell.membership.readiness().detail["cause"]
    begins.cancel()


async def test_partitions_that_are_held_are_shown_and_not_ready_while_kafka_is_away() -> None:
    ported = ported_to_begin()
    async with asyncio.timeout(10):
        await ported.shell.begin()
    ported.presence.away = AWAY
    report = ported.shell.membership.readiness()
    assert (False, {"counting": [0], "cause": f"Kafka is away: {AWAY}"}) == (report.ok, report.detail)


async def test_a_last_checkpoint_that_kafka_does_not_take_is_given_up_when_it_is_gone() -> None:
    ported = Ported()
    ported.take(position=100, committed=50)
    ported.source.asked = hangs
    ported.source.pause = lambda: None  # type: ignore[method-assign]
    gone = asyncio.Event()

    async def goes() -> None:
        await gone.wait()

    ported.presence.gone = goes  # type: ignore[method-assign]
    drains = asyncio.create_task(ported.shell.drain())
    await asyncio.wait({drains}, timeout=0.05)
    assert not drains.done()
    gone.set()
    async with asyncio.timeout(5):
        await drains
    error = ported.shell.failed.result()
    assert isinstance(error, WorkerError)
    assert "Kafka took no last checkpoint" in str(error)
    assert {} == ported.shell.tasks
