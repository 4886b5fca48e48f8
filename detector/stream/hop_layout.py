"""What a hop carries of an event, derived from the topology and the model: what later nodes read, and nothing else.

A message begins with a header that names its layout, so that a reader knows what is in it: the catalogue that numbers
columns and features (another topology or another meaning of a feature is another one), which of them are carried, and
which kinds of events carry features and strings. A release reads the layouts of the release before.
"""

import struct
import zlib
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from detector.contract.batch import DTYPES
from detector.contract.vocabulary import KINDS
from detector.core.model import Model
from detector.core.stage import FACTS, HOP_FACTS
from detector.core.topology import Topology

MAGIC = 0x3248_5A4B  # "KZH2"
#: Magic; catalogue; columns, a bit each in the order of `DTYPES`; kinds, a bit each; features of the catalogue, of
#: which a bit each follows in whole bytes.
NAMES = struct.Struct("<3I2H")
#: Behind it, of the message: slot of the upstream partition, events, those with features and strings, facts carried (a
#: bit each), bytes of the body before compression.
COUNTS = struct.Struct("<5I")
#: Then the CRC-32 of all that is before it and the body behind it.
CHECK = struct.Struct("<I")
#: Position of an event: differs from log to log.
POSITION_COLUMNS = ("offset", "record", "hop_index")
WIDTHS = (8, 4, 2, 1)


@dataclass(frozen=True)
class Layout:
    """What is carried: names of columns in the order of `DTYPES`, features by index ascending, kinds by code.

    Only events of `kinds` carry features and strings: no other is ever scored.
    """

    catalogue: int
    columns: tuple[str, ...]
    features: tuple[int, ...]
    kinds: tuple[int, ...]
    width: int  # features of the catalogue

    @classmethod
    def into(cls, topology: Topology, node: str, model: Model | None) -> Self:
        """The layout of the hop into `node`; `model`: None carries all features of all kinds."""
        columns = topology.reads(node) - set(POSITION_COLUMNS)
        return cls(
            catalogue_of(topology),
            tuple(name for name in DTYPES if name in columns),
            tuple(sorted(_features(topology, node, model))),
            tuple(code for code, kind in enumerate(KINDS) if model is None or kind in model.kinds),
            topology.width,
        )

    @classmethod
    def named_by(cls, head: bytes) -> Self:
        """The layout that a message's header names."""
        _, catalogue, columns, kinds, width = NAMES.unpack_from(head)
        bits = np.unpackbits(np.frombuffer(head, np.uint8)[NAMES.size :], bitorder="little")
        return cls(
            catalogue,
            tuple(name for bit, name in enumerate(DTYPES) if columns >> bit & 1),
            tuple(np.flatnonzero(bits).tolist()),
            tuple(code for code in range(len(KINDS)) if kinds >> code & 1),
            width,
        )

    @cached_property
    def head(self) -> bytes:
        """The header that names this layout."""
        bits = np.zeros(self.width, np.uint8)
        bits[list(self.features)] = 1
        columns = sum(1 << bit for bit, name in enumerate(DTYPES) if name in self.columns)
        names = NAMES.pack(MAGIC, self.catalogue, columns, sum(1 << code for code in self.kinds), self.width)
        return names + np.packbits(bits, bitorder="little").tobytes()

    def of_width(self, size: int) -> tuple[str, ...]:
        """The columns whose values take `size` bytes."""
        return tuple(name for name in self.columns if np.dtype(DTYPES[name]).itemsize == size)

    def covers(self, needed: Self) -> bool:
        """Whether it carries all that a reader with the layout `needed` reads."""
        return self.catalogue == needed.catalogue and all(
            set(getattr(needed, name)) <= set(getattr(self, name)) for name in ("columns", "features", "kinds")
        )


def head_bytes(width: int) -> int:
    """Bytes of the header of a layout with `width` features in its catalogue."""
    return NAMES.size + (width + 7) // 8


def catalogue_of(topology: Topology) -> int:
    """CRC-32 of all that a layout numbers, and of what the features mean."""
    columns = [(name, np.dtype(dtype).str) for name, dtype in DTYPES.items()]
    features = [feature.name for feature in topology.features]
    versions = topology.chain.features_versions
    return zlib.crc32(repr((topology.chain.name, columns, FACTS[:HOP_FACTS], features, versions)).encode())


def _features(topology: Topology, node: str, model: Model | None) -> set[int]:
    """Features of the nodes before `node` that its model, or an alert, reads."""
    behind = topology.behind(node)
    known = {
        index
        for other in topology.nodes
        if other.name not in behind
        for index in range(*topology.columns_of(other.name).indices(topology.width))
    }
    if model is None:
        return known
    used = set(model.columns.tolist())
    names = {feature.name: index for index, feature in enumerate(topology.features)}
    for feature in [topology.features[index] for index in used]:
        ratio, of = feature.own_usual and feature.own_usual.ratio, feature.amount and feature.amount.of
        used |= {names[name] for name in (ratio, of, feature.same_as) if name}
    return known & used
