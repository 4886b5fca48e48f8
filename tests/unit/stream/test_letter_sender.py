"""Dead letters are sent beside the chunks, in their order; a failure reaches the checkpoint of each that waited."""

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from detector.stream.letter_sender import LetterSender
from detector.stream.packed import Record


class Kafka:
    """Takes records, and confirms them when the test says so."""

    def __init__(self) -> None:
        self.taken: list[list[Record]] = []
        self.answers: list[asyncio.Future[Any]] = []

    async def send(self, records: Iterable[Record]) -> "list[asyncio.Future[Any]]":
        self.taken.append(list(records))
        # Two batches a chunk, the first confirmed at once.
        first, second = (asyncio.get_running_loop().create_future() for _ in range(2))
        first.set_result(None)
        self.answers.append(second)
        return [first, second]


def letters(number: int) -> list[Record]:
    return [(b"%d" % number, b"letter")]


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def sent(kafka: Kafka, chunks: int) -> "list[asyncio.Future[Any]]":
    sender = LetterSender(kafka.send)
    futures = [sender.send(letters(number)) for number in range(chunks)]
    await settle()
    return futures


def test_a_chunk_s_letters_are_durable_when_its_last_batch_is() -> None:
    async def scenario() -> None:
        kafka = Kafka()
        (future,) = await sent(kafka, 1)
        assert not future.done()
        kafka.answers[0].set_result(None)
        await settle()
        assert None is future.result()

    asyncio.run(scenario())


def test_chunks_are_sent_one_after_the_other_in_their_order() -> None:
    async def scenario() -> None:
        kafka = Kafka()
        futures = await sent(kafka, 3)
        for number in range(3):
            assert [letters(each) for each in range(number + 1)] == kafka.taken
            kafka.answers[number].set_result(None)
            await settle()
        assert all(future.done() for future in futures)

    asyncio.run(scenario())


def test_a_failure_is_that_of_every_chunk_that_waited_and_of_none_later() -> None:
    async def scenario() -> None:
        kafka = Kafka()
        sender = LetterSender(kafka.send)
        futures = [sender.send(letters(number)) for number in range(2)]
        await settle()
        kafka.answers[0].set_exception(OSError("broker gone"))
        await settle()
        for future in futures:
            with pytest.raises(OSError, match="broker gone"):
                future.result()
        later = sender.send(letters(7))
        await settle()
        kafka.answers[1].set_result(None)
        await settle()
        assert None is later.result()
        assert [letters(0), letters(7)] == kafka.taken

    asyncio.run(scenario())


def test_a_chunk_whose_task_has_ended_disturbs_no_other() -> None:
    async def scenario() -> None:
        kafka = Kafka()
        first, second = await sent(kafka, 2)
        first.cancel()
        kafka.answers[0].set_result(None)
        await settle()
        kafka.answers[1].set_result(None)
        await settle()
        assert None is second.result()

    asyncio.run(scenario())
