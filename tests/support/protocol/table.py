"""What a worker does, as a table: state and action → next state. Filled by running the worker, once a cell.

A state is what `Worker.fingerprint` distinguishes. Coroutines cannot be copied, so a worker in a given state is made by
repeating its actions on a new one; the last ones used are kept, since a search mostly continues where it is.
"""

from collections import OrderedDict
from typing import NamedTuple

from support.protocol.bus import Scene
from support.protocol.worker import Action, View, Worker

#: Workers kept alive, some 50 KB each.
KEPT = 20_000


class _State(NamedTuple):
    before: int
    action: Action | None
    view: View


class Table:
    """Numbers the states of one scene's workers; 0 is a process that has just started."""

    def __init__(self, scene: Scene, *, remembers: bool = True) -> None:
        self._scene = scene
        self._remembers = remembers
        self._states: list[_State] = []
        self._numbers: dict[bytes, int] = {}
        self._steps: dict[tuple[int, Action], int] = {}
        self._kept: OrderedDict[int, Worker] = OrderedDict()
        self.steps_run = 0
        self._number(Worker(scene), -1, None)

    def __len__(self) -> int:
        return len(self._states)

    def view(self, state: int) -> View:
        """What can be seen of a worker in this state."""
        return self._states[state].view

    def step(self, state: int, action: Action) -> int:
        """The state after an action."""
        cell = state, action
        if cell not in self._steps:
            worker = self._worker(state)
            worker.act(action)
            self.steps_run += 1
            self._steps[cell] = self._number(worker, state, action)
        return self._steps[cell]

    def close(self) -> None:
        """Let go of the workers."""
        while self._kept:
            self._kept.popitem()[1].kill()

    def _number(self, worker: Worker, before: int, action: Action | None) -> int:
        key = worker.fingerprint() if self._remembers else len(self._states).to_bytes(8, "little")
        if key not in self._numbers:
            self._numbers[key] = len(self._states)
            self._states.append(_State(before, action, worker.view()))
        number = self._numbers[key]
        if number in self._kept:
            worker.kill()
        else:
            self._kept[number] = worker
        self._kept.move_to_end(number)
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)[1].kill()
        return number

    def _worker(self, state: int) -> Worker:
        if state in self._kept:
            return self._kept.pop(state)
        actions: list[Action] = []
        while (action := self._states[state].action) is not None:
            actions.append(action)
            state = self._states[state].before
        worker = Worker(self._scene)
        for action in reversed(actions):
            worker.act(action)
            self.steps_run += 1
        return worker
