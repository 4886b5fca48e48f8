"""What lies in hops, so that runs can be compared: in each, upstreams mix otherwise and chunks end elsewhere."""

import hashlib
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.batch import Batch
from detector.core.events import Events
from detector.stream.high_water import HighWaterMarks
from detector.stream.hop_head import head_of
from detector.stream.hop_layout import COUNTS
from detector.stream.processor import Wiring

#: Columns that differ from run to run: where an event lies in the hop.
_WHERE = ("offset", "record", "hop_index")


class Lane(NamedTuple):
    """The events of one upstream partition in one hop partition, repeats dropped.

    Their number, and digests, in their order, of their columns with features and facts and of their strings.
    """

    events: int
    columns: str
    strings: str


class Lanes:
    """Reads all hops of a topology, message by message."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._marks: dict[tuple[str, int], HighWaterMarks] = {}
        self._lanes: dict[tuple[str, int, int], _Reading] = {}

    def add(self, hop: str, partition: int, message: bytes) -> None:
        """The next message of a hop partition."""
        if (hop, partition) not in self._marks:
            self._marks[hop, partition] = self._wiring.marks(self._wiring.topology.node(hop))
        events, _ = self._wiring.codecs[hop].decode([message], [0], self._marks[hop, partition])
        if events.size:
            self._lanes.setdefault((hop, partition, slot_in(message)), _Reading()).take(events)

    def result(self) -> dict[tuple[str, int, int], Lane]:
        """By hop, its partition and the upstream's slot."""
        return {lane: reading.result() for lane, reading in self._lanes.items()}


def slot_in(message: bytes) -> int:
    """The upstream partition's slot in a hop message."""
    slot: int = COUNTS.unpack_from(message, len(head_of(message)))[0]
    return slot


class _Reading:
    def __init__(self) -> None:
        self._events = 0
        self._columns = hashlib.sha256()
        #: Of each field its bytes, and where they end.
        self._strings = [(hashlib.sha256(), hashlib.sha256()) for _ in range(4)]

    def take(self, events: Events) -> None:
        assert events.strings is not None
        self._events += events.size
        self._columns.update(_by_event(events).tobytes())
        for (whole, lengths), texts in zip(self._strings, events.strings, strict=True):
            whole.update(texts.packed().tobytes())
            lengths.update(texts.length.tobytes())

    def result(self) -> Lane:
        digests = "".join(digest.hexdigest() for pair in self._strings for digest in pair)
        return Lane(self._events, self._columns.hexdigest(), digests)


def _by_event(events: Events) -> npt.NDArray[np.uint8]:
    """A row of bytes an event."""
    columns: list[npt.NDArray[Any]] = [getattr(events.batch, name) for name in Batch._fields if name not in _WHERE]
    columns += [events.X, events.facts]
    return np.concatenate([np.ascontiguousarray(c).view(np.uint8).reshape(len(c), -1) for c in columns], axis=1)
