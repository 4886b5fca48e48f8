"""What of events is to come out of a hop: all of its layout bit for bit, and nothing else."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from support.hops import any_events

from detector.contract.batch import DTYPES, Batch
from detector.contract.texts import Strings, Texts
from detector.contract.vocabulary import KINDS
from detector.core.chains import SOURCE_CHAIN
from detector.core.events import Events
from detector.core.stages.budget import BUDGET
from detector.core.topology import Topology, topology_of
from detector.stream.high_water import HighWaterMarks
from detector.stream.hop_codec import HopCodec, Hopped
from detector.stream.hop_head import head_of
from detector.stream.hop_layout import COUNTS, POSITION_COLUMNS, Layout

TOPOLOGY = topology_of(SOURCE_CHAIN, BUDGET)
HOPS = [node.name for node in TOPOLOGY.nodes if node.source is None]
#: Carries all features of all kinds.
CODEC = HopCodec(TOPOLOGY, "source", None, 1)


@dataclass(frozen=True)
class Looks:
    """What a hop asks of a model: the features that it looks at, and the kinds that it scores."""

    columns: np.ndarray
    kinds: frozenset[str] = frozenset(("link", "debit"))

    @classmethod
    def at(cls, topology: Topology, *features: str, kinds: tuple[str, ...] = ("link", "debit")) -> "Looks":
        """A model that looks at the features of these names."""
        names = [feature.name for feature in topology.features]
        return cls(np.array(sorted(names.index(name) for name in features), np.int64), frozenset(kinds))


def looking(*features: str, kinds: tuple[str, ...] = ("link", "debit"), hop: str = "source") -> HopCodec:
    """A codec for a model that looks at these features of events of these kinds."""
    looks: Any = Looks.at(TOPOLOGY, *features, kinds=kinds)
    return HopCodec(TOPOLOGY, hop, looks, 1)


def some_events(n: int, topology: Topology, seed: int = 1, *, first_offset: int = 0) -> Events:
    """`n` events of whatever bits, of kinds that there are."""
    events = any_events(n, topology.width, seed, first_offset=first_offset)
    kind = (events.batch.kind.view(np.uint8) % len(KINDS)).astype(np.int8)
    return events._replace(batch=events.batch._replace(kind=kind))


def expected(events: Events, layout: Layout) -> Events:
    """The events as a hop of this layout is to hand them over."""
    n, scored = events.size, np.isin(events.batch.kind, layout.kinds)
    kept = {*layout.columns, *POSITION_COLUMNS}
    columns = (
        getattr(events.batch, name) if name in kept else np.zeros(n, DTYPES[name]) for name in events.batch._fields
    )
    X = np.full((n, layout.width), np.nan, np.float32)
    which = np.ix_(scored, np.array(layout.features, np.int64))
    X[which] = events.X[which]
    assert events.strings is not None
    strings = (
        Texts.of([texts.text(i) if scored[i] else "" for i in range(n)]) if n else texts for texts in events.strings
    )
    return Events(Batch(*columns), X, events.facts, Strings(*strings))


def contents(events: Events) -> list[tuple[object, ...]]:
    """Of each event all but where it lies."""
    assert events.strings is not None
    names = [name for name in events.batch._fields if name not in POSITION_COLUMNS]
    return [
        (
            *(getattr(events.batch, name)[i].tobytes() for name in names),
            events.X[i].tobytes(),
            events.facts[i].tobytes(),
            *(texts.text(i) for texts in events.strings),
        )
        for i in range(events.size)
    ]


def counts(message: bytes) -> tuple[int, int, int, int, int]:
    """Of a hop message: slot, events, of them with features, bits of facts, bytes of the body."""
    slot, events, scored, facts, size = COUNTS.unpack_from(message, len(head_of(message)))
    return slot, events, scored, facts, size


def sent(events: Events, codec: HopCodec = CODEC, slot: int = 0) -> list[bytes]:
    """The messages of events by their wallet, of all partitions."""
    return [message for _, message in codec.encode(slot, events, np.arange(events.size), events.batch.wallet)]


def received(messages: Sequence[bytes], marks: HighWaterMarks | None = None, codec: HopCodec = CODEC) -> Hopped:
    """Messages as they come, at offsets from 100 on."""
    return codec.decode(messages, range(100, 100 + len(messages)), marks or HighWaterMarks(8))
