"""What a worker's stages read and write: the wiring, as a table made from the model's chain of stages."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

from detector.contract.batch import ACCOUNT_EVENTS, WALLET_EVENTS
from detector.core.chains import chain_of
from detector.core.budget_controller import desk_of
from detector.core.model import Model
from detector.core.stage import Chain, Stage
from detector.core.stages.cases import CASES
from detector.settings import Settings

#: The node that brings wallet events into the wallets' log; it keeps no rows.
FORWARDER = "wallet-events"


@dataclass(frozen=True, slots=True)
class Node:
    """One input topic and what is done with its events.

    `source` is the code of a source topic, None where the input is the node's own hop. `upstreams` are the nodes that
    fill it, in the order of their numbers in hop messages. `target` is the node whose hop takes what goes on; None
    sends alerts. `before` counts the features that events bring along.
    """

    name: str
    stage: Stage | None
    source: int | None
    upstreams: tuple[str, ...]
    target: str | None
    judges: bool
    before: int
    decides: bool = False  # on which alerts the desk takes

    @property
    def feed(self) -> int:
        """CRC-32 of the names of its upstreams, 0 for a source: whose positions the marks of its input are."""
        return zlib.crc32(",".join(self.upstreams).encode())

    def topic(self, settings: Settings) -> str:
        """The input topic."""
        return SOURCES[self.source](settings) if self.source is not None else settings.hop_topic(self.name)


SOURCES: dict[int, Callable[[Settings], str]] = {
    ACCOUNT_EVENTS: lambda settings: settings.account_events,
    WALLET_EVENTS: lambda settings: settings.wallet_events,
}


@dataclass(frozen=True, slots=True)
class Flow:
    """The nodes of a chain, in the order in which an event meets them."""

    chain: Chain
    nodes: tuple[Node, ...]

    @property
    def controlled(self) -> bool:
        """Whether a desk stage decides on alerts."""
        return any(node.decides for node in self.nodes)

    def node(self, name: str) -> Node:
        """The node of that name."""
        return next(node for node in self.nodes if node.name == name)

    def width_into(self, name: str) -> int:
        """Number of features that events carry into the node's hop."""
        return self.node(name).before


def flow_for(model: Model) -> Flow:
    """The wiring of a model's chain, and of its desk where it is controlled."""
    return flow_of(chain_of(model.stages), desk_of(model))


def flow_of(chain: Chain, desk: Stage | None = None) -> Flow:
    """The wiring of a chain: source topics, a hop before every stage but the first, the cases behind the last.

    `desk` decides between the last stage and the cases.
    """
    first, *others = chain.stages
    names = [*(stage.name for stage in others), CASES.name if desk is None else desk.name]
    nodes = [Node(first.name, first, ACCOUNT_EVENTS, (), names[0], judges=not others, before=0)]
    if others:
        nodes.append(Node(FORWARDER, None, WALLET_EVENTS, (), names[0], judges=False, before=chain.width(1)))
    for place, stage in enumerate(others, 1):
        upstreams = (first.name, FORWARDER) if place == 1 else (others[place - 2].name,)
        last = place == len(others)
        nodes.append(Node(stage.name, stage, None, upstreams, names[place], judges=last, before=chain.width(place)))
    alerts = chain.stages[-1].name
    width = len(chain.features)
    if desk is not None:
        nodes.append(Node(desk.name, desk, None, (alerts,), CASES.name, judges=False, before=width, decides=True))
        alerts = desk.name
    nodes.append(Node(CASES.name, CASES, None, (alerts,), None, judges=False, before=width))
    return Flow(chain, tuple(nodes))
