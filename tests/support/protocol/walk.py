"""Long random runs: many events, both source topics, two stages and the cases, faults in any order, from a seed."""

import random
from contextlib import closing
from dataclasses import replace
from typing import Any, NamedTuple

from faust.types import TP
from support.protocol.bus import SETTINGS, Record, node_of, output_id
from support.protocol.explore import run_alone, text_of
from support.protocol.judge import Hopped, Lenient, by_slot
from support.protocol.kafka import Durable, Violation
from support.protocol.worker import View
from support.protocol.world import Left, Setup, State, Step, World

#: One step in so many is a fault, while there are any left; zombies are given a third of the other steps.
FAULT_EVERY = 25
_FAULTS = ("crashes", "is paused", "is asked", "finds out", "follows", "not taken", "is delivered")


class Noting(Lenient):
    """Notes what was sent; the same output must never have two contents (I2)."""

    def output(self, topic: str, key: bytes, value: bytes) -> str:
        """I2: content."""
        name = output_id(topic, key, value)
        if self.outputs.setdefault(name, (topic, value)) != (topic, value):
            raise Violation(f"I2: {name} was sent with two contents")
        return name


class Walked(NamedTuple):
    """A run that went well."""

    steps: int
    faults: int
    events: int  # read from source topics and hops by an uninterrupted run


def walk(setup: Setup, seed: int, steps: int) -> Walked:
    """Take `steps` random steps, let the survivor finish, hold the end to uninterrupted runs. Raises `Violation`."""
    judge = Noting()
    world = World(setup, judge, remembers=False)
    rng, state, trace = random.Random(seed), world.first(), []
    try:
        for _ in range(steps):
            if not (possible := list(world.successors(state))):
                break
            label, step = _choose(rng, possible, state)
            trace.append(text_of(label))
            state = step()
        state = run_alone(world, state._replace(processes=state.processes[:1], left=Left()), most=20_000)
        view, durable = world.table.view(state.processes[0][1]), world.durable(state)
        events = check_against_logs(setup, view, durable, judge)
    except Violation as violation:
        raise Violation(f"seed {seed}: " + " | ".join([*trace[-40:], f"=> {violation}"])) from None
    finally:
        world.close()
    return Walked(len(trace), sum(any(fault in step for fault in _FAULTS) for step in trace), events)


def _choose(rng: random.Random, steps: list[Step], state: State) -> Step:
    owner = state.processes[0][0]
    faults = [step for step in steps if str(step[0][1]).startswith(_FAULTS)]
    others = [step for step in steps if step not in faults]
    own = [step for step in others if step[0][0] == owner]
    zombies = [step for step in others if step[0][0] != owner]
    if faults and (not others or rng.randrange(FAULT_EVERY) == 0):
        return rng.choice(faults)
    return rng.choice(zombies if zombies and (not own or rng.randrange(3) == 0) else own or faults)


def check_against_logs(setup: Setup, view: View, durable: Durable, sent: Lenient) -> int:
    """Hold every node to an uninterrupted run over the log it had; the number of records in all logs."""
    expected: dict[str, tuple[str, bytes]] = {}
    records = 0
    for node in setup.scene.topology.nodes:
        inputs = tuple(tp for tp in setup.scene.inputs if tp.topic == SETTINGS.input_topic(node))
        logs = tuple((tp, _log(setup, durable, tp)) for tp in inputs)
        records += sum(len(log) for _, log in logs)
        alone = Lenient()
        with closing(World(Setup(replace(setup.scene, inputs=inputs), logs, Left(), chunk_sizes=(7,)), alone)) as world:
            state = run_alone(world, world.first(), most=5_000)
            found, hops = world.table.view(state.processes[0][1]), world.durable(state)
        if dict(found.rows) != {tp: rows for tp, rows in view.rows if tp in inputs}:
            raise Violation(f"I1: rows of {node.name}: {dict(view.rows)}, uninterrupted {dict(found.rows)}")
        _check_hops(setup, durable, hops, node.name)
        expected |= alone.outputs
    if expected != sent.outputs:
        names = sorted(name for name in expected.keys() | sent.outputs if expected.get(name) != sent.outputs.get(name))
        raise Violation(f"I2: outputs differ from those of an uninterrupted run: {names[:5]}")
    return records


def _check_hops(setup: Setup, durable: Durable, alone: Durable, upstream: str) -> None:
    hops = dict(durable.hops)
    for tp, messages in alone.hops:
        expected = by_slot(setup.scene, tp, messages)
        found = by_slot(setup.scene, tp, hops.get(tp, ()))
        topology = setup.scene.topology
        first = topology.upstreams(node_of(topology, tp).name).index(upstream) * setup.scene.partitions
        for slot in range(first, first + setup.scene.partitions):
            if _taken(found[slot]) != expected[slot]:
                raise Violation(f"I2: {tp.topic} {tp.partition} from {upstream}: events missing, or another content")


def _taken(events: list[Hopped]) -> list[Hopped]:
    """What a reader takes: each event that lies behind all it has seen."""
    taken: list[Hopped] = []
    for event in events:
        if not taken or event.position > taken[-1].position:
            taken.append(event)
    return taken


def _log(setup: Setup, durable: Durable, tp: TP) -> tuple[Record, ...]:
    fixed: Any = dict(setup.logs).get(tp)
    if fixed is not None:
        return tuple(fixed)
    return tuple(Record(offset, None, message) for offset, message in enumerate(dict(durable.logs).get(tp, ())))
