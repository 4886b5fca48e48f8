"""Delivers once more what receivers had refused."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import msgspec
from kafka import TopicPartition

from detector.kafka.subscription import LogRecord
from detector.notify.parked import Parked, ParkedFile
from detector.notify.ports import UNREADABLE, Clock, Delivered, Outcome, Receiver, Refused, send


@dataclass(frozen=True, slots=True)
class Redriven:
    """What became of parked messages: `dropped` are those that Kafka no longer has, or that are for others."""

    delivered: int = 0
    parked: int = 0
    dropped: int = 0


def redrive(
    parked: ParkedFile,
    receivers: Sequence[Receiver],
    records_at: Callable[[dict[TopicPartition, list[int]]], Sequence[LogRecord]],
    clock: Clock,
) -> Redriven:
    """Deliver each parked message once; what is not taken, or has no receiver of that name now, is parked again.

    `records_at`: the records at these offsets, without those that Kafka no longer has. A redrive that falls is done
    again from its beginning; receivers know repeats by their ids. Raises UserError where another one is under way.
    """
    with parked.redriving():
        return _all(parked, receivers, records_at, clock)


def _all(
    parked: ParkedFile,
    receivers: Sequence[Receiver],
    records_at: Callable[[dict[TopicPartition, list[int]]], Sequence[LogRecord]],
    clock: Clock,
) -> Redriven:
    by_name = {receiver.name: receiver for receiver in receivers}
    lines = parked.take()
    wanted: dict[TopicPartition, list[int]] = defaultdict(list)
    for line in lines:
        wanted[TopicPartition(line.topic, line.partition)].append(line.offset)
    records = {(found.topic, found.partition, found.offset): found for found in records_at(wanted)}
    result = Redriven()
    for line in lines:
        record = records.get((line.topic, line.partition, line.offset))
        outcome = _once(line, record, by_name.get(line.receiver), clock)
        if outcome is None:
            result = replace(result, dropped=result.dropped + 1)
        elif isinstance(outcome, Delivered):
            result = replace(result, delivered=result.delivered + 1)
        else:
            parked.add(msgspec.structs.replace(line, cause=outcome.cause))
            result = replace(result, parked=result.parked + 1)
    parked.taken()
    return result


def _once(line: Parked, record: LogRecord | None, receiver: Receiver | None, clock: Clock) -> Outcome | None:
    """What becomes of a line; None where there is nothing to deliver."""
    if record is None:
        return None
    if receiver is None:
        return Refused(line.cause)
    notice = receiver.read(record)
    if notice is None:
        return UNREADABLE
    # Of one that was parked unread it was not known whose it is.
    return send(receiver, notice, clock.wall_s()) if receiver.wanted.takes(notice) else None
