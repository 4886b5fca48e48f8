"""What the workers of a world work on: the smallest stage, a model that alerts on everything, short logs."""

import random
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from support.events import START_MS, debit, message, transfer
from support.protocol.bus import TTL_MS, Record, Scene, hop_messages, input_of
from support.protocol.parts import Parts
from support.protocol.world import Left, Setup
from support.stages import COUNTING, COUNTING_BEFORE, counting_into

from detector.contract.vocabulary import KINDS
from detector.core.model import Judgement
from detector.core.stage import Chain
from detector.core.topology import Topology, topology_of

YEN = 30_000  # each debit is news to its case
#: The same by wallet.
COUNTING_WALLETS = replace(
    COUNTING,
    name="wallets",
    key="wallet",
    features=tuple(replace(each, name="wallet_events") for each in COUNTING.features),
    kernel=counting_into("wallet_events"),
    reads=frozenset({"wallet", "amount_yen"}),
)
#: The first offset of source logs: an offset is not a count.
FIRST_OFFSET = 3


class Happening(NamedTuple):
    """An event of a log: whose, when (in times to live after the first), which id; or no event, or a marker."""

    who: int
    when: float = 0.0
    event_id: str = ""
    valid: bool = True
    marker: bool = False  # of a transaction


class AlertsOnAll:
    """A model with one detector, which finds everything unusual."""

    version, sha256, number = "1", "0" * 64, 1
    kinds = frozenset(KINDS)
    controlled = False
    detectors: Any

    def __init__(self, features: int) -> None:
        self.columns = np.arange(features)
        self.usual = np.ones((len(KINDS), features), np.float32)
        self.detectors = (
            SimpleNamespace(
                name="all",
                spec=SimpleNamespace(typologies=()),
                contributions=lambda x, _: np.ones(len(x), np.float32),
                rarity=lambda _: None,
            ),
        )

    def judge(self, X: npt.NDArray[np.float32], kind: npt.NDArray[np.int8], bank: npt.NDArray[np.int16]) -> Judgement:
        """Every event alerts."""
        n = len(X)
        return Judgement(np.ones(n), np.zeros(n, np.int8), np.full(n, 0.5), np.ones((n, 1)), np.ones(n, np.bool_))

    def alerts(
        self, X: npt.NDArray[np.float32], kind: npt.NDArray[np.int8], bank: npt.NDArray[np.int16], first: Any
    ) -> npt.NDArray[np.bool_]:
        """Every event alerts."""
        del kind, bank, first
        return np.ones(len(X), np.bool_)


def counting_topology() -> Topology:
    """One stage that counts, and the cases behind it. It reads the rows of a release before."""
    return topology_of(Chain((replace(COUNTING, other_rows=(COUNTING_BEFORE,)),)))


def account(who: int) -> str:
    """An account's hash."""
    return f"{who:016x}"


def records_of(log: tuple[Happening, ...], partition: int = 0) -> tuple[Record, ...]:
    """The records of a source partition."""
    return tuple(_record(partition, FIRST_OFFSET + index, happening) for index, happening in enumerate(log))


def accounts_world(log: tuple[Happening, ...], left: Left, **options: Any) -> Setup:
    """The first stage alone: its log, its outputs into the hop."""
    scene = _scene(0, **_of_scene(options))
    return Setup(scene, ((scene.inputs[0], records_of(log)),), left, **options)


def both_world(log: tuple[Happening, ...], left: Left, **options: Any) -> Setup:
    """The first stage and, through the hop, the cases."""
    scene = _scene(0, 1, **_of_scene(options))
    return Setup(scene, ((scene.inputs[0], records_of(log)),), left, **options)


def cases_world(
    logs: tuple[tuple[Happening, ...], ...], messages: tuple[tuple[int, int, int], ...], left: Left, **options: Any
) -> Setup:
    """The cases alone, on a hop log that is given: a message each of (upstream partition, first event, last event)."""
    scene = _scene(1, partitions=len(logs), **_of_scene(options))
    hop = tuple(Record(index, None, _message(scene, logs, *message)) for index, message in enumerate(messages))
    return Setup(scene, ((scene.inputs[0], hop),), left, **options)


def campaigns_world(
    logs: tuple[tuple[Happening, ...], ...], messages: tuple[tuple[int, int, int], ...], left: Left, **options: Any
) -> Setup:
    """The campaigns alone, likewise: a third account is emptied at a bank, a fourth alerts at a source."""
    topology = topology_of(Chain((COUNTING,)), campaigns=True)
    inputs = (input_of(topology.node("campaigns")),)
    scene = Scene(topology, AlertsOnAll(1), inputs, Parts(), partitions=len(logs), **_of_scene(options))
    hop = tuple(Record(index, None, _message(scene, logs, *message)) for index, message in enumerate(messages))
    return Setup(scene, ((inputs[0], hop),), left, **options)


def wallets_world(rng: random.Random, events: int, left: Left, **options: Any) -> Setup:
    """All nodes of a chain of two stages, two partitions each: account events and wallet events at random.

    Some events are no events, some come twice, some come late, some after all has expired.
    """
    topology = topology_of(Chain((COUNTING, COUNTING_WALLETS)))
    inputs = tuple(input_of(node, partition) for node in topology.nodes for partition in range(2))
    model = AlertsOnAll(len(topology.chain.features))
    scene = Scene(topology, model, inputs, Parts(), partitions=2, reads_rows=True)
    logs = []
    for index, tp in enumerate(inputs[:4]):
        make = _record if index < 2 else _wallet_record
        happenings = [_happening(rng, index % 2, at, events) for at in range(events)]
        logs.append((tp, tuple(make(index, FIRST_OFFSET + at, each) for at, each in enumerate(happenings))))
    return Setup(scene, tuple(logs), left, **options)


def _happening(rng: random.Random, partition: int, index: int, events: int) -> Happening:
    who = 2 * rng.randrange(3) + partition
    when = 3.0 * index / events - (0.5 if rng.random() < 0.1 else 0.0)
    event_id = f"t{partition}.{index - rng.randrange(2)}" if rng.random() < 0.1 else ""
    return Happening(who, max(0.0, when), event_id, valid=rng.random() > 0.05)


def _wallet_record(partition: int, offset: int, happening: Happening) -> Record:
    at_ms = START_MS + int(happening.when * TTL_MS)
    wallet = f"w{happening.who}"
    fields = transfer(
        event_id=happening.event_id or f"e{partition}.{offset}",
        wallet=wallet,
        counterparty=f"w{offset % 5}x",
        amount_yen=YEN,
        occurred_at_ms=at_ms,
        wallet_opened_at_ms=START_MS,
    )
    return Record(offset, wallet.encode(), message(fields) if happening.valid else b"no event", at_ms)


def _scene(*nodes: int, **options: Any) -> Scene:
    topology = counting_topology()
    inputs = tuple(input_of(topology.nodes[node]) for node in nodes)
    return Scene(topology, AlertsOnAll(1), inputs, Parts(), **options)


def _of_scene(options: dict[str, Any]) -> dict[str, Any]:
    names = "partitions", "waits_for_room", "most_in_flight", "reads_rows", "alert_banks"
    return {name: options.pop(name) for name in names if name in options}


def _message(scene: Scene, logs: tuple[tuple[Happening, ...], ...], partition: int, first: int, last: int) -> bytes:
    records = records_of(logs[partition], partition)
    return hop_messages(scene, partition, [*zip(records[:first]), records[first : last + 1]])[-1]


def _record(partition: int, offset: int, happening: Happening) -> Record:
    if happening.marker:
        return Record(offset, None, b"", marker=True)
    at_ms = START_MS + int(happening.when * TTL_MS)
    fields = debit(
        wallet=f"w{offset % 5}x",
        event_id=happening.event_id or f"e{partition}.{offset}",
        account=account(happening.who),
        amount_yen=YEN,
        occurred_at_ms=at_ms,
        wallet_opened_at_ms=START_MS,
    )
    value = message(fields) if happening.valid else b"no event"
    return Record(offset, account(happening.who).encode(), value, at_ms)
