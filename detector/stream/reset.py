"""Begin anew: forget a deployment's offsets and rows, so that the worker rebuilds its state from the log."""

import time
from dataclasses import dataclass
from typing import Literal

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import TopicAlreadyExistsError, for_code
from kafka.structs import OffsetAndMetadata

from detector.errors import UserError
from detector.settings import Settings
from detector.stream.admin import admin_client
from detector.stream.groups import commit_offsets, committed_offsets, delete_group, require_no_members
from detector.stream.marks import Marks, encode_marks
from detector.stream.state import STAGE, input_facts, log_bounds
from detector.stream.topics import TOPICS, TopicFacts, declared_config, describe

Start = Literal["earliest", "latest"]

#: A cluster forgets a deleted topic within a second or two; longer means that a broker is down.
DELETE_TIMEOUT_S = 30.0
LOOK_EVERY_S = 0.2


@dataclass(frozen=True, slots=True)
class Reset:
    """What a reset does: partitions whose offset is deleted, records of the rows topic, and where reading begins."""

    group: str
    rows_topic: str
    committed: dict[int, int]
    rows_records: int
    begin_at: dict[int, int]
    events_to_read: int


def plan(settings: Settings, to: Start) -> Reset:
    """What `reset` would do now; changes nothing. Raises UserError as `reset` does."""
    with admin_client(settings) as client:
        return _plan(client, settings, to)


def reset(settings: Settings, to: Start) -> Reset:
    """Delete the group's offsets, then re-create the rows topic empty; returns what was done.

    `latest` also commits the ends of the log, so that the worker passes over everything before. Raises UserError while
    the group has members, and where a topic is missing or Kafka refuses.
    """
    with admin_client(settings) as client:
        done = _plan(client, settings, to)
        # Offsets first: should this be interrupted, rows without offsets are refused by the worker, while offsets
        # without rows could pass for a state that has forgotten every account.
        delete_group(client, settings.group)
        _recreate_rows(client, settings)
        if to == "latest":
            empty = encode_marks(Marks())
            begin = {part: OffsetAndMetadata(offset, empty, -1) for part, offset in done.begin_at.items()}
            commit_offsets(client, settings.group, settings.account_events, begin)
        return done


def _plan(client: KafkaAdminClient, settings: Settings, to: Start) -> Reset:
    require_no_members(client, settings.group)
    rows_topic = settings.rows_topic(STAGE)
    facts = describe(client, [settings.account_events, rows_topic])
    source = input_facts(settings, facts)
    inputs = [TopicPartition(source.name, partition) for partition in range(source.partitions)]
    begins, ends = log_bounds(client, inputs)
    begin_at = ends if to == "latest" else begins
    commits = committed_offsets(client, settings.group, source.name)
    return Reset(
        group=settings.group,
        rows_topic=rows_topic,
        committed={partition: commits[partition].offset for partition in sorted(commits)},
        rows_records=_records(client, facts.get(rows_topic)),
        begin_at={tp.partition: begin_at[tp] for tp in inputs},
        events_to_read=sum(ends[tp] - begin_at[tp] for tp in inputs),
    )


def _records(client: KafkaAdminClient, topic: TopicFacts | None) -> int:
    if topic is None:
        return 0
    begins, ends = log_bounds(client, [TopicPartition(topic.name, partition) for partition in range(topic.partitions)])
    return sum(ends.values()) - sum(begins.values())


def _recreate_rows(client: KafkaAdminClient, settings: Settings) -> None:
    """Empty the rows topic; Kafka deletes no records of a topic that is only compacted, so it is made anew."""
    rows_topic = settings.rows_topic(STAGE)
    facts = describe(client, [settings.account_events, rows_topic])
    source, before = facts[settings.account_events], facts.get(rows_topic)
    replication = before.replication if before else source.replication
    declaration = next(topic for topic in TOPICS if topic.name(settings) == rows_topic)
    config = declared_config(declaration, replication)
    if before:
        config = {**config, **_own_config(client, rows_topic), "cleanup.policy": "compact"}
        client.delete_topics([rows_topic])
    wanted = {
        rows_topic: {
            "num_partitions": source.partitions,
            "replication_factor": replication,
            "configs": config,
        }
    }
    deadline = time.monotonic() + DELETE_TIMEOUT_S
    while True:
        answer = client.create_topics(wanted, raise_errors=False)["topics"][0]
        error = for_code(answer["error_code"])
        if error is not TopicAlreadyExistsError or time.monotonic() > deadline:
            break
        time.sleep(LOOK_EVERY_S)
    if answer["error_code"]:
        raise UserError(
            f"topic {rows_topic} was deleted but not created again ({error.__name__}): run `kozamori topics create`"
        )
    client.wait_for_topics([rows_topic])


def _own_config(client: KafkaAdminClient, topic: str) -> dict[str, str]:
    """What was set on this topic itself, by us or by an operator."""
    resource = ConfigResource(ConfigResourceType.TOPIC, topic)
    found = client.describe_configs([resource], config_filter="all")["topic"][topic]
    return {name: entry["value"] for name, entry in found.items() if entry["config_source"] == "DYNAMIC_TOPIC_CONFIG"}
