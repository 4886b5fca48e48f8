"""The process that produces at a steady rate and records the time it sent each event."""

import time
from pathlib import Path

import msgspec
import numpy as np

from detector.bench.child import answer_with
from detector.bench.clients import open_producer

#: Events are sent in ticks of so long: finer than anything measured here, coarser than the clock.
TICK_S = 0.005
FLUSH_TIMEOUT_S = 30.0


class PaceTask(msgspec.Struct, frozen=True):
    """Send the messages in `values` (a file of lines `key<TAB>value`) at `rate` a second; `times` gets the times."""

    bootstrap: str
    topic: str
    messages: str
    times: str
    rate: float


class Paced(msgspec.Struct, frozen=True):
    """What was sent in which time; `late_ms` is the greatest delay behind the pace."""

    events: int
    seconds: float
    late_ms: float


def run(task: PaceTask) -> Paced:
    """Send everything, wait until Kafka has it, write one time (`time.monotonic`, s) an event to `times`."""
    lines = Path(task.messages).read_bytes().splitlines()
    messages = [line.partition(b"\t")[::2] for line in lines]
    producer = open_producer(task.bootstrap, linger_ms=0)
    producer.list_topics(task.topic, 10)  # connected before the clock runs
    times = np.empty(len(messages))
    sent, late_s = 0, 0.0
    began = time.monotonic()
    while sent < len(messages):
        due = min(len(messages), int((time.monotonic() - began) * task.rate) + 1)
        for i in range(sent, due):
            key, value = messages[i]
            times[i] = time.monotonic()
            producer.produce(task.topic, value, key)
        if due > sent:
            late_s = max(late_s, time.monotonic() - began - sent / task.rate)
        sent = due
        producer.poll(0)
        time.sleep(TICK_S)
    seconds = time.monotonic() - began
    if producer.flush(FLUSH_TIMEOUT_S):
        raise RuntimeError("Kafka did not take every event")
    np.save(task.times, times)
    return Paced(len(messages), seconds, 1000 * late_s)


if __name__ == "__main__":
    answer_with(run, PaceTask)
