"""Moves a deployment's offsets to another name, so that its workers continue where the old ones stopped."""

from dataclasses import dataclass
from typing import NoReturn

from kafka import KafkaAdminClient

from detector.errors import UserError
from detector.kafka.clients import admin_client
from detector.kafka.groups import all_offsets, delete_group, offsets_within, require_no_members, store_offsets
from detector.kafka.topics import describe
from detector.ops.state import TOPOLOGY, Commits, input_facts, show
from detector.settings import Settings


@dataclass(frozen=True, slots=True)
class StageMove:
    """Committed offsets of a node's input topic, by partition."""

    stage: str
    topic: str
    offsets: dict[int, int]


@dataclass(frozen=True, slots=True)
class Move:
    """Offsets by stage, from one group to another; `moved` is false where they were there already."""

    source: str
    target: str
    stages: tuple[StageMove, ...]
    moved: bool

    @property
    def offsets(self) -> dict[int, int]:
        """Those of the first stage, which reads the account events."""
        return self.stages[0].offsets


def refuse_without_name(settings: Settings) -> NoReturn:
    """Raise UserError: a migration without an old name, with what the state of `settings` needs instead."""
    found = show(settings)
    for stage in found.stages:
        for part in stage.partitions:
            if part.verdict == "partitions added" and part.header:
                raise UserError(
                    f"topic {found.stages[0].topic} has {len(found.partitions)} partitions, the rows of stage"
                    f" {stage.stage} were built with {part.header.partitions}; they cannot follow their accounts and"
                    " wallets, since a row knows only a hash of its key and not the partition that it is sent to now:"
                    " rebuild them from the events with `kozamori state reset --to earliest --yes`"
                )
    raise UserError("expected --from-deployment NAME, the deployment whose offsets are carried over")


def plan_move(settings: Settings, from_deployment: str) -> Move:
    """What `move` would do now; changes nothing. Raises UserError as `move` does."""
    with admin_client(settings) as client:
        return _plan(client, settings, _old_group(settings, from_deployment))[0]


def move(settings: Settings, from_deployment: str) -> Move:
    """Give the offsets of `from_deployment`, with their marks, to the group of `settings`, and delete the old group.

    Hops and rows belong to the topic prefix, not to the group, so they stay where they are; two groups that share them
    would each skip what the other has applied, which is why the old one is deleted. Interrupted, it can be run again.
    Raises UserError while either group has members, where there is nothing to move, and where the new group has
    other offsets already.
    """
    old = _old_group(settings, from_deployment)
    with admin_client(settings) as client:
        done, commits = _plan(client, settings, old)
        if not done.moved:
            return done
        store_offsets(client, settings.group, commits)
        delete_group(client, old)
        return done


def _old_group(settings: Settings, deployment: str) -> str:
    old = settings.model_copy(update={"deployment": deployment}).group
    if old == settings.group:
        raise UserError(f"got {deployment} as both the old and the new deployment, expected two names")
    return old


def _plan(client: KafkaAdminClient, settings: Settings, old: str) -> tuple[Move, Commits]:
    input_facts(settings, describe(client, [settings.account_events]))
    for group in (old, settings.group):
        require_no_members(client, group)
    source, target = _offsets(client, settings, old), _offsets(client, settings, settings.group)
    if not source and not target:
        raise UserError(
            f"group {old} has no offsets of {settings.account_events}: check the deployment's name and --prefix"
        )
    if source and not offsets_within(target, source):
        raise UserError(
            f"group {settings.group} has other offsets of {settings.account_events} already:"
            " choose a deployment that was never used"
        )
    return Move(old, settings.group, _stages(settings, source or target), moved=bool(source)), source


def _offsets(client: KafkaAdminClient, settings: Settings, group: str) -> Commits:
    topics = {settings.input_topic(node) for node in TOPOLOGY.nodes}
    return {tp: commit for tp, commit in all_offsets(client, group).items() if tp.topic in topics}


def _stages(settings: Settings, commits: Commits) -> tuple[StageMove, ...]:
    offsets: dict[str, dict[int, int]] = {}
    for tp in sorted(commits):
        offsets.setdefault(tp.topic, {})[tp.partition] = commits[tp].offset
    topics = {node.name: settings.input_topic(node) for node in TOPOLOGY.nodes}
    return tuple(StageMove(stage, topic, offsets.get(topic, {})) for stage, topic in topics.items())
