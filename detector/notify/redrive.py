"""Delivers once more what receivers had refused."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from kafka import TopicPartition

from detector.kafka.subscription import LogRecord
from detector.notify.courier import Clock, Delivered, Receiver, send
from detector.notify.parked import Parked, ParkedFile


@dataclass(frozen=True, slots=True)
class Redriven:
    """What became of parked messages: `gone` are those that Kafka no longer has."""

    delivered: int = 0
    parked: int = 0
    gone: int = 0


def redrive(
    parked: ParkedFile,
    receivers: Sequence[Receiver],
    records_at: Callable[[dict[TopicPartition, list[int]]], Sequence[LogRecord]],
    clock: Clock,
) -> Redriven:
    """Deliver each parked message once; what is not taken, or has no receiver of that name now, is parked again.

    `records_at`: the records at these offsets, without those that Kafka no longer has. A redrive that falls is done
    again from its beginning; receivers know repeats by their ids.
    """
    by_name = {receiver.name: receiver for receiver in receivers}
    lines = parked.take()
    wanted: dict[TopicPartition, list[int]] = defaultdict(list)
    for line in lines:
        wanted[TopicPartition(line.topic, line.partition)].append(line.offset)
    records = {(found.topic, found.partition, found.offset): found for found in records_at(wanted)}
    result = Redriven()
    for line in lines:
        record = records.get((line.topic, line.partition, line.offset))
        if record is None:
            result = replace(result, gone=result.gone + 1)
        elif cause := _once(line, record, by_name.get(line.receiver), clock):
            parked.add(
                Parked(line.receiver, line.id, line.topic, line.partition, line.offset, cause, line.parked_at_ms)
            )
            result = replace(result, parked=result.parked + 1)
        else:
            result = replace(result, delivered=result.delivered + 1)
    parked.taken()
    return result


def _once(line: Parked, record: LogRecord, receiver: Receiver | None, clock: Clock) -> str:
    """Why it could not be delivered, "" where it was."""
    if receiver is None:
        return line.cause
    notice = receiver.read(record)
    if notice is None:
        return line.cause
    outcome = send(receiver, notice, clock.wall_s())
    return "" if isinstance(outcome, Delivered) else outcome.cause
