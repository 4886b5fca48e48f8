"""What every member of a group does: says what is finished, and leaves within a bounded time."""

import logging
import threading
from collections.abc import Mapping
from typing import Any

from kafka import TopicPartition
from kafka.errors import KafkaError
from kafka.structs import OffsetAndMetadata

log = logging.getLogger(__name__)


def commit(consumer: Any, group: str, done: Mapping[TopicPartition, int], limit_ms: int) -> dict[TopicPartition, int]:
    """Commit the next offset to read of each partition; what is to be committed again, empty if all is well.

    Nothing is lost where it fails, at worst repeated: the partition's new owner starts at the commit before.
    """
    if not done:
        return {}
    try:
        offsets = {tp: OffsetAndMetadata(offset, "", -1) for tp, offset in done.items()}
        consumer.commit(offsets, timeout_ms=limit_ms)
    except KafkaError as error:
        log.warning("group %s could not commit (%s): messages may come again", group, type(error).__name__)
        return dict(done) if error.retriable else {}
    return {}


def close(consumer: Any, address: str, leave_ms: int, limit_s: float) -> None:
    """Leave the group, within `leave_ms` if the broker answers, and close; goes on after `limit_s` in any case."""
    # It joins its I/O thread, which first runs whatever is ready in it: tasks that make each other ready never end.
    # All that is to be given back was committed before; what hangs ends with the process.
    closing = threading.Thread(target=_close, args=(consumer, address, leave_ms), name="close consumer", daemon=True)
    closing.start()
    closing.join(limit_s)
    if closing.is_alive():
        log.info("the connection to %s did not close within %g s", address, limit_s)


def _close(consumer: Any, address: str, leave_ms: int) -> None:
    try:
        consumer.close(timeout_ms=leave_ms)
    except KafkaError as error:
        log.info("the connection to %s did not close in order: %r", address, error)
