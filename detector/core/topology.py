"""The topology as data: which nodes there are, what each reads, does and sends.

Declared here once. The worker runs the nodes with Kafka between them (`detector.stream`), a run in memory without
(`detector.core.memory`); both execute the same `Pipeline`s and neither knows more of a node than its row here.

```
account-events ─► account ─┐
                           ├─► wallet ─► source, judges ─► (budget) ─► cases, raises ─► alerts
wallet-events ─► forwarder ┘
```
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from detector.contract.batch import ACCOUNT_EVENTS, OWN, WALLET_EVENTS
from detector.core.admission import APPLY_FRESH
from detector.core.budget_controller import controller_of
from detector.core.chains import CHAINS, chain_of
from detector.core.events import Events
from detector.core.forward import both_sides
from detector.core.model import Model
from detector.core.stage import ESCALATED, OF_LIMIT, TURNED_DOWN, Chain, Feature, Stage
from detector.core.stages.budget import BUDGET
from detector.core.stages.cases import CASES

#: The node that brings wallet events into the wallets' log; it keeps no rows.
FORWARDER = "wallet-events"

#: Columns that every node reads: for admission (`Batch.identity`), for the sides of a transfer, for ids of alerts.
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
#: Beside its features, what a model looks at; and what an alert says of its event.
JUDGED = frozenset({"bank"})
RAISED = frozenset({"amount_yen", "bank", "result", "wallet_opened_at_ms"})

#: Which of the events that a node has processed, with their status int8 (n,), go on: indices int64 (k,), ascending.
Select = Callable[[Events, npt.NDArray[np.int8]], npt.NDArray[np.int64]]


def applied(events: Events, status: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """All that the node applied: no replays, no duplicates."""
    del events
    return np.flatnonzero(status <= APPLY_FRESH)


def own_side(events: Events, status: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """What was applied, a transfer once.

    Behind the wallets' node both sides may meet in one row, by way of two partitions in either order, and the second
    would pass for a duplicate of the first.
    """
    return np.flatnonzero((status <= APPLY_FRESH) & (events.batch.role == OWN))


def escalated(events: Events, status: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """What alerts."""
    return np.flatnonzero((status <= APPLY_FRESH) & (events.facts[:, ESCALATED] != 0))


def within_budget(events: Events, status: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """What the budget controller lets through."""
    return np.flatnonzero((status <= APPLY_FRESH) & (events.facts[:, OF_LIMIT] != TURNED_DOWN))


@dataclass(frozen=True, slots=True)
class Edge:
    """What goes on to the input of the node `target`; an event crosses only the edges that select it."""

    target: str
    select: Select


@dataclass(frozen=True, slots=True)
class Node:
    """One input log and what is done with its events.

    `source` is the code of a source topic; None: the input is a hop, filled by the edges to this node. `stage` has key,
    row, kernel and features; None: events are only keyed anew. `prepare` changes events before anything else. The node
    that `judges` asks the model behind its stage; the one that `raises` makes alerts.
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
    """All nodes, each behind those that send to it; `chain` is what the model looks at.

    The features of all nodes stand side by side, the chain's first.
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
        """Where the node's own features stand."""
        return self._columns[name]

    def node(self, name: str) -> Node:
        """The node of that name."""
        return next(node for node in self.nodes if node.name == name)

    def upstreams(self, name: str) -> tuple[str, ...]:
        """The nodes that send to it, in the order of their numbers in hop messages."""
        return tuple(node.name for node in self.nodes if any(edge.target == name for edge in node.edges))

    def upstreams_crc(self, name: str) -> int:
        """CRC-32 of the names of its upstreams, 0 for a source: whose positions the marks of its input are."""
        return zlib.crc32(",".join(self.upstreams(name)).encode())

    def behind(self, name: str) -> frozenset[str]:
        """The node and all that its events may reach."""
        targets = (edge.target for edge in self.node(name).edges)
        return frozenset({name}).union(*map(self.behind, targets))

    def reads(self, name: str) -> frozenset[str]:
        """Columns of a batch that the node or one behind it reads."""
        found = set(ALWAYS_READ)
        for node in map(self.node, self.behind(name)):
            found |= node.stage.reads if node.stage is not None else frozenset()
            found |= JUDGED if node.judges else frozenset()
            found |= RAISED if node.raises else frozenset()
        return frozenset(found)

    @property
    def controlled(self) -> bool:
        """Whether a budget controller decides on alerts."""
        return any(edge.select is within_budget for node in self.nodes for edge in node.edges)


def topology_for(model: Model) -> Topology:
    """The topology that a model is made for."""
    return topology_of(chain_of(model.stages), controller_of(model))


def topology_of(chain: Chain, controller: Stage | None = None) -> Topology:
    """The stages of a chain one behind the other, then, with a `controller`, the budget, then the cases."""
    stages = [*chain.stages, CASES] if controller is None else [*chain.stages, controller, CASES]
    last, nodes = len(chain.stages) - 1, []
    for index, stage in enumerate(stages):
        select = _goes_on(index, last)
        nodes.append(
            Node(
                stage.name,
                stage,
                source=ACCOUNT_EVENTS if index == 0 else None,
                judges=index == last,
                raises=stage is CASES,
                edges=() if stage is CASES else (Edge(stages[index + 1].name, select),),
            )
        )
    if chain.reads_wallet_events:
        nodes.insert(1, Node(FORWARDER, None, WALLET_EVENTS, both_sides, edges=(Edge(stages[1].name, applied),)))
    return Topology(chain, tuple(nodes))


def _goes_on(index: int, last: int) -> Select:
    if index == last:
        return escalated
    return within_budget if index > last else own_side


#: All there can be: the longest chain has the nodes of every other.
COMPLETE = topology_of(CHAINS[-1], BUDGET)
