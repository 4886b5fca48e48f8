"""Redrive: messages that were no events, and are for this release, enter their topic again; each counts once.

In one transaction a message is sent to its topic and noted as redriven. What a worker reads again after a reset is
skipped at its first position, since it is noted there; what no worker has read for good cannot be redriven yet.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from kafka import KafkaProducer

from detector.contract.alerts import Position
from detector.contract.codec import decode_account_events, decode_wallet_events
from detector.contract.dead_letters import DeadLetter
from detector.contract.redrives import HEADER, Redriven, encode_redrive
from detector.errors import UserError
from detector.kafka.clients import admin_client
from detector.kafka.groups import active_members, all_offsets
from detector.kafka.redrives import read_redrives, redriving
from detector.kafka.topics import topic_ids
from detector.ops.dead_letters import find_letters, originals
from detector.settings import Settings

#: Messages of one transaction: some hundred milliseconds, far below a transaction's time of a minute.
BATCH = 500

#: What becomes of a letter → what it means.
OUTCOMES: dict[str, str] = {
    "redriven": "entered its topic again, as an event",
    "redriven before": "was redriven before",
    "of a state before": "is of a state that was reset since: what is no event now has a letter of its own again",
    "not committed": "a worker has not committed its position yet: try again",
    "gone": "Kafka has the message no longer, or its topic was re-created",
    "no event": "the message is no event for this release either",
}


@dataclass(frozen=True, slots=True)
class Redrive:
    """How many letters there were of each of `OUTCOMES`, and where their messages went."""

    counts: dict[str, int]
    again: dict[str, Position]


def plan_redrive(settings: Settings, now_ms: int, **chosen: Any) -> Redrive:
    """What `redrive` would do now; changes nothing."""
    counts, ready = _choose(settings, now_ms, chosen)
    return Redrive(_told(counts, len(ready)), {})


def redrive(settings: Settings, now_ms: int, **chosen: Any) -> Redrive:
    """Redrive the open letters of those chosen (see `read_letters`); the same letter never twice.

    Interrupted, what was committed is redriven, and the rest can be: run it again. Raises UserError where Kafka
    refuses, where another redrive or a reset begins meanwhile, and for a second reader.
    """
    if settings.is_second_reader:
        raise UserError(
            f"got --input-prefix {settings.input_prefix!r}, expected the deployment that the source topics belong to:"
            " redrive there, without --input-prefix"
        )
    with redriving(settings) as producer:
        # What is noted now is final: no one else can commit any more.
        counts, ready = _choose(settings, now_ms, chosen)
        ids = topic_ids(settings, {letter.position.topic for letter, _ in ready})
        again: dict[str, Position] = {}
        for begin in range(0, len(ready), BATCH):
            again |= _send(producer, settings, ready[begin : begin + BATCH], ids)
    return Redrive(_told(counts, len(again)), again)


_Ready = list[tuple[DeadLetter, Any]]


def _choose(settings: Settings, now_ms: int, chosen: dict[str, Any]) -> tuple[Counter[str], _Ready]:
    """Letters that stay as they are, counted by outcome; those to redrive with their records."""
    letters = find_letters(settings, read_redrives(settings), **chosen)
    counts = Counter({"redriven before": sum(one.status == "redriven" for one in letters)})
    counts["of a state before"] = sum(one.status == "void" for one in letters)
    candidates = [one.letter for one in letters if one.status == "open"]
    committed = _committed(settings, candidates)
    counts["not committed"] = len(candidates) - len(committed)
    found = list(originals(settings, committed))
    counts["gone"] = len(committed) - len(found)
    ready = list(_events(settings, found, now_ms))
    counts["no event"] = len(found) - len(ready)
    return counts, ready


def _committed(settings: Settings, letters: list[DeadLetter]) -> list[DeadLetter]:
    """Those whose messages no worker reads again: else it could accept one there, and here too."""
    with admin_client(settings) as client:
        active_members(client, settings.group)  # waits until a new broker can answer questions about groups
        commits = {(tp.topic, tp.partition): one.offset for tp, one in all_offsets(client, settings.group).items()}
    return [
        letter
        for letter in letters
        if letter.position.offset < commits.get((letter.position.topic, letter.position.partition), 0)
    ]


def _events(settings: Settings, found: _Ready, now_ms: int) -> Iterator[tuple[DeadLetter, Any]]:
    """Those that are events now, of a record written at `now_ms`."""
    for topic, decode in (
        (settings.account_events, decode_account_events),
        (settings.wallet_events, decode_wallet_events),
    ):
        some = [(letter, record) for letter, record in found if letter.position.topic == topic]
        offsets = np.array([record.offset for _, record in some], np.int64)
        values, keys = [record.value for _, record in some], [record.key for _, record in some]
        batch = decode(values, keys, offsets, np.full(len(some), now_ms, np.int64)).batch
        yield from (some[index] for index in batch.record.tolist())


def _send(producer: KafkaProducer, settings: Settings, batch: _Ready, ids: Mapping[str, str]) -> dict[str, Position]:
    """One transaction: the messages to their topics, each noted with where it is now."""
    producer.begin_transaction()
    sent = [
        (
            letter,
            producer.send(
                letter.position.topic,
                record.value,
                key=record.key,
                headers=[*record.headers, (HEADER, letter.dead_letter_id.encode())],
            ),
        )
        for letter, record in batch
    ]
    producer.flush()
    again = {}
    for letter, future in sent:
        at = future.get()
        again[letter.dead_letter_id] = Position(at.topic, at.partition, at.offset)
        noted = Redriven(letter.position, ids[letter.position.topic], again[letter.dead_letter_id])
        producer.send(settings.redrives, encode_redrive(noted), key=letter.dead_letter_id.encode(), partition=0)
    producer.commit_transaction()
    return again


def _told(counts: Counter[str], redriven: int) -> dict[str, int]:
    counts["redriven"] = redriven
    return {outcome: counts[outcome] for outcome in OUTCOMES if counts[outcome]}
