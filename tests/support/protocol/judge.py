"""What must hold, against an uninterrupted run over the same log (PROTOCOL, invariants I1 to I3)."""

from contextlib import closing
from functools import cache
from typing import Any, NamedTuple

import msgspec
import numpy as np
from faust.types import TP
from support.protocol.bus import OF_ITS_BANK, SETTINGS, SOURCES, Scene, node_of, output_id
from support.protocol.explore import run_alone
from support.protocol.kafka import Durable, Violation
from support.protocol.worker import View
from support.protocol.world import Setup, World

from detector.contract.alerts import Position, alert_id
from detector.contract.batch import DTYPES
from detector.core.alerting import position_of
from detector.core.stages.campaigns import CAMPAIGNS
from detector.stream.high_water import MAX_EVENTS, slot_of
from detector.stream.hop_codec import HopCodec
from detector.stream.hop_messages import intact

#: Of every upstream of a hop, how many of its events a reader has got.
Got = tuple[int, ...]


class Lenient:
    """Lets everything pass and writes it down: for the uninterrupted run that says what is expected."""

    def __init__(self) -> None:
        self.outputs: dict[str, tuple[str, bytes]] = {}

    def output(self, topic: str, key: bytes, value: bytes) -> str:
        """Is well."""
        name = output_id(topic, key, value)
        self.outputs[name] = topic, value
        return name

    def hop(self, tp: TP, state: Any, messages: tuple[bytes, ...]) -> Any:
        """Is well."""
        return (*state, *messages)

    def commit(self, tp: TP, offset: int, durable: Durable) -> None:
        """Is well."""

    def settled(self, view: View, durable: Durable) -> None:
        """Is well."""


class _Told(msgspec.Struct):
    """Of a bulletin, the event that told it."""

    position: Position


class Hopped(NamedTuple):
    """An event in a hop message: its upstream partition, its position there, all that is said of it as bytes."""

    slot: int
    position: int
    content: bytes
    alert: str  # the id of an alert on it


class Strict:
    """Holds a world to what its uninterrupted run came to.

    I1: the rows in the end. I2: every output's content, and the set of outputs in the end; in a hop, the events of
    every upstream in their order, none left out. I3: at every commit, the outputs of what it passes over.
    """

    def __init__(self, setup: Setup) -> None:
        found = Lenient()
        with closing(World(setup, found)) as world:
            state = run_alone(world, world.first())
            rows, hops = world.table.view(state.processes[0][1]).rows, world.durable(state).hops
        self.rows = dict(rows)
        self.outputs = found.outputs
        self._letters = {
            name: msgspec.json.decode(value)["position"]["offset"]
            for name, (topic, value) in self.outputs.items()
            if topic == SETTINGS.dead_letters
        }
        self._bulletins = {
            name: alert_id(setup.scene.topology.chain.name, msgspec.json.decode(value, type=_Told).position)
            for name, (topic, value) in self.outputs.items()
            if topic == SETTINGS.bulletins
        }
        self._scene = setup.scene
        self._fixed = dict(setup.logs)
        self.hops = {tp: by_slot(setup.scene, tp, messages) for tp, messages in hops}

    def output(self, topic: str, key: bytes, value: bytes) -> str:
        """I2: content."""
        name = output_id(topic, key, value)
        if name not in self.outputs:
            raise Violation(f"I2: an output {name} that no uninterrupted run has")
        if self.outputs[name][1] != value:
            raise Violation(f"I2: another content of {name}: {_difference(self.outputs[name][1], value)}")
        return name

    def hop(self, tp: TP, state: Got, messages: tuple[bytes, ...]) -> Got:
        """I2 for a hop: what a reader takes is what comes next, neither a later event nor another content."""
        expected = self.hops.get(tp, [])
        got = list(state or (0,) * len(expected))
        for message in messages:
            for slot, position, content, _ in events_of(self._scene, tp, message):
                due = expected[slot]
                if got[slot] and position <= due[got[slot] - 1].position:
                    continue
                if got[slot] == len(due) or due[got[slot]].position != position:
                    raise Violation(
                        f"I2: {tp.topic} has offset {position // MAX_EVENTS} after {got[slot]} events of it"
                    )
                if due[got[slot]].content != content:
                    raise Violation(
                        f"I2: {tp.topic} has another content of offset {position // MAX_EVENTS}:"
                        f" {_difference(due[got[slot]].content, content)}"
                    )
                got[slot] += 1
        return tuple(got)

    def commit(self, tp: TP, offset: int, durable: Durable) -> None:
        """I3."""
        node = node_of(self._scene.topology, tp)
        if node.source is None:
            due = self._alerts_before(tp, offset, durable)
            due |= {name for name in self.outputs if name.removesuffix(OF_ITS_BANK) in due}
            if node.name == CAMPAIGNS.name:
                due = {name for name, told_by in self._bulletins.items() if told_by in due}
        else:
            due = {name for name, at in self._letters.items() if at < offset}
            self._check_sent_on(tp, offset, durable)
        if due - durable.outputs:
            raise Violation(f"I3: offset {offset} of {tp.topic} committed without {sorted(due - durable.outputs)}")

    def settled(self, view: View, durable: Durable) -> None:
        """I1 and the rest of I2."""
        for tp, rows in view.rows:
            if rows != self.rows[tp]:
                raise Violation(f"I1: rows of {tp.topic} in the end: {rows}, uninterrupted {self.rows[tp]}")
        if set(self.outputs) - durable.outputs:
            raise Violation(f"I2: never sent: {sorted(set(self.outputs) - durable.outputs)}")
        for hop, slots in self.hops.items():
            got = dict(durable.hops).get(hop)
            if got != tuple(map(len, slots)):
                raise Violation(f"I2: events in {hop.topic}: {got}, uninterrupted {tuple(map(len, slots))}")

    def _check_sent_on(self, tp: TP, offset: int, durable: Durable) -> None:
        topology = self._scene.topology
        node = node_of(topology, tp)
        (target,) = (edge.target for edge in node.edges)
        slot = slot_of(topology.upstreams(target).index(node.name), tp.partition, self._scene.partitions)
        for hop, slots in self.hops.items():
            if hop.topic == SETTINGS.hop_topic(target):
                due = sum(event.position < offset * MAX_EVENTS for event in slots[slot])
                got = dict(durable.hops).get(hop) or (0,) * len(slots)
                if got[slot] < due:
                    raise Violation(f"I3: offset {offset} committed, of {due} events {got[slot]} are in {hop.topic}")

    def _alerts_before(self, tp: TP, offset: int, durable: Durable) -> set[str]:
        fixed = [record.value for record in self._fixed.get(tp, ()) if record.offset < offset]
        messages = fixed or dict(durable.logs).get(tp, ())[:offset]
        return {event.alert for message in messages for event in events_of(self._scene, tp, message)}


def by_slot(scene: Scene, tp: TP, messages: tuple[bytes, ...]) -> list[list[Hopped]]:
    """The events of hop messages by their upstream, in the order of the log."""
    node = node_of(scene.topology, tp)
    slots: list[list[Hopped]] = [[] for _ in range(len(scene.topology.upstreams(node.name)) * scene.partitions)]
    for message in messages:
        for event in events_of(scene, tp, message):
            slots[event.slot].append(event)
    return slots


@cache
def events_of(scene: Scene, tp: TP, message: bytes) -> tuple[Hopped, ...]:
    """The events of a hop message."""
    codec = scene.wiring.codecs[node_of(scene.topology, tp).name]
    piece = codec._pieces.open(message, *intact(message))
    origins = (piece.whole[_width(name)][_row(codec, name)] for name in ("origin", "origin_offset"))
    texts = iter(range(int(piece.scored.sum())))
    events = []
    for index, (origin, offset) in enumerate(zip(*origins, strict=True)):
        content = b"".join(matrix[:, index].tobytes() for matrix in (*piece.whole.values(), piece.facts))
        if piece.scored[index]:
            at = next(texts)
            content += piece.features[:, at].tobytes() + repr([each.text(at) for each in piece.strings]).encode()
        alert = alert_id(scene.topology.chain.name, position_of(int(origin), int(offset), SOURCES))
        events.append(Hopped(piece.slot, int(piece.whole[8][-1, index]), content, alert))
    return tuple(events)


def _width(name: str) -> int:
    """Bytes of a column's values."""
    return np.dtype(DTYPES[name]).itemsize


def _row(codec: HopCodec, name: str) -> int:
    return codec.layout.of_width(_width(name)).index(name)


def _difference(expected: bytes, found: bytes) -> str:
    index = next((index for index, (a, b) in enumerate(zip(expected, found, strict=False)) if a != b), 0)
    return f"{found[max(0, index - 30) : index + 10]!r} instead of {expected[max(0, index - 30) : index + 10]!r}"
