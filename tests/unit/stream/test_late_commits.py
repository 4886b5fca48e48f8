"""A commit counts in the generation of the group that it is of, or not at all."""

from collections.abc import Iterator
from typing import Any

import pytest
from aiokafka.errors import (
    IllegalGenerationError,
    KafkaError,
    RebalanceInProgressError,
    RequestTimedOutError,
    TopicAuthorizationFailedError,
    UnknownMemberIdError,
)
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from detector.stream.transport import commit_in

OFFSETS = {TopicPartition("events", 0): OffsetAndMetadata(7, "marks")}


class Coordinator:
    """aiokafka's, in generation 3; each answer is an error, or None where Kafka takes the commit."""

    def __init__(self, *answers: KafkaError | None) -> None:
        self.generation = 3
        self.taken: list[int] = []
        self._answers: Iterator[KafkaError | None] = iter(answers)

    async def ensure_coordinator_known(self) -> None:
        pass

    async def _do_commit_offsets(self, assignment: Any, offsets: Any) -> None:
        generation = self.generation  # as the request is made
        answer = next(self._answers)
        if answer is not None:
            raise answer
        assert offsets == OFFSETS
        self.taken.append(generation)


class Rebalancing(Coordinator):
    """The group rebalances while an answer is waited for."""

    async def _do_commit_offsets(self, assignment: Any, offsets: Any) -> None:
        try:
            await super()._do_commit_offsets(assignment, offsets)
        finally:
            self.generation += 1


async def commit(coordinator: Coordinator) -> bool:
    return await commit_in(coordinator, OFFSETS, 3)


async def test_a_commit_without_an_answer_is_repeated_in_its_generation() -> None:
    coordinator = Coordinator(RequestTimedOutError(), None)
    assert await commit(coordinator)
    assert [3] == coordinator.taken


async def test_a_commit_that_would_be_repeated_in_the_next_generation_is_not() -> None:
    coordinator = Rebalancing(RequestTimedOutError(), None)
    assert not await commit(coordinator)
    assert [] == coordinator.taken


async def test_a_commit_of_a_generation_that_is_over_is_not_sent() -> None:
    coordinator = Coordinator(None)
    coordinator.generation = 4
    assert not await commit(coordinator)
    assert [] == coordinator.taken


@pytest.mark.parametrize("kind", [UnknownMemberIdError, IllegalGenerationError, RebalanceInProgressError])
async def test_what_the_group_refuses_is_no_failure(kind: type[KafkaError]) -> None:
    assert not await commit(Coordinator(kind()))


async def test_what_no_attempt_would_mend_is_raised() -> None:
    with pytest.raises(TopicAuthorizationFailedError):
        await commit(Coordinator(TopicAuthorizationFailedError("events")))
