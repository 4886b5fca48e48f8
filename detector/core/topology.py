"""The topology as data: the nodes, and what each of them reads, does and sends.

The worker runs the nodes with Kafka between them (`detector.stream`), a run in memory without
(`detector.core.memory`); both execute the same `Pipeline`s and know only what is declared here.

```
account-events ─► account ─┐
                           ├─► wallet ─► source, judges ─► (budget) ─► cases, raises ─► alerts
wallet-events ─► forwarder ┘                        └────► campaigns ─► bulletins
```
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from detector.contract.batch import OWN
from detector.contract.vocabulary import ACCOUNT_EVENTS, WALLET_EVENTS
from detector.core.admission import APPLY_FRESH
from detector.core.budget_controller import controller_of
from detector.core.chains import CHAINS, chain_of
from detector.core.events import Events
from detector.core.forward import both_sides
from detector.core.model import Model
from detector.core.stage import ESCALATED, OF_LIMIT, TURNED_DOWN, Chain, Feature, Stage
from detector.core.stages.budget import BUDGET
from detector.core.stages.campaigns import CAMPAIGNS, by_key, telling
from detector.core.stages.cases import CASES

#: The node that forwards wallet events to the wallet node; it has no rows.
FORWARDER = "wallet-events"

#: Columns that every node reads: for admission (`Batch.identity`), the sides of a transfer, ids of alerts.
ALWAYS_READ = frozenset(
    {
        "account",
        "counterparty",
        "event_id",
        "kind",
        "occurred_at_ms",
        "origin",
        "origin_offset",
        "role",
        "service",
        "wallet",
    }
)
#: Columns that a model reads beside the features, and columns that an alert contains.
JUDGED = frozenset({"bank"})
RAISED = frozenset({"amount_yen", "bank", "result", "wallet_opened_at_ms"})

#: Selects which processed events, with status int8 (n,), cross an edge: indices int64 (k,), ascending.
Select = Callable[[Events, npt.NDArray[np.int8]], npt.NDArray[np.int64]]


def applied(events: Events, status: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """Events that the node applied: no replays, no duplicates."""
    del events
    return np.flatnonzero(status <= APPLY_FRESH)


def own_side(events: Events, status: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """Applied events, without the receiving side of transfers.

    After the wallet node both sides may reach one row, through two partitions in either order, and the second would
    count as a duplicate of the first.
    """
    return np.flatnonzero((status <= APPLY_FRESH) & (events.batch.role == OWN))


def escalated(events: Events, status: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """Events that alert."""
    return np.flatnonzero((status <= APPLY_FRESH) & (events.facts[:, ESCALATED] != 0))


def within_budget(events: Events, status: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """Events that the budget controller lets through."""
    return np.flatnonzero((status <= APPLY_FRESH) & (events.facts[:, OF_LIMIT] != TURNED_DOWN))


@dataclass(frozen=True, slots=True)
class Edge:
    """Sends the selected events to the input of the node `target`."""

    target: str
    select: Select


@dataclass(frozen=True, slots=True)
class Node:
    """One input log and the processing of its events.

    `source` is the code of a source topic; None: the input is a hop, written by the edges to this node. `stage` has
    key, row, kernel and features; None: events are only repartitioned. `prepare` transforms events first. The node that
    `judges` runs the model after its stage; the one that `raises` emits alerts.
    """

    name: str
    stage: Stage | None
    source: int | None = None
    prepare: Callable[[Events], Events] | None = None
    judges: bool = False
    raises: bool = False
    edges: tuple[Edge, ...] = ()


@dataclass(frozen=True, slots=True)
class Topology:
    """All nodes, each after those that send to it; `chain` has the features that the model reads.

    The features of all nodes are side by side, the chain's first.
    """

    chain: Chain
    nodes: tuple[Node, ...]
    features: tuple[Feature, ...] = field(init=False)
    _columns: dict[str, slice] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        features: list[Feature] = []
        columns = {}
        for node in self.nodes:
            own = node.stage.features if node.stage is not None else ()
            columns[node.name] = slice(len(features), len(features) + len(own))
            features += own
        if tuple(features[: len(self.chain.features)]) != self.chain.features:
            raise ValueError(f"the nodes of {self.chain.name} do not compute its features in order, before any others")
        object.__setattr__(self, "features", tuple(features))
        object.__setattr__(self, "_columns", columns)

    @property
    def width(self) -> int:
        """Number of features of all nodes."""
        return len(self.features)

    def columns_of(self, name: str) -> slice:
        """Columns of the node's own features."""
        return self._columns[name]

    def node(self, name: str) -> Node:
        """The node of that name."""
        return next(node for node in self.nodes if node.name == name)

    def upstreams(self, name: str) -> tuple[str, ...]:
        """The nodes that send to it, in the order of their numbers in hop messages."""
        return tuple(node.name for node in self.nodes if any(edge.target == name for edge in node.edges))

    def upstreams_crc(self, name: str) -> int:
        """CRC-32 of the names of its upstreams, 0 for a source: the high-water marks of its input belong to these."""
        return zlib.crc32(",".join(self.upstreams(name)).encode())

    def behind(self, name: str) -> frozenset[str]:
        """The node and all nodes downstream of it."""
        targets = (edge.target for edge in self.node(name).edges)
        return frozenset({name}).union(*map(self.behind, targets))

    def reads(self, name: str, without: str = "") -> frozenset[str]:
        """Columns of a batch that the node or one downstream of it reads, the node `without` left out."""
        found = set(ALWAYS_READ)
        for node in map(self.node, self.behind(name) - {without}):
            found |= node.stage.reads if node.stage is not None else frozenset()
            found |= JUDGED if node.judges else frozenset()
            found |= RAISED if node.raises else frozenset()
        return frozenset(found)

    @property
    def controlled(self) -> bool:
        """Whether a budget controller decides on alerts."""
        return any(edge.select is within_budget for node in self.nodes for edge in node.edges)


def topology_for(model: Model) -> Topology:
    """The topology of a model, as a worker runs it."""
    return topology_of(chain_of(model.stages), controller_of(model), campaigns=True)


def topology_of(chain: Chain, controller: Stage | None = None, *, campaigns: bool = False) -> Topology:
    """The stages of a chain in order, then, with a `controller`, the budget stage, then the cases stage.

    `campaigns`: beside them the campaigns stage, which judges no event; training and back-tests do without.
    """
    stages = [*chain.stages, CASES] if controller is None else [*chain.stages, controller, CASES]
    last, nodes = len(chain.stages) - 1, []
    for index, stage in enumerate(stages):
        select = _goes_on(index, last)
        beside = (Edge(CAMPAIGNS.name, telling),) if campaigns and index == last else ()
        nodes.append(
            Node(
                stage.name,
                stage,
                source=ACCOUNT_EVENTS if index == 0 else None,
                judges=index == last,
                raises=stage is CASES,
                edges=() if stage is CASES else (Edge(stages[index + 1].name, select), *beside),
            )
        )
    if campaigns:
        nodes.append(Node(CAMPAIGNS.name, CAMPAIGNS, prepare=by_key))
    if chain.reads_wallet_events:
        nodes.insert(1, Node(FORWARDER, None, WALLET_EVENTS, both_sides, edges=(Edge(stages[1].name, applied),)))
    return Topology(chain, tuple(nodes))


def _goes_on(index: int, last: int) -> Select:
    if index == last:
        return escalated
    return within_budget if index > last else own_side


#: The full topology: the longest chain includes the nodes of every other.
COMPLETE = topology_of(CHAINS[-1], BUDGET, campaigns=True)
