"""Dead letters as an operator sees them: which are open, grouped by what is wrong, and the messages they are of."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from kafka import TopicPartition

from detector.contract.dead_letters import DeadLetter, decode_dead_letter
from detector.errors import UserError
from detector.kafka.reading import records_at, records_of
from detector.kafka.redrives import Redrives, read_redrives
from detector.kafka.topics import topic_ids
from detector.settings import Settings

#: `open`: as it was written; `redriven`: the message entered its topic again; `void`: of a state that was reset.
Status = Literal["open", "redriven", "void"]


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter, and when it is of: the source record's timestamp, or its own where that is not known."""

    letter: DeadLetter
    status: Status
    at_ms: int


@dataclass(frozen=True, slots=True)
class Group:
    """Letters of one reason and source partition: how many, how many are open, first and last time, the last's id."""

    reason: str
    topic: str
    partition: int
    count: int
    open: int
    first_ms: int
    last_ms: int
    last_id: str


def read_letters(
    settings: Settings, *, reason: str | None = None, since_ms: int = 0, ids: Iterable[str] = ()
) -> list[Letter]:
    """Each letter once, in the order of their first record: those of a reason, of a time, of some ids.

    Raises UserError where Kafka refuses, and for an id of which there is no letter.
    """
    return find_letters(settings, read_redrives(settings), reason=reason, since_ms=since_ms, ids=ids)


def find_letters(
    settings: Settings, redrives: Redrives, *, reason: str | None = None, since_ms: int = 0, ids: Iterable[str] = ()
) -> list[Letter]:
    """The same, with what is known to be redriven."""
    wanted = set(ids)
    topic_id = topic_ids(settings, [settings.dead_letters]).get(settings.dead_letters, "")
    void_before = redrives.void_before(settings.dead_letters, topic_id)
    found: dict[str, Letter] = {}
    for record in records_of(settings, settings.dead_letters):
        letter = _letter(record)
        at_ms = letter.recorded_at_ms if letter.recorded_at_ms >= 0 else record.timestamp
        if at_ms >= since_ms and reason in (None, letter.reason) and (not wanted or letter.dead_letter_id in wanted):
            status: Status = "void" if record.offset < void_before.get(record.partition, 0) else "open"
            if letter.dead_letter_id in redrives.by_id:
                status = "redriven"
            found[letter.dead_letter_id] = Letter(letter, status, at_ms)
    if missing := sorted(wanted - found.keys()):
        raise UserError(f"no dead letter has the id {missing[0]}: see `kozamori dead-letters list`")
    return list(found.values())


def _letter(record: Any) -> DeadLetter:
    try:
        return decode_dead_letter(record.value or b"")
    except msgspec.MsgspecError:
        raise UserError(
            f"{record.topic} has a record at partition {record.partition}, offset {record.offset} that is no dead"
            " letter of this release or one before: upgrade, or look who writes there"
        ) from None


def groups_of(letters: Iterable[Letter]) -> list[Group]:
    """The letters by reason and source partition, the largest group first."""
    found: dict[tuple[str, str, int], list[Letter]] = {}
    for one in letters:
        found.setdefault((one.letter.reason, one.letter.position.topic, one.letter.position.partition), []).append(one)
    groups = [
        Group(
            *key,
            count=len(members),
            open=sum(one.status == "open" for one in members),
            first_ms=min(one.at_ms for one in members),
            last_ms=max(one.at_ms for one in members),
            last_id=max(members, key=lambda one: one.letter.position.offset).letter.dead_letter_id,
        )
        for key, members in found.items()
    ]
    return sorted(groups, key=lambda group: (-group.count, group.reason, group.topic, group.partition))


def originals(settings: Settings, letters: Iterable[DeadLetter]) -> Iterator[tuple[DeadLetter, Any]]:
    """The records that the letters are of, where Kafka still has them and they are what they were."""
    by_position = {(one.position.topic, one.position.partition, one.position.offset): one for one in letters}
    known = topic_ids(settings, {topic for topic, _, _ in by_position})
    wanted: dict[TopicPartition, list[int]] = {}
    for topic, partition, offset in by_position:
        if topic in known:
            wanted.setdefault(TopicPartition(topic, partition), []).append(offset)
    for record in records_at(settings, wanted):
        letter = by_position[record.topic, record.partition, record.offset]
        # A topic made anew has other messages at the same positions.
        if hashlib.sha256(record.value or b"").hexdigest() == letter.sha256:
            yield letter, record
