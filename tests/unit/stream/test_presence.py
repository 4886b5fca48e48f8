"""A worker knows within seconds that Kafka is away, and that it is back."""

import asyncio
from collections.abc import Iterator

import pytest
from aiokafka.errors import KafkaConnectionError, RequestTimedOutError, TopicAuthorizationFailedError
from structlog.testing import capture_logs

from detector.core.topology import COMPLETE
from detector.errors import KafkaAwayError, WorkerError
from detector.kafka.access import access_of
from detector.settings import Settings
from detector.stream.patience import ATTEMPTS, patiently
from detector.stream.presence import INTERVAL_S, LIMIT_S, Presence
from detector.stream.worker import topics_of

TOLD_WITHIN_S = 3.0
SOON_S = 0.01


class Kafka:
    """Answers, refuses or hangs, as a test sets it."""

    def __init__(self) -> None:
        self.does = "answers"
        self.changes: list[str] = []
        self.presence = Presence(self.ask, clock=lambda: 0.0, interval_s=SOON_S, limit_s=SOON_S)
        self.presence.changed = lambda: self.changes.append(self.presence.away)

    async def ask(self) -> None:
        if self.does == "hangs":
            await asyncio.Event().wait()
        if self.does == "refuses":
            raise KafkaConnectionError("no broker answers")
        if self.does == "breaks":
            raise AttributeError("a bug")


@pytest.mark.parametrize(
    ("does", "cause"),
    [("refuses", "KafkaConnectionError: no broker answers"), ("hangs", "no broker answers within 0.01 s")],
)
async def test_it_is_told_once_that_kafka_is_away_and_once_that_it_is_back(does: str, cause: str) -> None:
    kafka = Kafka()
    with capture_logs() as logs:
        assert await kafka.presence.look()
        kafka.does = does
        assert [False, False, False] == [await kafka.presence.look() for _ in range(3)]
        assert cause == kafka.presence.away
        kafka.does = "answers"
        assert [True, True] == [await kafka.presence.look() for _ in range(2)]
    assert ["Kafka is away, the worker waits", "Kafka is back, the worker goes on"] == [log["event"] for log in logs]
    assert cause == logs[0]["cause"]
    assert [cause, ""] == kafka.changes


def test_a_worker_is_away_from_kafka_without_a_leader_of_whatever_it_reads_and_writes_all_the_time() -> None:
    settings = Settings(prefix="t.", alert_banks=("0116", "9900"), bulletin_banks=("0005",))
    rights = [one for one in access_of(settings, "worker") if one.resource_type == "TOPIC"]
    used = {one.name for one in rights if one.operation in {"READ", "WRITE"}}
    now_and_then = {settings.redrives, settings.audit}  # at an assignment, at the start
    assert used - now_and_then == set(topics_of(settings, COMPLETE))


def test_people_hear_of_it_within_three_seconds() -> None:
    assert INTERVAL_S + LIMIT_S < TOLD_WITHIN_S


async def test_a_loop_that_stood_still_longer_than_an_answer_may_take_is_no_kafka_that_is_away() -> None:
    kafka = Kafka()
    answers = asyncio.Event()

    async def ask() -> None:
        for _ in range(3):  # as many turns as an answer takes from the socket to who asked
            await answers.wait()
            await asyncio.sleep(0)

    kafka.presence._ask = ask
    loop = asyncio.get_running_loop()
    # Both are due in the same turn: the answer, and the time for it, as after a long chunk.
    loop.call_later(SOON_S, answers.set)
    assert await kafka.presence.look()


async def test_who_waits_for_kafka_goes_on_when_it_is_back() -> None:
    kafka = Kafka()
    kafka.does = "refuses"
    watching = asyncio.create_task(kafka.presence.run())
    back = asyncio.create_task(kafka.presence.back())
    await asyncio.wait({back}, timeout=0.05)
    assert not back.done()
    kafka.does = "answers"
    async with asyncio.timeout(10):
        await back
    gone = asyncio.create_task(kafka.presence.gone())
    kafka.does = "hangs"
    async with asyncio.timeout(10):
        await gone
    watching.cancel()


async def test_a_question_that_broke_ends_the_watch_with_its_cause() -> None:
    kafka = Kafka()
    kafka.does = "breaks"
    with pytest.raises(AttributeError, match="a bug"):
        await kafka.presence.run()


class Attempt:
    """Raises one error after the other, and returns 7 when there is none left."""

    def __init__(self, *errors: BaseException) -> None:
        self._errors: Iterator[BaseException] = iter(errors)
        self.calls = 0

    async def __call__(self) -> int:
        self.calls += 1
        for error in self._errors:
            raise error
        return 7


async def test_what_fails_while_kafka_is_away_is_tried_again_for_as_long_as_it_takes() -> None:
    kafka = Kafka()
    kafka.does = "refuses"
    asyncio.get_running_loop().call_later(0.05, setattr, kafka, "does", "answers")
    watching = asyncio.create_task(kafka.presence.run())
    attempt = Attempt(KafkaAwayError("away"), RequestTimedOutError(), TimeoutError())
    async with asyncio.timeout(10):
        assert 7 == await patiently(attempt, kafka.presence)
    watching.cancel()
    assert 4 == attempt.calls


async def test_what_fails_again_and_again_beside_a_kafka_that_answers_ends_the_worker_with_its_cause() -> None:
    attempt = Attempt(*[KafkaAwayError("rows could not be restored")] * ATTEMPTS)
    with pytest.raises(WorkerError, match="rows could not be restored"):
        await patiently(attempt, Kafka().presence)
    assert ATTEMPTS == attempt.calls


async def test_what_kafka_refuses_is_not_tried_again() -> None:
    attempt = Attempt(TopicAuthorizationFailedError("account-events"))
    with pytest.raises(TopicAuthorizationFailedError):
        await patiently(attempt, Kafka().presence)
    assert 1 == attempt.calls
