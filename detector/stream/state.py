"""What a deployment has durably: its committed offsets and its rows, and whether the two still fit the log."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import OffsetSpec
from kafka.structs import OffsetAndMetadata

from detector.errors import UserError
from detector.settings import Settings
from detector.stream.admin import admin_client
from detector.stream.changelog import HEADER_KEY, Header, decode_header
from detector.stream.groups import active_members, committed_offsets
from detector.stream.marks import decode_marks
from detector.stream.security import client_options
from detector.stream.topics import TopicFacts, describe

STAGE = "account"
#: A slice of the changelog: some thousand rows a poll keep the client's overhead small.
SLICE_RECORDS = 20_000
SLICE_BYTES = 8 * 1024 * 1024
POLL_MS = 1_000

#: Called with records read so far and in all.
Progress = Callable[[int, int], None]


@dataclass(slots=True)
class Changelog:
    """What one changelog partition holds: the live record keys (row key and writer) and the header."""

    live: set[bytes] = field(default_factory=set)
    header: Header | None = None
    readable: bool = True

    def feed(self, key: bytes, value: bytes | None) -> None:
        """Take the next record of the log."""
        if key != HEADER_KEY:
            (self.live.discard if value is None else self.live.add)(key)
            return
        try:
            self.header = decode_header(value or b"")
        except UserError:
            self.readable = False

    @property
    def rows(self) -> int:
        """Keys that have a row."""
        return len({key[:8] for key in self.live})

    @property
    def writers(self) -> int:
        """Tenures whose rows are still in the log."""
        return len({key[8:] for key in self.live})


@dataclass(frozen=True, slots=True)
class PartitionState:
    """One partition of the input: `lag` counts records not committed yet, `verdict` is a name of `VERDICTS`."""

    partition: int
    committed: int | None
    log_start: int
    log_end: int
    lag: int
    watermark_ms: int | None
    rows: int
    writers: int
    header: Header | None
    verdict: str


@dataclass(frozen=True, slots=True)
class State:
    """The durable state of a deployment."""

    group: str
    members: int
    topic: str
    topic_id: str
    partitions: tuple[PartitionState, ...]


#: Verdict → what it means and what to do. A worker starts with the first two and refuses all others.
VERDICTS = {
    "ok": "offsets and rows fit the log",
    "new": "nothing stored yet; the worker begins at the start of the log",
    "header unreadable": "the changelog was begun by a newer release: run that one, or reset",
    "other log": "the changelog belongs to another topic or stage: check --prefix, or reset",
    "topic re-created": "offsets and rows belong to a topic of this name that was deleted: reset",
    "partitions added": "accounts moved to other partitions, their rows did not: see `kozamori state migrate --help`",
    "offsets expired": "rows are there but no offset: deleted, expired, or another deployment's: migrate, or reset",
    "foreign offsets": "another program committed the offsets: choose another --deployment, or reset",
    "header missing": "offsets are committed but the changelog of their rows is gone: reset",
    "events expired": "the log no longer has the events after the committed offset: reset",
    "beyond the log": "the committed offset lies behind the log's end, so the topic was re-created: reset",
}


def verdict(  # noqa: PLR0911 one return a rule, in the order in which they mislead
    expected: Header, changelog: Changelog, committed: OffsetAndMetadata | None, begin: int, end: int
) -> str:
    """The first rule of PROTOCOL 9 that is broken, as `detector.stream.identity.check_log` would find it."""
    found = changelog.header
    if not changelog.readable:
        return "header unreadable"
    if found is not None and found != expected:
        if (found.topic, found.stage) != (expected.topic, expected.stage):
            return "other log"
        return "topic re-created" if found.topic_id != expected.topic_id else "partitions added"
    if committed is None:
        return "offsets expired" if changelog.live else "new"
    watermark_ms = watermark(committed)
    if watermark_ms is None:
        return "foreign offsets"
    if found is None and (changelog.live or watermark_ms):
        return "header missing"
    if not begin <= committed.offset <= end:
        return "events expired" if committed.offset < begin else "beyond the log"
    return "ok"


def show(settings: Settings, progress: Progress = lambda _done, _total: None) -> State:
    """The state as Kafka has it now; reads the whole changelog.

    Raises UserError when no broker answers, or the input topic is missing.
    """
    rows_topic = settings.rows_topic(STAGE)
    with admin_client(settings) as client:
        facts = describe(client, [settings.account_events, rows_topic])
        source = input_facts(settings, facts)
        inputs = [TopicPartition(source.name, partition) for partition in range(source.partitions)]
        members = active_members(client, settings.group)
        commits = committed_offsets(client, settings.group, source.name)
        begins, ends = log_bounds(client, inputs)
        changelogs = read_changelogs(settings, facts[rows_topic], progress) if rows_topic in facts else {}
    expected = Header(source.name, source.topic_id, source.partitions, STAGE)
    return State(
        group=settings.group,
        members=members,
        topic=source.name,
        topic_id=source.topic_id,
        partitions=tuple(
            _partition(tp, expected, changelogs.get(tp.partition), commits.get(tp.partition), begins[tp], ends[tp])
            for tp in inputs
        ),
    )


def input_facts(settings: Settings, facts: Mapping[str, TopicFacts]) -> TopicFacts:
    """The facts of the input topic; UserError where it is missing."""
    if settings.account_events not in facts:
        raise UserError(
            f"Kafka at {','.join(settings.bootstrap)} has no topic {settings.account_events}: check --bootstrap and"
            " --prefix, or run `kozamori topics create`"
        )
    return facts[settings.account_events]


def log_bounds(
    client: KafkaAdminClient, partitions: list[TopicPartition]
) -> tuple[dict[TopicPartition, int], dict[TopicPartition, int]]:
    """First offset and offset after the last, of each partition."""
    begins = client.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.EARLIEST))
    ends = client.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST))
    return {tp: begins[tp].offset for tp in partitions}, {tp: ends[tp].offset for tp in partitions}


def watermark(commit: OffsetAndMetadata) -> int | None:
    """Event-time watermark in a commit's metadata, epoch ms; None where another program committed."""
    try:
        return decode_marks(commit.metadata).watermark_ms
    except UserError:
        return None


def read_changelogs(settings: Settings, rows_topic: TopicFacts, progress: Progress) -> dict[int, Changelog]:
    """Every changelog partition, read from its first record to the end it has now. Raises KafkaError."""
    changelogs = {partition: Changelog() for partition in range(rows_topic.partitions)}
    partitions = [TopicPartition(rows_topic.name, partition) for partition in changelogs]
    consumer = KafkaConsumer(
        **client_options(settings),
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=SLICE_BYTES,
        max_poll_records=SLICE_RECORDS,
    )
    try:
        consumer.assign(partitions)
        begins, ends = consumer.beginning_offsets(partitions), consumer.end_offsets(partitions)
        total = sum(ends[tp] - begins[tp] for tp in partitions)
        unread = {tp for tp in partitions if begins[tp] < ends[tp]}
        while unread:
            for tp, records in consumer.poll(POLL_MS).items():
                for record in records:
                    changelogs[tp.partition].feed(record.key, record.value)
            progress(sum(consumer.position(tp) - begins[tp] for tp in partitions), total)
            unread = {tp for tp in unread if consumer.position(tp) < ends[tp]}
    finally:
        consumer.close()
    return changelogs


def _partition(
    tp: TopicPartition,
    expected: Header,
    changelog: Changelog | None,
    commit: OffsetAndMetadata | None,
    begin: int,
    end: int,
) -> PartitionState:
    changelog = changelog or Changelog()
    return PartitionState(
        partition=tp.partition,
        committed=commit.offset if commit else None,
        log_start=begin,
        log_end=end,
        lag=max(0, end - (commit.offset if commit else begin)),
        watermark_ms=watermark(commit) if commit else None,
        rows=changelog.rows,
        writers=changelog.writers,
        header=changelog.header,
        verdict=verdict(expected, changelog, commit, begin, end),
    )
