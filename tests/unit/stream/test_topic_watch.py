"""A worker goes on only in the topics that its offsets are of."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from detector.errors import UserError
from detector.stream.topic_watch import TopicWatch

EVENTS, HOP, ROWS = "account-events", "kozamori.hop.cases", "kozamori.rows.cases"
ALL_WELL = {EVENTS: "id-1", HOP: "id-2", ROWS: "id-3"}
Answer = Callable[[], Mapping[str, str]]


class Kafka:
    """Gives its answers one after the other, the last one for ever; notes what it was asked for.

    `enough` is set when it was asked more than `looks` times.
    """

    def __init__(self, *answers: Answer, looks: int = 3) -> None:
        self.asked: list[list[str]] = []
        self.threads: set[str] = set()
        self.enough = threading.Event()
        self._answers = list(answers)
        self._looks = looks

    def __call__(self, topics: list[str]) -> Mapping[str, str]:
        self.asked.append(topics)
        if len(self.asked) > self._looks:
            self.enough.set()
        self.threads.add(threading.current_thread().name)
        return (self._answers.pop(0) if len(self._answers) > 1 else self._answers[0])()


def says(**changes: str | None) -> Answer:
    answer = {
        **ALL_WELL,
        **{{"events": EVENTS, "hop": HOP, "rows": ROWS}[name]: found for name, found in changes.items()},
    }
    return lambda: {name: found for name, found in answer.items() if found is not None}


def cannot_be_reached() -> Mapping[str, str]:
    raise UserError("Kafka at k:9092 cannot be reached")


def breaks() -> Mapping[str, str]:
    raise AttributeError("a bug")


def tasks() -> dict[TP, Any]:
    held = [(TP(EVENTS, 0), "id-1", ("", "")), (TP(EVENTS, 1), "id-1", ("", "")), (TP(HOP, 1), "id-2", (ROWS, "id-3"))]
    return {tp: SimpleNamespace(tp=tp, topic_id=name, changelog=rows, ended=False) for tp, name, rows in held}


def watch(kafka: Kafka, held: dict[TP, Any]) -> list[BaseException]:
    """The error with which a watch ended the worker, after enough looks or at the first failure."""
    failures: list[BaseException] = []

    def fail(error: BaseException) -> None:
        failures.append(error)
        kafka.enough.set()

    async def look() -> None:
        task = asyncio.create_task(TopicWatch(kafka, held, fail, interval_s=0.001).run())
        assert await asyncio.to_thread(kafka.enough.wait, 10)
        task.cancel()
        for thread in threading.enumerate():
            if thread.name == "topic ids":  # its answer belongs to this test, not to the next
                await asyncio.to_thread(thread.join)

    asyncio.run(look())
    return failures[:1]


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        (
            [says(events="id-9")],
            f"topic {EVENTS} was re-created while the worker used it (id id-9, offsets and rows are of id-1)",
        ),
        ([says(), says(), says(hop="id-9")], f"topic {HOP} was re-created"),
        ([cannot_be_reached, says(hop="id-9")], f"topic {HOP} was re-created"),
        ([says(), says(rows="id-9")], f"topic {ROWS} was re-created while the worker used it (id id-9"),
        (
            [says(), says(rows=None)],
            f"topic {ROWS} was deleted while the worker used it (offsets and rows are of id-3)",
        ),
    ],
    ids=["a source", "a hop, later", "after Kafka could not be reached", "a changelog", "a changelog deleted"],
)
def test_a_re_created_topic_ends_the_worker_with_one_line_on_what_to_do(answers: list[Answer], said: str) -> None:
    (failure,) = watch(Kafka(*answers), tasks())
    assert isinstance(failure, UserError)
    assert said in str(failure)
    assert "`kozamori state reset`" in str(failure)
    assert "\n" not in str(failure)


@pytest.mark.parametrize(
    "answers", [[says()], [says(events=None)], [cannot_be_reached]], ids=["all well", "one deleted", "no broker"]
)
def test_nothing_else_ends_it(answers: list[Answer]) -> None:
    assert watch(Kafka(*answers), tasks()) == []


def test_a_question_that_broke_ends_the_watch_with_its_cause() -> None:
    async def look() -> None:
        await TopicWatch(Kafka(breaks), tasks(), list[BaseException]().append, interval_s=0.001).run()

    with pytest.raises(AttributeError, match="a bug"):
        asyncio.run(look())


def test_each_topic_is_asked_for_once_in_a_thread_that_no_exit_waits_for() -> None:
    kafka = Kafka(says())
    watch(kafka, tasks())
    assert kafka.asked[0] == [EVENTS, HOP, ROWS]
    assert kafka.threads == {"topic ids"}


def test_a_worker_without_partitions_asks_nothing() -> None:
    kafka, failures = Kafka(says(events="id-9")), list[BaseException]()

    async def look() -> None:
        task = asyncio.create_task(TopicWatch(kafka, {}, failures.append, interval_s=0.001).run())
        await asyncio.sleep(0.05)
        task.cancel()
        for thread in threading.enumerate():
            if thread.name == "topic ids":  # its answer belongs to this test, not to the next
                await asyncio.to_thread(thread.join)

    asyncio.run(look())
    assert (kafka.asked, failures) == ([], [])


def test_a_task_that_ended_while_kafka_was_asked_does_not_count() -> None:
    held = tasks()

    def rebalanced_meanwhile() -> Mapping[str, str]:
        for task in held.values():
            task.ended = True
        return says(events="id-9")()

    assert watch(Kafka(rebalanced_meanwhile), held) == []
