"""Workers around a small Kafka: what can happen next, crashes, zombies and other faults included.

A state of the world is a value; `World.successors` gives what can happen, each with its label. What must always hold is
asked of the `Judge` where something becomes durable.
"""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from typing import Any, NamedTuple

from faust.types import TP
from support.protocol.bus import Commit, KeyValue, Queue, Record, Scene, names_in
from support.protocol.fake_ports import Look, Room, Rows
from support.protocol.kafka import Durable, Judge, Kafka, Violation
from support.protocol.table import Table
from support.protocol.worker import PATIENCE_S, Action, View


class Left(NamedTuple):
    """How often each fault may still happen."""

    crashes: int = 0
    zombies: int = 0
    failures: int = 0  # a send that Kafka does not take
    refusals: int = 0  # of the owner's commit
    rebalances: int = 0  # partitions that go and come back
    returns: int = 0  # a zombie finds out, and gets its partitions back
    looks: int = 0  # a standby reads what the changelogs have
    recreations: int = 0  # of the input topic
    upgrades: int = 0  # a newer release ran, and an older one follows
    releases: int = 0  # the release before ran until now
    old_chunks: int = 0  # fetched before a rebalance, and delivered as if of the new assignment


class State(NamedTuple):
    """The world: `durable` is a number of `Kafka.durables`; processes are (name, state in the table), owner first.

    A name is that of a process in one generation of the group. Names that are met nowhere any more are used again:
    it matters only whether two are the same.
    """

    durable: int
    processes: tuple[tuple[int, int], ...]
    failed: int  # sends that failed and have not ended a process yet
    left: Left
    followed: int = 0  # what was durable when the standby last looked


class Setup(NamedTuple):
    """A world before anything happened."""

    scene: Scene
    logs: tuple[tuple[TP, tuple[Record, ...]], ...]  # inputs that nobody here writes
    left: Left
    compacts: bool = True
    fences: bool = True  # the group refuses commits of another generation
    refused_go_on: bool = False  # a zombie whose commit is refused
    skipped: int = 1  # generations that a zombie has not seen when it gets its partitions back
    chunk_sizes: tuple[int, ...] = (1, 2)


Label = tuple[Any, ...]
Step = tuple[Label, Callable[[], State]]  # the second raises `Violation`


class World:
    """Successors of states; keeps the table of what workers do."""

    def __init__(self, setup: Setup, judge: Judge, *, remembers: bool = True) -> None:
        self.setup = setup
        self.judge = judge
        self.table = Table(setup.scene, remembers=remembers)
        self.kafka = Kafka(setup.scene, setup.logs, judge, compacts=setup.compacts)

    def close(self) -> None:
        """Let go of the workers."""
        self.table.close()

    def first(self) -> State:
        """One process that has just been given everything."""
        return self._begin(State(0, (), 0, self.setup.left), ())

    def durable(self, state: State) -> Durable:
        """What is durable in a state."""
        return self.kafka.durables[state.durable]

    def alone(self, state: State) -> State:
        """A new process that finds what this state has made durable, everyone else having died; no more faults."""
        return self._begin(State(state.durable, (), 0, Left()), ())

    def successors(self, state: State) -> Iterator[Step]:
        """Everything that can happen next."""
        for index, (number, local) in enumerate(state.processes):
            view = self.table.view(local)
            yield from self._sends(state, index, view)
            for ask in view.asks:
                yield from self._answers(state, index, view, ask)
            for tp, offset in view.reads:
                for records in self._chunks(state, tp, offset):
                    action = ("chunk", tp, records)
                    yield (
                        (number, "reads", tp.topic, records[0].offset, "to", records[-1].offset),
                        partial(self._act, state, index, action),
                    )
            if state.left.old_chunks and view.fetched_before:
                yield from self._old_chunks(state, index, view)
            if view.may_cut:
                yield (number, "cuts"), partial(self._act, state, index, ("cut",))
            if PATIENCE_S in view.timers:
                yield (number, "runs out of time to finish"), partial(self._act, state, index, ("too_late",))
        yield from self._faults(state)

    def settled(self, state: State) -> bool:
        """Whether the owner has nothing left to do."""
        view = self.table.view(state.processes[0][1])
        return view.idle and not any(self._chunks(state, tp, offset) for tp, offset in view.reads)

    def check_settled(self, state: State) -> None:
        """Ask the judge."""
        self.judge.settled(self.table.view(state.processes[0][1]), self.durable(state))

    def _sends(self, state: State, index: int, view: View) -> Iterator[Step]:
        number = state.processes[index][0]
        for queue, sends in view.sends:
            yield (number, "durable", queue, sends[0]), partial(self._confirm, state, index, queue, sends[0])
            if state.left.failures and index == 0:
                left = state.left._replace(failures=state.left.failures - 1)
                failing = state._replace(left=left, failed=state.failed + 1)
                yield (number, "not taken", queue, sends[0]), partial(self._act, failing, index, ("refused", queue))

    def _answers(self, state: State, index: int, view: View, ask: Any) -> Iterator[Step]:
        number = state.processes[index][0]
        if isinstance(ask, Room):
            yield (number, "has room"), partial(self._act, state, index, ("answered", ask, None))
            return
        if isinstance(ask, Rows):
            yield (number, "has read its rows"), partial(self._act, state, index, ("answered", ask, None))
            return
        if isinstance(ask, Look):
            found = self.kafka.first_offset(state.durable, *ask)
            yield (
                (number, "looks into the log at", ask.offset),
                partial(self._act, state, index, ("answered", ask, found)),
            )
            return
        stands = (index == 0 and ask.name == number) or not self.setup.fences
        offsets = tuple(offset for _, offset, _ in ask.positions)
        if stands:
            yield (number, "commits", *offsets), partial(self._commit, state, index, ask)
        if index and not stands and not self.setup.refused_go_on:
            processes = (*state.processes[:index], *state.processes[index + 1 :])
            yield (number, "is refused to commit and ends"), lambda: state._replace(processes=processes)
        elif not stands or (state.left.refusals and view.reads):
            refused = state if not stands else state._replace(left=_less(state.left, "refusals"))
            action = ("answered", ask, False)
            yield (number, "is refused to commit", *offsets), partial(self._act, refused, index, action)

    def _chunks(self, state: State, tp: TP, offset: int) -> list[tuple[Record, ...]]:
        waiting = self.kafka.waiting(state.durable, tp, offset)
        sizes = [size for size in self.setup.chunk_sizes if size <= len(waiting)]
        return [waiting[:size] for size in sizes] or ([waiting] if waiting else [])

    def _old_chunks(self, state: State, index: int, view: View) -> Iterator[Step]:
        """What lies behind the position was fetched ahead; what lies before it is under way where it was read again."""
        number, left = state.processes[index][0], state.left
        fewer = state._replace(left=_less(left, "old_chunks"))
        for tp, position, again in view.positions:
            log = self.kafka.waiting(state.durable, tp, 0)
            for first, record in enumerate(log):
                if record.offset > position or (again and record.offset < position):
                    for size in self.setup.chunk_sizes:
                        begin = log[first - 1].offset + 1 if first else record.offset
                        action = ("chunk_of_before", tp, log[first : first + size], begin)
                        offsets = record.offset, "to", action[2][-1].offset
                        label = number, "is delivered, fetched before,", tp.topic, *offsets
                        yield label, partial(self._act, fewer, index, action)

    def _faults(self, state: State) -> Iterator[Step]:
        number, local = state.processes[0]
        view, left, others = self.table.view(local), state.left, state.processes[1:]
        if view.failure:
            yield (number, "ends"), partial(self._begin, state._replace(failed=state.failed - 1), others)
        elif left.crashes:
            yield (number, "crashes"), partial(self._begin, state._replace(left=_less(left, "crashes")), others)
        if left.looks and state.followed != state.durable:
            yield (0, "follows as a standby"), lambda: state._replace(followed=state.durable, left=_less(left, "looks"))
        if left.zombies:
            paused = state._replace(left=_less(left, "zombies"))
            yield (number, "is paused, its partitions move"), partial(self._begin, paused, state.processes)
        if view.holds and left.rebalances:
            going = state._replace(left=_less(left, "rebalances"))
            yield (number, "is asked for its partitions"), partial(self._act, going, 0, ("revoked",))
        if left.recreations and self.durable(state).commits:
            anew = self.kafka.made_anew(state.durable)
            yield (number, "dies, its topic is made anew"), partial(self._must_refuse, state, anew)
        if left.upgrades and any(len(log) > 1 for _, log in self.durable(state).changelogs):
            upgraded = self.kafka.upgraded(state.durable)
            yield (number, "dies, a newer release has run"), partial(self._must_refuse, state, upgraded)
        if left.releases and any(len(log) > 1 for _, log in self.durable(state).changelogs):
            before = self.kafka.of_release_before(state.durable)
            now = state._replace(durable=before, left=_less(left, "releases"))
            yield (number, "dies, it was of the release before"), partial(self._begin, now, others)
        if view.handed_back:
            yield (number, "gets its partitions back"), partial(self._rejoin, state, 0)
        yield from self._returns(state)

    def _returns(self, state: State) -> Iterator[Step]:
        """A zombie may be asked for the partitions that it has no more, and be given them again."""
        left = state.left
        for index, (number, local) in list(enumerate(state.processes))[1:]:
            view = self.table.view(local)
            if view.holds and left.returns:
                going = state._replace(left=_less(left, "returns"))
                yield (number, "finds out that it was paused"), partial(self._act, going, index, ("revoked",))
            if view.handed_back:
                yield (number, "gets its partitions back, the owner dies"), partial(self._rejoin, state, index)

    def _act(self, state: State, index: int, action: Action) -> State:
        number, local = state.processes[index]
        local = self.table.step(local, action)
        failure = self.table.view(local).failure
        if failure and index == 0 and (not state.failed or failure.startswith("refuses")):
            raise Violation(f"W{number} {failure}")
        processes = (*state.processes[:index], (number, local), *state.processes[index + 1 :])
        return state._replace(processes=processes)

    def _begin(self, state: State, zombies: tuple[tuple[int, int], ...]) -> State:
        name = self._new_name(state, zombies)
        state = state._replace(processes=((name, 0), *zombies))
        found = self.kafka.found(state.durable, name, 1, state.followed)
        return self._act(state._replace(followed=0), 0, found)

    def _must_refuse(self, state: State, durable: int) -> State:
        """The state as it was, when a process that finds `durable` instead refuses to go on."""
        try:
            found = self._begin(State(durable, (), 0, Left()), ())
            while steps := [step for label, step in self.successors(found) if label[1] in {"durable", "commits"}]:
                found = steps[0]()
        except Violation as refusal:
            if "refuses" in str(refusal):
                return state
            raise
        raise Violation("I1: the next process goes on where it knows neither the log nor the rows")

    def _rejoin(self, state: State, index: int) -> State:
        name = self._new_name(state, state.processes)
        others = (*state.processes[1:index], *state.processes[index + 1 :])
        state = state._replace(processes=((name, state.processes[index][1]), *others))
        return self._act(state, 0, self.kafka.found(state.durable, name, 1 + (self.setup.skipped if index else 0)))

    def _new_name(self, state: State, others: tuple[tuple[int, int], ...]) -> int:
        durables = self.kafka.durables
        changelogs = *durables[state.durable].changelogs, *durables[state.followed].changelogs
        living = (self.table.view(local).names for _, local in others)
        used = set[int]().union(*living, *(names_in(changelog) for _, changelog in changelogs))
        return next(name for name in count(1) if name not in used)

    def _confirm(self, state: State, index: int, queue: Queue, records: tuple[KeyValue, ...]) -> State:
        durable = self.kafka.append(state.durable, queue, records)
        return self._act(state._replace(durable=durable), index, ("confirmed", queue))

    def _commit(self, state: State, index: int, ask: Commit) -> State:
        durable = self.kafka.commit(state.durable, ask)
        return self._act(state._replace(durable=durable), index, ("answered", ask, True))


def _less(left: Left, fault: str) -> Left:
    return left._replace(**{fault: getattr(left, fault) - 1})
