"""Carry a deployment's offsets to another name, so that its workers go on where the old ones stopped."""

from dataclasses import dataclass
from typing import NoReturn

from kafka import KafkaAdminClient
from kafka.structs import OffsetAndMetadata

from detector.errors import UserError
from detector.settings import Settings
from detector.stream.admin import admin_client
from detector.stream.groups import commit_offsets, committed_offsets, delete_group, require_no_members, same_offsets
from detector.stream.state import input_facts, show
from detector.stream.topics import describe


@dataclass(frozen=True, slots=True)
class Move:
    """Committed offsets by partition, from one group to another; `moved` is false where they were there already."""

    source: str
    target: str
    offsets: dict[int, int]
    moved: bool


def refuse_without_name(settings: Settings) -> NoReturn:
    """Raise UserError: a migration without an old name, with what the state of `settings` needs instead."""
    found = show(settings)
    built_with = {
        part.header.partitions for part in found.partitions if part.verdict == "partitions added" and part.header
    }
    if built_with:
        raise UserError(
            f"topic {found.topic} has {len(found.partitions)} partitions, its rows were built with {built_with.pop()};"
            " they cannot follow their accounts, since a row knows only a hash of its account and not the partition"
            " that producers send it to now: rebuild them from the events with"
            " `kozamori state reset --to earliest --yes`"
        )
    raise UserError("expected --from-deployment NAME, the deployment whose offsets are carried over")


def plan_move(settings: Settings, from_deployment: str) -> Move:
    """What `move` would do now; changes nothing. Raises UserError as `move` does."""
    with admin_client(settings) as client:
        return _plan(client, settings, _old_group(settings, from_deployment))[0]


def move(settings: Settings, from_deployment: str) -> Move:
    """Give the offsets of `from_deployment`, with their marks, to the group of `settings`, and delete the old group.

    The rows belong to the topic prefix, not to the group, so they stay where they are; two groups that share them
    would each skip what the other has applied, which is why the old one goes. Interrupted, it can be run again.
    Raises UserError while either group has members, where there is nothing to move, and where the new group has
    other offsets already.
    """
    old = _old_group(settings, from_deployment)
    with admin_client(settings) as client:
        done, commits = _plan(client, settings, old)
        if not done.moved:
            return done
        commit_offsets(client, settings.group, settings.account_events, commits)
        delete_group(client, old)
        return done


def _old_group(settings: Settings, deployment: str) -> str:
    old = settings.model_copy(update={"deployment": deployment}).group
    if old == settings.group:
        raise UserError(f"got {deployment} as both the old and the new deployment, expected two names")
    return old


def _plan(client: KafkaAdminClient, settings: Settings, old: str) -> tuple[Move, dict[int, OffsetAndMetadata]]:
    topic = input_facts(settings, describe(client, [settings.account_events])).name
    for group in (old, settings.group):
        require_no_members(client, group)
    source, target = committed_offsets(client, old, topic), committed_offsets(client, settings.group, topic)
    if not source and not target:
        raise UserError(f"group {old} has no offsets of {topic}: check the deployment's name and --prefix")
    if target and source and not same_offsets(source, target):
        raise UserError(
            f"group {settings.group} has other offsets of {topic} already: choose a deployment that was never used"
        )
    commits = source or target
    offsets = {partition: commits[partition].offset for partition in sorted(commits)}
    return Move(old, settings.group, offsets, moved=bool(source)), source
