"""The Faust app: our transport, its settings, and for each input topic an agent that passes chunks to the shell."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import faust
from faust.types import TransportT
from yarl import URL

from detector.kafka.security import sasl_password, tls_context
from detector.settings import Settings
from detector.stream.batch_writer import PRODUCER_BATCH_BYTES
from detector.stream.producer import Producer
from detector.stream.same_model import Runs
from detector.stream.transport import ChunkScheduler, ChunkSchema, Consumer, Transport

#: Chunks that wait in Faust's queue before it stops fetching. What waits in Kafka instead becomes one larger
#: chunk, which costs less, and an event waits for fewer chunks before its own.
QUEUED_CHUNKS = 1
#: Fetched and not yet processed, of all partitions of all inputs together: one worker may hold them all.
MOST_FETCHED_BYTES = 64 * 1024 * 1024
#: Of one partition: more makes no larger chunks; with less, each fetch brings a handful of records. One record that is
#: larger comes nevertheless, alone.
MOST_FETCH_BYTES, LEAST_FETCH_BYTES = 1024 * 1024, 64 * 1024
#: Added partitions or a re-created topic are noticed after this; until then accounts would be split.
METADATA_MAX_AGE_MS = 15_000
PRODUCER_REQUEST_BYTES = 8 * 1024 * 1024


class App(faust.App):
    """A Faust app that is built on our transport.

    `fetch_max_wait_ms` bounds how long a broker holds an empty fetch; `columnar_fetch`: records come as columns;
    `standby_replicas` members of the group follow the rows of each partition of `topics_with_rows`; `runs` is told to
    them.
    """

    fetch_max_wait_ms: int
    columnar_fetch: bool
    standby_replicas: int
    topics_with_rows: frozenset[str]
    runs: Runs

    @property
    def chunk_consumer(self) -> Consumer:
        """The consumer with its own type."""
        return cast(Consumer, self.consumer)

    @property
    def record_producer(self) -> Producer:
        """The producer with its own type."""
        return cast(Producer, self.producer)

    def _create_directories(self) -> None:
        """Does nothing: folders are for tables on disk, and where a worker starts may be read-only."""

    def _new_transport(self) -> TransportT:
        return Transport(self.conf.broker_consumer, self)

    def _new_producer_transport(self) -> TransportT:
        return Transport(self.conf.broker_producer, self)


def build_app(
    settings: Settings,
    input_topics: Mapping[str, str],
    *,
    topics_with_rows: frozenset[str],
    runs: Runs,
    on_chunk: Callable[[Any], Awaitable[None]],
    on_assigned: Callable[[], Awaitable[None]],
    on_revoked: Callable[[], Awaitable[None]],
) -> App:
    """The app that calls `on_chunk` with messages whose value is `Fetched`; `input_topics` by agent name,
    those of `topics_with_rows` are followed by standbys; `runs`: this worker's model.

    `on_assigned` runs after a rebalance, before anything is read; `on_revoked` before partitions are revoked.
    """
    app = App(
        settings.group,
        broker=[URL(f"kafka://{address}") for address in settings.bootstrap],
        broker_credentials=broker_credentials(settings),
        broker_session_timeout=settings.session_timeout_s,
        broker_heartbeat_interval=settings.heartbeat_s,
        broker_rebalance_timeout=settings.rebalance_timeout_s,
        broker_request_timeout=max(40.0, settings.session_timeout_s + 5),
        broker_max_poll_records=settings.max_chunk_records,
        consumer_auto_offset_reset="earliest",
        consumer_max_fetch_size=fetch_bytes(len(input_topics) * settings.partitions),
        consumer_metadata_max_age_ms=METADATA_MAX_AGE_MS,
        consumer_group_instance_id=settings.static_member or None,
        ConsumerScheduler=ChunkScheduler,
        producer_linger=0,
        producer_max_batch_size=PRODUCER_BATCH_BYTES,
        producer_max_request_size=PRODUCER_REQUEST_BYTES,
        producer_request_timeout=settings.producer_timeout_s,
        stream_buffer_maxsize=QUEUED_CHUNKS,
        stream_wait_empty=False,
        topic_allow_declare=False,
        table_standby_replicas=0,
        topic_disable_leader=True,
        web_enabled=False,
        worker_redirect_stdouts=False,
        autodiscover=False,
        store="memory://",
    )
    app.fetch_max_wait_ms = settings.fetch_max_wait_ms
    app.columnar_fetch = settings.columnar_fetch
    app.standby_replicas, app.topics_with_rows = settings.standby_replicas, topics_with_rows
    app.runs = runs

    async def take_chunks(stream: Any) -> None:
        async for event in stream.noack().events():
            await on_chunk(event.message)

    for name, topic in input_topics.items():
        # One chunk of a topic at a time: offsets must be processed in order.
        app.agent(app.topic(topic, schema=ChunkSchema(), acks=True), concurrency=1, name=name)(take_chunks)

    @app.on_rebalance_complete.connect
    async def assigned(*_: Any, **__: Any) -> None:
        await on_assigned()

    @app.on_partitions_revoked.connect
    async def revoked(*_: Any, **__: Any) -> None:
        await on_revoked()

    app.finalize()
    return app


def fetch_bytes(partitions: int) -> int:
    """Bytes to fetch of one partition at a time, where there are so many."""
    return min(MOST_FETCH_BYTES, max(LEAST_FETCH_BYTES, MOST_FETCHED_BYTES // partitions))


def broker_credentials(settings: Settings) -> faust.SASLCredentials | faust.SSLCredentials | None:
    """Faust's `broker_credentials`; None for plaintext without credentials.

    The TLS context is always ours: Faust takes `SASLCredentials` without one for plaintext, and fails on
    `SSLCredentials(cafile=…)`.
    """
    context = tls_context(settings)
    if settings.sasl_mechanism:
        return faust.SASLCredentials(
            username=settings.sasl_username,
            password=sasl_password(settings),
            mechanism=settings.sasl_mechanism,
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context is not None else None
