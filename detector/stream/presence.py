"""Whether Kafka answers. While it does not, a worker waits: it is not ready, says so once, and does not end for that.

What runs meanwhile needs no help: the idempotent producer repeats what it has, the consumer asks again and again, and
the group's broker takes up its members where it comes back. Asked by a connection of its own, since those of producer
and consumer say nothing while they are idle.
"""

import asyncio
import logging
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

import structlog
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaConnectionError, KafkaError
from aiokafka.structs import TopicPartition

log = structlog.get_logger(__name__)

#: Together less than the 3 s within which people and orchestrators hear of it.
INTERVAL_S = 0.5
LIMIT_S = 2.0
#: More than an answer takes from the socket to who asked.
TURNS = 20
_A_DAY_MS = 86_400_000
#: Repeats each attempt of each connection: hundreds of lines a second, which all say that Kafka is away.
_CLIENT = logging.getLogger("aiokafka")


class Presence:
    """Asks again and again; `away` is the cause for which Kafka is away, "" while it answers.

    `ask` raises where no broker answers; whoever sets `changed` is called after `away` has changed.
    """

    def __init__(
        self,
        ask: Callable[[], Awaitable[None]],
        *,
        clock: Callable[[], float] = time.monotonic,
        interval_s: float = INTERVAL_S,
        limit_s: float = LIMIT_S,
    ) -> None:
        self.away = ""
        self.turns, self.rest_s = 0, interval_s + limit_s
        self.changed: Callable[[], None] = lambda: None
        self._ask = ask
        self._clock = clock
        self._interval_s = interval_s
        self._limit_s = limit_s
        self._since_s = 0.0
        self._back = asyncio.Event()
        self._looking = asyncio.Lock()

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(self._interval_s)

    async def look(self) -> bool:
        """Ask once; whether Kafka answered."""
        async with self._looking:
            cause = await self._cause()
        self.turns += 1
        if cause and not self.away:
            self._since_s, self.away = self._clock(), cause
            self._back.clear()
            log.warning("Kafka is away, the worker waits", cause=cause)
            _CLIENT.setLevel(logging.CRITICAL)
            self.changed()
        elif self.away and not cause:
            self.away = ""
            self._back.set()
            _CLIENT.setLevel(logging.NOTSET)
            log.info("Kafka is back, the worker goes on", away_s=round(self._clock() - self._since_s, 1))
            self.changed()
        return not cause

    async def back(self) -> None:
        """Return when Kafka answers: at once where it does."""
        if not await self.look():
            await self._back.wait()

    async def gone(self) -> None:
        """Return when Kafka does not answer, and did not the time before: who calls this gives something up for it."""
        while True:
            before = self.away
            if await self.look():
                await asyncio.sleep(self._interval_s)
            elif before:
                return

    async def _cause(self) -> str:
        asked = asyncio.ensure_future(self._ask())
        await asyncio.wait({asked}, timeout=self._limit_s)
        # Where the loop stood still for a chunk, an answer that has come gets the turns it needs to be read.
        for _ in range(TURNS):
            if asked.done():
                break
            await asyncio.sleep(0)
        asked.cancel()
        await asyncio.wait({asked})
        if asked.cancelled():
            return f"no broker answers within {self._limit_s:g} s"
        error = asked.exception()
        if error is not None and not isinstance(error, KafkaError | OSError):
            raise error
        return "" if error is None else str(error) or type(error).__name__


class Brokers:
    """The brokers of `connection`, aiokafka's keyword arguments, asked for the leaders of `topics`."""

    def __init__(self, connection: Mapping[str, Any], topics: Sequence[str]) -> None:
        self._connection = connection
        self._topics = topics
        self._client: AIOKafkaClient | None = None

    async def ask(self) -> None:
        """Return when a broker answers and every partition has a leader; `KafkaError` where not."""
        try:
            client = self._client or await self._connect()
            answered = await client.force_metadata_update()
        except BaseException:
            await self.close()
            raise
        if not answered:
            # The brokers may come back under other addresses than the last ones known.
            await self.close()
            raise KafkaConnectionError("no broker answers")
        for topic in self._topics:
            for partition in client.cluster.partitions_for_topic(topic) or ():
                if client.cluster.leader_for_partition(TopicPartition(topic, partition)) in {None, -1}:
                    raise KafkaConnectionError(f"partition {partition} of {topic} has no leader")

    async def close(self) -> None:
        """Close the connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _connect(self) -> AIOKafkaClient:
        connection = dict(self._connection)
        # In any order: the first of the list may be the one that hangs.
        servers = random.sample(connection.pop("bootstrap_servers"), len(self._connection["bootstrap_servers"]))
        self._client = client = AIOKafkaClient(bootstrap_servers=servers, **connection, metadata_max_age_ms=_A_DAY_MS)
        await client.bootstrap()
        await client.set_topics(self._topics)
        return client
