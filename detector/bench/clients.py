"""confluent-kafka, the fastest client there is for Python: publishes the events and is the loop to compare with."""

from typing import TYPE_CHECKING, Any

from detector.errors import KozamoriError, UserError

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Messages a call; as many as the worker processes at once.
CHUNK_RECORDS = 4096
FLUSH_TIMEOUT_S = 120.0


def confluent() -> Any:
    """The library, which only the bench needs; UserError where it is not installed."""
    try:
        import confluent_kafka
    except ImportError:
        raise UserError(
            "the bench compares with confluent-kafka, which is not installed: run `pip install 'kozamori[bench]'`"
        ) from None
    return confluent_kafka


def open_producer(bootstrap: str, *, linger_ms: int) -> Any:
    """A producer with Kafka's own partitioner, so that an account is in the same partition as with other clients."""
    return confluent().Producer(
        {
            "bootstrap.servers": bootstrap,
            "acks": "all",
            "linger.ms": linger_ms,
            "batch.num.messages": 10_000,
            "batch.size": 1_000_000,
            "queue.buffering.max.messages": 500_000,
            "partitioner": "murmur2_random",
        }
    )


def open_consumer(bootstrap: str, group: str) -> Any:
    """A consumer of `group` that begins at the start and commits nothing."""
    return confluent().Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            # A fetch of a whole megabyte a partition, as the worker's.
            "fetch.wait.max.ms": 50,
        }
    )


def partitions_of(topic: str, partitions: int) -> list[Any]:
    """All partitions of a topic, from their beginning."""
    library = confluent()
    return [library.TopicPartition(topic, partition, library.OFFSET_BEGINNING) for partition in range(partitions)]


def publish(bootstrap: str, topic: str, records: "Iterable[tuple[bytes, bytes | None]]", partition: int = -1) -> int:
    """Send `(key, value)` records, to the partition of their key or to `partition`; how many were delivered.

    Raises KozamoriError when the broker takes too long.
    """
    producer = open_producer(bootstrap, linger_ms=50)
    count = 0
    for key, value in records:
        count += 1
        while True:
            try:
                producer.produce(topic, value, key, partition)
                break
            except BufferError:
                producer.poll(0.1)
        if count % CHUNK_RECORDS == 0:
            producer.poll(0)
    left = producer.flush(FLUSH_TIMEOUT_S)
    if left:
        raise KozamoriError(f"{left} of {count} records were not taken by Kafka within {FLUSH_TIMEOUT_S:.0f} s")
    return count
