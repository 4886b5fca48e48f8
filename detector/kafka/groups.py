"""A consumer group from outside: its members, what it has committed, and changing that while it has no members."""

from collections.abc import Mapping
from typing import Any, NamedTuple

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
from detector.kafka.clients import TIMEOUT_S, attempts

#: A member that says nothing of itself: no worker of this release.
UNNAMED = "a program that does not say its name"
#: What a broker answers that has just started, or a cluster that never had a group.
_NOT_YET = {
    error.__name__ for error in (CoordinatorNotAvailableError, CoordinatorLoadInProgressError, NotCoordinatorError)
}


class StaticMember(NamedTuple):
    """A member with a static name: its id, and what it says of itself; while the group rebalances Kafka keeps that."""

    member_id: str
    process: str


def active_members(client: KafkaAdminClient, group: str) -> int:
    """Workers in the group now; 0 for a group that does not exist.

    The first question about groups that a command asks: a new cluster, or a broker just started, needs some seconds
    until it can answer any. Raises KafkaError, and UserError where Kafka does not answer.
    """
    return len(_members(client, group))


def static_members(client: KafkaAdminClient, group: str) -> dict[str, StaticMember]:
    """The group's members with a static name, by that name. Raises as `active_members` does."""
    return {
        found["group_instance_id"]: StaticMember(
            found["member_id"], _name((found["member_metadata"] or {}).get("user_data") or "")
        )
        for found in _members(client, group)
        if found["group_instance_id"]
    }


def user_data(client: KafkaAdminClient, group: str) -> list[str]:
    """What the members of the group told each other; nothing of who did not, or while the group rebalances."""
    told = [(found["member_metadata"] or {}).get("user_data") for found in _members(client, group)]
    return [each for each in told if each]


def _name(user_data: str) -> str:
    """The process: what comes behind it is for the others in the group."""
    return user_data.split(" ", maxsplit=1)[0] or UNNAMED


def _members(client: KafkaAdminClient, group: str) -> list[Any]:
    error: str | None = None
    for _ in attempts(TIMEOUT_S):
        members, error = _describe(client, group)
        if error is None:
            return members
        if error not in _NOT_YET:
            break
    raise UserError(f"Kafka does not say who is in group {group} ({error}): try again")


def _describe(client: KafkaAdminClient, group: str) -> tuple[list[Any], str | None]:
    """Members of the group, or the name of the error that Kafka answered with."""
    try:
        found = client.describe_groups([group])[group]
    except (CoordinatorNotAvailableError, CoordinatorLoadInProgressError, NotCoordinatorError) as error:
        return [], type(error).__name__
    # kafka-python gives this error as a text only, "[Error 14] CoordinatorLoadInProgressError: None".
    name = (found["error"] or "").partition("] ")[2].partition(":")[0]
    return found["members"], None if name in {"", GroupIdNotFoundError.__name__} else name


def require_no_members(client: KafkaAdminClient, group: str) -> None:
    """Raise UserError while workers of the group are running."""
    members = active_members(client, group)
    if members:
        raise UserError(
            f"group {group} has {members} active member(s): stop its workers first (a killed one counts until its"
            " session timeout)"
        )


def all_offsets(client: KafkaAdminClient, group: str) -> dict[TopicPartition, OffsetAndMetadata]:
    """What `group` has committed, of whatever topic; empty for a group that does not exist."""
    found = client.list_group_offsets({group: None})[group]
    return {tp: commit for tp, commit in found.items() if commit.offset >= 0}


def committed_offsets(client: KafkaAdminClient, group: str, topic: str) -> dict[int, OffsetAndMetadata]:
    """What `group` has committed of `topic`, by partition."""
    return {tp.partition: commit for tp, commit in all_offsets(client, group).items() if tp.topic == topic}


def store_offsets(client: KafkaAdminClient, group: str, commits: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
    """Commit for a group without members, in one request, and read back; UserError where Kafka did not store it."""
    answer = client.alter_group_offsets(group, dict(commits))
    refused = {f"{tp.topic} {tp.partition}": error.__name__ for tp, error in answer.items() if error.errno}
    if refused or not offsets_within(commits, all_offsets(client, group)):
        raise UserError(f"Kafka did not store the offsets of group {group} ({refused or 'no error given'}): run again")


def commit_offsets(client: KafkaAdminClient, group: str, topic: str, commits: dict[int, OffsetAndMetadata]) -> None:
    """The same for one topic, by partition."""
    store_offsets(client, group, {TopicPartition(topic, partition): commit for partition, commit in commits.items()})


def offsets_within(
    some: Mapping[TopicPartition, OffsetAndMetadata], others: Mapping[TopicPartition, OffsetAndMetadata]
) -> bool:
    """Whether `others` has all of `some`, with the same offsets and marks."""
    return _content(some).items() <= _content(others).items()


def delete_group(client: KafkaAdminClient, group: str) -> None:
    """Delete the group and its offsets; nothing where there is none. UserError where it has members."""
    answer = client.delete_groups([group])[group]
    if answer == NonEmptyGroupError.__name__:
        require_no_members(client, group)
    if answer not in {"OK", GroupIdNotFoundError.__name__}:
        raise UserError(f"Kafka did not delete group {group} ({answer}): run again")


def _content(commits: Mapping[TopicPartition, OffsetAndMetadata]) -> dict[TopicPartition, tuple[int, str]]:
    return {tp: (commit.offset, commit.metadata) for tp, commit in commits.items()}
