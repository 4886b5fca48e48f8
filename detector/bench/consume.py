"""Contestant `consume`: confluent-kafka and our codec, nothing else. What reading alone costs."""

from itertools import groupby
from typing import Any

import numpy as np

from detector.bench.child import Task, answer_with
from detector.bench.clients import CHUNK_RECORDS, open_consumer
from detector.bench.lap import Lap, Stopwatch
from detector.contract.codec import Decoded, decode_account_events

#: Longest wait for a full chunk; only the end of the topic ever makes one wait, and there the rest is asked for.
PATIENCE_S = 1.0


def run(task: Task) -> Lap:
    """Decode the task's records to columns."""
    decode_account_events([b"{}"], [b""], np.zeros(1, np.int64))  # what is compiled or imported late, now
    consumer = open_consumer(task.bootstrap, task.group)
    consumer.subscribe([task.topic])
    stopwatch = Stopwatch()
    seen = 0
    while seen < task.events:
        messages = poll(consumer, task.events - seen)
        if messages:
            stopwatch.start()
        for _, of_partition in by_partition(messages):
            decode(of_partition)
        seen += len(messages)
    lap = stopwatch.stop(seen)
    consumer.close()
    return lap


def poll(consumer: Any, wanted: int) -> list[Any]:
    """The next messages, at most `wanted`; none when there are none yet."""
    messages = consumer.consume(min(CHUNK_RECORDS, wanted), PATIENCE_S)
    for message in messages:
        if message.error() is not None:
            raise RuntimeError(str(message.error()))
    return list(messages)


def by_partition(messages: list[Any]) -> list[tuple[int, list[Any]]]:
    """Messages of one poll by partition, in order of offset: librdkafka hands on whole fetches one after the other."""
    messages.sort(key=_partition)
    return [(partition, list(group)) for partition, group in groupby(messages, _partition)]


def decode(messages: list[Any]) -> Decoded:
    """The columns of messages of one partition, the timestamps of their records looked at as the worker does."""
    return decode_account_events(
        [message.value() for message in messages],
        [message.key() for message in messages],
        np.array([message.offset() for message in messages], np.int64),
        np.array([message.timestamp()[1] for message in messages], np.int64),
    )


def _partition(message: Any) -> int:
    return int(message.partition())


if __name__ == "__main__":
    answer_with(run, Task)
