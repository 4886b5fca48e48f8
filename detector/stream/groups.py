"""A consumer group from outside: its members, what it has committed, and changing that while it has no members."""

import time

from kafka import KafkaAdminClient, TopicPartition
from kafka.errors import (
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    GroupIdNotFoundError,
    NonEmptyGroupError,
    NotCoordinatorError,
)
from kafka.structs import OffsetAndMetadata

from detector.errors import UserError
from detector.stream.admin import TIMEOUT_S

LOOK_EVERY_S = 0.2

#: What a broker answers that has just started, or a cluster that never had a group.
_NOT_YET = {
    error.__name__ for error in (CoordinatorNotAvailableError, CoordinatorLoadInProgressError, NotCoordinatorError)
}


def active_members(client: KafkaAdminClient, group: str) -> int:
    """Workers in the group now; 0 for a group that does not exist.

    The first question about groups that a command asks: a new cluster, or a broker just started, needs some seconds
    until it can answer any. Raises KafkaError, and UserError where Kafka does not tell.
    """
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        members, error = _describe(client, group)
        if error is None:
            return members
        if error not in _NOT_YET or time.monotonic() > deadline:
            raise UserError(f"Kafka does not tell who is in group {group} ({error}): try again")
        time.sleep(LOOK_EVERY_S)


def _describe(client: KafkaAdminClient, group: str) -> tuple[int, str | None]:
    """Members of the group, or the name of the error that kept Kafka from telling."""
    try:
        found = client.describe_groups([group])[group]
    except (CoordinatorNotAvailableError, CoordinatorLoadInProgressError, NotCoordinatorError) as error:
        return 0, type(error).__name__
    # kafka-python gives this error as a text only, "[Error 14] CoordinatorLoadInProgressError: None".
    name = (found["error"] or "").partition("] ")[2].partition(":")[0]
    return len(found["members"]), None if name in {"", GroupIdNotFoundError.__name__} else name


def require_no_members(client: KafkaAdminClient, group: str) -> None:
    """Raise UserError while workers of the group are running."""
    members = active_members(client, group)
    if members:
        raise UserError(
            f"group {group} has {members} active member(s): stop its workers first (a killed one counts until its"
            " session timeout)"
        )


def committed_offsets(client: KafkaAdminClient, group: str, topic: str) -> dict[int, OffsetAndMetadata]:
    """What `group` has committed of `topic`, by partition; empty for a group that does not exist."""
    found = client.list_group_offsets({group: None})[group]
    return {tp.partition: commit for tp, commit in found.items() if tp.topic == topic and commit.offset >= 0}


def commit_offsets(client: KafkaAdminClient, group: str, topic: str, commits: dict[int, OffsetAndMetadata]) -> None:
    """Commit for a group without members, and read back; UserError where Kafka did not store it."""
    answer = client.alter_group_offsets(
        group, {TopicPartition(topic, partition): commit for partition, commit in commits.items()}
    )
    refused = {tp.partition: error.__name__ for tp, error in answer.items() if error.errno}
    stored = _content(committed_offsets(client, group, topic))
    if refused or not _content(commits).items() <= stored.items():
        raise UserError(f"Kafka did not store the offsets of group {group} ({refused or 'no error given'}): run again")


def same_offsets(one: dict[int, OffsetAndMetadata], other: dict[int, OffsetAndMetadata]) -> bool:
    """Whether two groups are at the same place with the same marks."""
    return _content(one) == _content(other)


def delete_group(client: KafkaAdminClient, group: str) -> None:
    """Delete the group and its offsets; nothing where there is none. UserError where it has members."""
    answer = client.delete_groups([group])[group]
    if answer == NonEmptyGroupError.__name__:
        require_no_members(client, group)
    if answer not in {"OK", GroupIdNotFoundError.__name__}:
        raise UserError(f"Kafka did not delete group {group} ({answer}): run again")


def _content(commits: dict[int, OffsetAndMetadata]) -> dict[int, tuple[int, str]]:
    return {partition: (commit.offset, commit.metadata) for partition, commit in commits.items()}
