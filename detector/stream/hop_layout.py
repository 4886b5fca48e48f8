"""What a hop carries of an event, derived from the topology and the model: what later nodes read, and nothing else.

A message begins with a header that names it (`hop_head`). A release reads what the release before wrote.
"""

import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from detector.contract.batch import DTYPES
from detector.contract.vocabulary import KINDS
from detector.core.model import Model
from detector.core.stage import FACTS, HOP_FACTS
from detector.core.stages.campaigns import CAMPAIGNS
from detector.core.topology import Topology
from detector.stream.hop_head import (
    Carried,
    by_width,
    feature_ids,
    head_by_name,
    id_of,
)

#: Behind the header, of the message: slot of the upstream partition, events, those with features and strings, facts
#: carried (a bit each), bytes of the body before compression.
COUNTS = struct.Struct("<5I")
#: Then the CRC-32 of all that is before it and the body behind it.
CHECK = struct.Struct("<I")
#: Position of an event: differs from log to log.
POSITION_COLUMNS = ("offset", "record", "hop_index")


@dataclass(frozen=True)
class Layout:
    """What is carried: names of columns in the order of `DTYPES`, features by index ascending, kinds by code.

    Only events of `kinds` carry features and strings: no other is ever scored. `ids` are those of all features.
    `optional` are columns for campaigns alone, which the release before did not carry: 0 where a message lacks them.
    """

    columns: tuple[str, ...]
    features: tuple[int, ...]
    kinds: tuple[int, ...]
    ids: tuple[int, ...]
    optional: frozenset[str] = frozenset()

    @classmethod
    def into(cls, topology: Topology, node: str, model: Model | None) -> Self:
        """The layout of the hop into `node`; `model`: None carries all features of all kinds."""
        columns = topology.reads(node) - set(POSITION_COLUMNS)
        return cls(
            tuple(name for name in DTYPES if name in columns),
            tuple(sorted(_features(topology, node, model))),
            tuple(code for code, kind in enumerate(KINDS) if model is None or kind in model.kinds),
            feature_ids(topology),
            frozenset() if node == CAMPAIGNS.name else topology.reads(node) - topology.reads(node, CAMPAIGNS.name),
        )

    @property
    def width(self) -> int:
        """Features of the topology."""
        return len(self.ids)

    @cached_property
    def carried(self) -> Carried:
        """The same by ids, as a header names it."""
        return Carried(
            by_width((name, np.dtype(DTYPES[name]).str) for name in self.columns),
            tuple(id_of(fact) for fact in FACTS[:HOP_FACTS]),
            tuple(self.ids[index] for index in self.features),
            self.kinds,
        )

    @cached_property
    def required(self) -> Carried:
        """What a message must carry."""
        optional = {id_of(name, np.dtype(DTYPES[name]).str) for name in self.optional}
        columns = tuple(tuple(one for one in ids if one not in optional) for ids in self.carried.columns)
        return self.carried._replace(columns=columns)

    @cached_property
    def head(self) -> bytes:
        """The header that names this layout."""
        return head_by_name(self.carried)

    def of_width(self, size: int) -> tuple[str, ...]:
        """The columns whose values take `size` bytes."""
        return tuple(name for name in self.columns if np.dtype(DTYPES[name]).itemsize == size)


def _features(topology: Topology, node: str, model: Model | None) -> set[int]:
    """Features of the nodes before `node` that its model, or an alert, reads; none where neither comes behind it."""
    behind = topology.behind(node)
    if not any(other.judges or other.raises for other in map(topology.node, behind)):
        return set()
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
        used |= {names[name] for name in (ratio, of) if name}
    return known & used
