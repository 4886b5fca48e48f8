"""The shell's ports to Kafka. A worker has the adapters of `faust_ports` behind them, a test a Kafka in memory."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from aiokafka.structs import OffsetAndMetadata
from faust.types import TP

from detector.contract.records import Records
from detector.core.stage import Stage
from detector.kafka.redrives import Redrives
from detector.kafka.topics import TopicFacts
from detector.stream.changelog import Recovery
from detector.stream.packed import Record

#: Position and log end of a partition.
Span = tuple[int, int]


class Chunk(NamedTuple):
    """Records of one partition in offset order, delivered in a `generation` of the group.

    The log has no record between offset `begin` and the first of them.
    """

    tp: TP
    records: Records
    generation: int
    begin: int


class Listener(Protocol):
    """Callbacks of a source, for assignments and chunks."""

    async def begin(self) -> None:
        """Partitions were assigned; nothing of them is delivered before this returns."""

    async def on_chunk(self, chunk: Chunk) -> None:
        """The next chunk of a topic; the one after it is delivered when this has returned."""

    async def finish(self) -> None:
        """Partitions, if any are held, are about to be revoked; the group waits as long as its rebalance timeout."""


class Source(Protocol):
    """A member of the group: the chunks of its partitions, and their committed offsets.

    It reads what is committed: no record of a transaction that was aborted or is still open, and none behind an open
    one.
    """

    @property
    def generation(self) -> int:
        """The group's generation as this member knows it."""

    @property
    def moving(self) -> bool:
        """Whether partitions were revoked, or are being, and none assigned since."""

    async def start(self, listener: Listener) -> None:
        """Join the group; call `listener` from now on."""

    async def stop(self) -> None:
        """Leave the group and close connections."""

    async def crashed(self) -> BaseException:
        """Wait until the source fails by itself; the cause."""

    def assignment(self) -> set[TP]:
        """The partitions held."""

    @property
    def follows(self) -> frozenset[TP]:
        """Partitions of others, whose rows this member shall follow as their standby."""

    def pause(self) -> None:
        """Deliver no further chunks."""

    async def hold(self, partitions: Collection[TP]) -> None:
        """Fetch nothing more of these for now, and of all others again; what is under way still comes."""

    async def begin_offset(self, tp: TP) -> int:
        """Offset of the first record that the log still has, or its end where it has none."""

    async def end_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        """Offset after the last record of each that can be read, as the broker says."""

    def withheld(self, tp: TP) -> int:
        """Offsets behind that end: the oldest open transaction and what follows it, by the last fetch."""

    async def position(self, tp: TP) -> int | None:
        """Offset of the next fetch; None where the partition is not held."""

    async def read_again(self, tp: TP, offset: int) -> None:
        """Continue with the record at `offset`; does nothing where the partition is not held."""

    async def commit(self, positions: Mapping[TP, OffsetAndMetadata], generation: int) -> bool:
        """Commit offsets with metadata, all or none, as of `generation`; False where the group is in another."""

    async def committed(self, partitions: set[TP]) -> Mapping[TP, OffsetAndMetadata]:
        """Committed offsets with metadata, of those of `partitions` that have one; any member may hold them."""


class Producer(Protocol):
    """Writes to logs, each partition in the order of the calls; futures resolve when Kafka has the records."""

    async def send_one(self, topic: str, key: bytes, value: bytes) -> "asyncio.Future[Any]":
        """Send a record to the partition of its key; its future."""

    async def send_batch(self, topic: str, partition: int, values: list[bytes]) -> "asyncio.Future[Any]":
        """Send `values` as one batch, in the log whole or not at all; its future. ValueError where they do not fit."""

    async def send_records(
        self, topic: str, partition: int, records: Iterable[Record], *, compressed: bool = False
    ) -> "list[asyncio.Future[Any]]":
        """Send `(key, value)` records in batches of any size; one future a batch, in order."""


class Reader(Protocol):
    """Reads logs beside the group."""

    async def restore(
        self, stages: Mapping[TP, Stage], still_wanted: Callable[[], bool], progressed: Callable[[], None]
    ) -> dict[TP, Recovery] | None:
        """The rows of every changelog partition, each of its stage; None when `still_wanted()` turns false.

        `progressed` is called after every slice: the watchdog ends a restore without progress. `UserError` where a
        row or header is not of a kind this release reads, `KafkaAwayError` where Kafka does not answer, `WorkerError`
        where it refuses them.
        """

    def follow(self, stages: Mapping[TP, Stage], ids: Mapping[str, str]) -> None:
        """Read these changelog partitions from now on, so that there is little left to restore, and no others.

        What was read of one before still counts, but where its topic has another id by now.
        """

    async def first_offset(self, tp: TP, offset: int) -> int | None:
        """Offset of the first record of `tp` at or after `offset`; None where there is none within a few seconds."""

    async def without_records(self, spans: Mapping[TP, Span]) -> set[TP]:
        """Those partitions that hold no record within their span, [begin, end): offsets there are of transaction
        markers, of aborted records, or of deleted ones.

        Asks until every span has shown a record or was read to its end.
        """


class Topics(Protocol):
    """Topics as an admin client sees them. `UserError` where Kafka refuses, `KafkaAwayError` where it does not answer.

    `ids` and `delete_before` block.
    """

    async def facts(self) -> Mapping[str, TopicFacts]:
        """The declared topics that exist, by name."""

    def ids(self, names: list[str]) -> Mapping[str, str]:
        """Kafka's ids of the topics of these names that exist."""

    async def redrives(self) -> Redrives:
        """What was redriven."""

    def delete_before(self, offsets: Mapping[TP, int]) -> None:
        """Delete the records before an offset of each partition."""


class Presence(Protocol):
    """Whether Kafka answers."""

    away: str  # the cause for which it does not, "" while it does

    async def look(self) -> bool:
        """Ask now; whether it answers."""

    async def back(self) -> None:
        """Return when Kafka answers."""

    async def gone(self) -> None:
        """Return when it does not."""


@dataclass(frozen=True, slots=True)
class Ports:
    """All ports of a shell. `clock`: a monotonic one, s, for metrics and limits; `new_writer`: 64 random bits."""

    source: Source
    producer: Producer
    reader: Reader
    topics: Topics
    presence: Presence
    clock: Callable[[], float]
    new_writer: Callable[[], int]
