"""What lies in hops, told so that runs can be compared: in each, upstreams mix otherwise and chunks end elsewhere."""

import hashlib
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.batch import Batch
from detector.core.hop import HEADER, Hopped, Seen
from detector.stream.processor import Wiring

#: Columns that differ from run to run: where an event lies in the hop.
_WHERE = ("offset", "record", "hop_index")


class Lane(NamedTuple):
    """The events of one upstream partition in one hop partition, repeats dropped.

    Their number, and digests, in their order, of their columns with features and facts and of their JSON.
    """

    events: int
    columns: str
    values: str


class Lanes:
    """Reads all hops of a flow, message by message."""

    def __init__(self, wiring: Wiring) -> None:
        self._wiring = wiring
        self._seen: dict[tuple[str, int], Seen] = {}
        self._lanes: dict[tuple[str, int, int], _Reading] = {}

    def add(self, hop: str, partition: int, message: bytes) -> None:
        """The next message of a hop partition."""
        if (hop, partition) not in self._seen:
            self._seen[hop, partition] = self._wiring.seen(self._wiring.flow.node(hop))
        _, _, slot, _ = HEADER.unpack_from(message)
        hopped = self._wiring.codecs[hop].decode([message], [0], self._seen[hop, partition])
        if hopped.batch.size:
            self._lanes.setdefault((hop, partition, slot), _Reading()).take(hopped)

    def told(self) -> dict[tuple[str, int, int], Lane]:
        """By hop, its partition and the upstream's slot."""
        return {place: reading.told() for place, reading in self._lanes.items()}


class _Reading:
    def __init__(self) -> None:
        self._events = 0
        self._columns = hashlib.sha256()
        self._values = hashlib.sha256()

    def take(self, hopped: Hopped) -> None:
        self._events += hopped.batch.size
        self._columns.update(_by_event(hopped).tobytes())
        values = hopped.values.many(np.arange(hopped.batch.size))
        self._values.update(b"".join(len(value).to_bytes(4, "little") + value for value in values))

    def told(self) -> Lane:
        return Lane(self._events, self._columns.hexdigest(), self._values.hexdigest())


def _by_event(hopped: Hopped) -> npt.NDArray[np.uint8]:
    """A row of bytes an event."""
    columns: list[npt.NDArray[Any]] = [getattr(hopped.batch, name) for name in Batch._fields if name not in _WHERE]
    columns += [hopped.carried.X, hopped.carried.facts]
    return np.concatenate([np.ascontiguousarray(c).view(np.uint8).reshape(len(c), -1) for c in columns], axis=1)
