"""One unconfirmed batch a partition, in order; and nothing past a message that was lost."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import cramjam
import pytest

from detector.core.chains import CHAINS
from detector.core.stages.budget import BUDGET
from detector.core.topology import topology_of
from detector.errors import WorkerError
from detector.stream.batch_writer import PRODUCER_BATCH_BYTES
from detector.stream.hop_codec import LEVEL
from detector.stream.hop_layout import CHECK, COUNTS, Layout
from detector.stream.hop_sender import BATCH_BYTES, RECORD_OVERHEAD_BYTES, HopSender
from detector.stream.hop_writer import MAX_BODY_BYTES

Future = asyncio.Future[Any]
Target = tuple[str, int]
#: Of a hop message whose body is as large as it may be, and cannot be compressed.
_HEAD = Layout.into(topology_of(CHAINS[-1], BUDGET), "cases", None).head
_BODY = cramjam.zstd.compress(random.Random(1).randbytes(MAX_BODY_BYTES), level=LEVEL)
LARGEST_BYTES = len(_HEAD) + COUNTS.size + CHECK.size + len(_BODY)


class Kafka:
    """Takes batches, and confirms them when the test says so."""

    def __init__(self) -> None:
        self.sent: list[tuple[Target, list[bytes]]] = []
        self.waiting: dict[Target, Future] = {}
        self.refuses: BaseException | None = None

    async def send(self, topic: str, partition: int, values: list[bytes]) -> Future:
        if self.refuses is not None:
            raise self.refuses
        target = topic, partition
        assert target not in self.waiting, "a second batch before the first was confirmed"
        self.sent.append((target, values))
        self.waiting[target] = asyncio.get_running_loop().create_future()
        return self.waiting[target]

    def batches(self, target: Target) -> list[list[bytes]]:
        return [values for to, values in self.sent if to == target]

    def confirm(self, target: Target) -> None:
        self.waiting.pop(target).set_result(None)

    def lose(self, target: Target, error: BaseException) -> None:
        self.waiting.pop(target).set_exception(error)


ONE, OTHER = ("hop", 0), ("hop", 1)


class Bench:
    """A sender, its Kafka, and its failures."""

    def __init__(self) -> None:
        self.kafka = Kafka()
        self.failures: list[BaseException] = []
        self.sender = HopSender(self.kafka.send, self.failures.append)

    def send(self, target: Target, *values: bytes) -> list[Future]:
        return [self.sender.send(*target, value) for value in values]

    async def turn(self) -> None:
        """Let everything happen that can."""
        for _ in range(10):
            await asyncio.sleep(0)


async def test_a_message_is_done_when_kafka_has_it() -> None:
    bench = Bench()
    (future,) = bench.send(ONE, b"a")
    await bench.turn()
    assert [(ONE, [b"a"])] == bench.kafka.sent
    assert not future.done()
    bench.kafka.confirm(ONE)
    assert await future is None


async def test_a_partition_has_one_unconfirmed_batch_and_the_rest_waits_in_order() -> None:
    bench = Bench()
    futures = bench.send(ONE, b"a")
    await bench.turn()
    futures += bench.send(ONE, b"b", b"c")
    await bench.turn()
    futures += bench.send(ONE, b"d")
    await bench.turn()
    assert [[b"a"]] == bench.kafka.batches(ONE)
    bench.kafka.confirm(ONE)
    await bench.turn()
    assert [[b"a"], [b"b", b"c", b"d"]] == bench.kafka.batches(ONE)
    assert [True, False, False, False] == [future.done() for future in futures]
    bench.kafka.confirm(ONE)
    await asyncio.gather(*futures)


async def test_partitions_do_not_wait_for_each_other() -> None:
    bench = Bench()
    first, second = bench.send(ONE, b"a"), bench.send(OTHER, b"b")
    await bench.turn()
    assert {ONE, OTHER} == bench.kafka.waiting.keys()
    bench.kafka.confirm(OTHER)
    await bench.turn()
    assert (False, True) == (first[0].done(), second[0].done())
    bench.send(OTHER, b"c")
    await bench.turn()
    assert [[b"b"], [b"c"]] == bench.kafka.batches(OTHER)


async def test_a_lane_that_ran_dry_begins_again() -> None:
    bench = Bench()
    for value in (b"a", b"b", b"c"):
        futures = bench.send(ONE, value)
        await bench.turn()
        bench.kafka.confirm(ONE)
        await asyncio.gather(*futures)
    assert [[b"a"], [b"b"], [b"c"]] == bench.kafka.batches(ONE)


async def test_a_batch_holds_what_kafka_takes_at_once() -> None:
    bench = Bench()
    value = b"x" * 1000
    n = 3 * BATCH_BYTES // len(value)
    futures = bench.send(ONE, *[value] * n)
    while not all(future.done() for future in futures):
        await bench.turn()
        bench.kafka.confirm(ONE)
        await bench.turn()
    sizes = [len(values) for values in bench.kafka.batches(ONE)]
    most = BATCH_BYTES // (len(value) + RECORD_OVERHEAD_BYTES)
    assert n == sum(sizes)
    assert [most] * (len(sizes) - 1) == sizes[:-1]
    assert 0 < sizes[-1] <= most


async def test_the_largest_message_goes_alone() -> None:
    bench = Bench()
    largest = b"x" * LARGEST_BYTES
    bench.send(ONE, b"a", largest, largest, b"b")
    for _ in range(4):
        await bench.turn()
        if ONE in bench.kafka.waiting:
            bench.kafka.confirm(ONE)
    assert [[b"a", largest], [largest, b"b"]] == bench.kafka.batches(ONE)


def test_the_sizes_fit_into_each_other() -> None:
    assert LARGEST_BYTES > MAX_BODY_BYTES
    assert LARGEST_BYTES + RECORD_OVERHEAD_BYTES <= BATCH_BYTES < PRODUCER_BATCH_BYTES


def refuse(kafka: Kafka) -> None:
    kafka.refuses = ConnectionError("broker gone")


def lose(kafka: Kafka) -> None:
    kafka.lose(ONE, ConnectionError("broker gone"))


def cancel(kafka: Kafka) -> None:
    kafka.waiting.pop(ONE).cancel()


@pytest.mark.parametrize("happens", [lose, cancel])
async def test_the_first_failure_fails_everything_waiting_and_later_and_sends_nothing_more(
    happens: Callable[[Kafka], None],
) -> None:
    bench = Bench()
    sent, elsewhere = bench.send(ONE, b"a"), bench.send(OTHER, b"b")
    await bench.turn()
    waiting = [*bench.send(ONE, b"c", b"d"), *bench.send(OTHER, b"e")]
    happens(bench.kafka)
    await bench.turn()
    late = [*bench.send(ONE, b"f"), *bench.send(OTHER, b"g"), *bench.send(("hop", 2), b"h")]
    bench.kafka.confirm(OTHER)
    await bench.turn()
    assert [[b"a"]] == bench.kafka.batches(ONE)
    assert [[b"b"]] == bench.kafka.batches(OTHER)
    assert [] == bench.kafka.batches(("hop", 2))
    for future in (*sent, *waiting, *late):
        with pytest.raises(WorkerError, match="a hop message was not taken by Kafka"):
            await future
    assert await elsewhere[0] is None, "what Kafka has, it has"
    assert ["WorkerError"] == [type(failure).__name__ for failure in bench.failures], "reported once"


async def test_a_batch_that_cannot_even_be_handed_over_is_a_failure() -> None:
    bench = Bench()
    refuse(bench.kafka)
    futures = bench.send(ONE, b"a", b"b")
    await bench.turn()
    for future in futures:
        with pytest.raises(WorkerError, match="broker gone"):
            await future
    assert [] == bench.kafka.sent
    assert 1 == len(bench.failures)


async def test_two_partitions_may_fail_at_once() -> None:
    bench = Bench()
    futures = [*bench.send(ONE, b"a"), *bench.send(OTHER, b"b")]
    await bench.turn()
    bench.kafka.lose(ONE, ConnectionError("first"))
    bench.kafka.lose(OTHER, ConnectionError("second"))
    await bench.turn()
    for future in futures:
        with pytest.raises(WorkerError):
            await future
    assert "first" in str(bench.failures[0])


async def test_whoever_stopped_waiting_changes_nothing() -> None:
    bench = Bench()
    given_up, kept = bench.send(ONE, b"a", b"b")
    await bench.turn()
    given_up.cancel()
    bench.kafka.confirm(ONE)
    assert await kept is None
    assert [] == bench.failures
