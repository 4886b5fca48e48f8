"""Breadth first through all states of a world, so that the first violation found has the shortest trace."""

import time
from collections import deque
from typing import NamedTuple

from support.protocol.bus import told_of
from support.protocol.kafka import Violation
from support.protocol.world import Label, State, Step, World

#: What happens when nothing goes wrong, the first that can.
PEACEFUL = (
    "ends",
    "durable",
    "commits",
    "looks into the log at",
    "has room",
    "has read its rows",
    "looks",
    "gets its partitions back",
    "reads",
    "cuts",
)


class Finding(NamedTuple):
    """What an exploration came to; `trace` ends with the violation, and is empty where there is none."""

    states: int
    settled: int
    worker_states: int
    seconds: float
    trace: tuple[str, ...]
    complete: bool


def explore(world: World, *, prefix: tuple[str, ...] = (), most: int = 1_000_000) -> Finding:
    """Visit every state that can be reached after `prefix`, how the texts of its steps begin; at most so many."""
    started = time.perf_counter()
    first = state = world.first()
    before: dict[State, tuple[State, Label] | None] = {first: None}
    for words in prefix:
        label, step = next(step for step in world.successors(state) if text_of(step[0]).startswith(words))
        after = step()
        before.setdefault(after, (state, label))
        state = after
    waiting = deque([state])
    checked: set[int] = set()
    settled = 0
    label = ()

    def finding(*, violation: str = "") -> Finding:
        trace: tuple[str, ...] = ()
        if violation:
            trace = (*_trace(before, state), *([text_of(label)] if label else []), f"=> {violation}")
        seconds = time.perf_counter() - started
        return Finding(len(before), settled, len(world.table), seconds, trace, not waiting)

    while waiting and len(before) < most:
        state = waiting.popleft()
        try:
            label = ()
            if state.durable not in checked:
                checked.add(state.durable)
                _check_that_all_may_die(world, state)
            if world.settled(state):
                settled += 1
                world.check_settled(state)
            for label, step in world.successors(state):
                after = step()
                if after not in before:
                    before[after] = state, label
                    waiting.append(after)
        except Violation as violation:
            return finding(violation=str(violation))
    return finding()


def _check_that_all_may_die(world: World, state: State) -> None:
    """Should everyone die now: the next process, left in peace, must bring all to its right end."""
    try:
        world.check_settled(run_alone(world, world.alone(state)))
    except Violation as violation:
        raise Violation(f"all die, and the next one finds out: {violation}") from None


def run_alone(world: World, state: State, *, most: int = 300) -> State:
    """What one process comes to that is left in peace; raises `Violation` where that is no end."""
    for _ in range(most):
        if world.settled(state):
            return state
        steps: dict[object, Step] = {}
        for step in world.successors(state):
            steps.setdefault(step[0][1], step)
        chosen = next((steps[what] for what in PEACEFUL if what in steps), None)
        if chosen is None:
            break
        state = chosen[1]()
    raise Violation(f"left in peace, it never finishes: {world.table.view(state.processes[0][1])}")


def text_of(label: Label) -> str:
    """A label for people."""
    if label[1] in {"durable", "not taken"}:
        (topic, _), records = label[2:]
        return f"W{label[0]} {label[1]} {told_of(topic, records)}"
    return " ".join((f"W{label[0]}", *map(str, label[1:])))


def _trace(before: dict[State, tuple[State, Label] | None], state: State) -> list[str]:
    steps = []
    while (step := before[state]) is not None:
        state, label = step
        steps.append(text_of(label))
    return steps[::-1]
