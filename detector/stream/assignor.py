"""aiokafka's side of sticky assignments: what members tell each other when they join, and what the leader answers."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

import msgspec
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata
from faust.types import TP

from detector.stream.same_model import Runs, runs_of
from detector.stream.static_names import process_name
from detector.stream.sticky import Member, assign

#: Partitions by topic.
Partitions = dict[str, list[int]]
#: To a member whose model is not the group's the leader names that one, in place of a topic with no partitions: a
#: release before reads what it shall follow, and finds nothing.
OTHER_MODEL = "model "


class _Told(msgspec.Struct, frozen=True):
    """What a member says, behind the name of its process."""

    generation: int
    had: Partitions
    follows: Partitions
    model: str = ""
    replaces: str = ""


class StickyAssignor:
    """An assignor for one consumer; `standbys` members follow the rows of each partition of the topics `with_rows`.

    `runs`: the member's model. One that does not go with that of who has been in the group for longest is given
    nothing. It has the name of the assignor of releases before, which leave out what they do not know: both may share
    a group.
    """

    name = "roundrobin"
    version = 0

    def __init__(self, generation: Callable[[], int], standbys: int, with_rows: Collection[str], runs: Runs) -> None:
        self._generation = generation
        self._standbys = standbys
        self._with_rows = with_rows
        self._runs = runs
        self._last = Member()
        #: What the group runs, where that is not what this member has; read from another thread.
        self.other_model = ""

    @property
    def follows(self) -> frozenset[TP]:
        """Partitions whose rows this member shall follow; read from another thread."""
        return self._last.follows

    def metadata(self, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """What this member says when it joins: also its process, for those who look for a static name."""
        last = self._last
        told = msgspec.json.encode(_Told(last.generation, _by_topic(last.had), _by_topic(last.follows), *self._runs))
        return ConsumerProtocolMemberMetadata(self.version, list(topics), process_name().encode() + b" " + told)

    def assign(self, cluster: Any, members: Mapping[str, Any]) -> dict[str, ConsumerProtocolMemberAssignment]:
        """What everybody has and follows; asked of the leader.

        Members that read other topics than their fellows are no workers of one topology: each is given what it reads,
        and says itself what is wrong.
        """
        group_runs = _model_of(members)
        refused = {name for name, each in members.items() if not _runs(each.user_data).goes_with(group_runs)}
        if refused:
            answer = msgspec.json.encode({OTHER_MODEL + group_runs.model: []})
            found = self.assign(cluster, {name: each for name, each in members.items() if name not in refused})
            return found | dict.fromkeys(refused, ConsumerProtocolMemberAssignment(self.version, [], answer))
        if len({frozenset(each.subscription) for each in members.values()}) > 1:
            return dict(RoundRobinPartitionAssignor.assign(cluster, members))
        topics = {topic for each in members.values() for topic in each.subscription}
        partitions = [TP(topic, number) for topic in topics for number in cluster.partitions_for_topic(topic) or ()]
        told = {name: _member(each.user_data) for name, each in members.items()}
        shares = assign(partitions, told, self._standbys, self._with_rows)
        return {
            name: ConsumerProtocolMemberAssignment(
                self.version, sorted(_by_topic(each.has).items()), msgspec.json.encode(_by_topic(each.follows))
            )
            for name, each in shares.items()
        }

    def on_assignment(self, assignment: ConsumerProtocolMemberAssignment) -> None:
        """What this member was given."""
        had = frozenset(TP(*tp) for tp in assignment.partitions())
        told = msgspec.json.decode(assignment.user_data or b"{}", type=Partitions)
        self.other_model = next((key.removeprefix(OTHER_MODEL) for key in told if key.startswith(OTHER_MODEL)), "")
        self._last = Member(self._generation(), had, _partitions(told))


def _model_of(members: Mapping[str, Any]) -> Runs:
    """What the member runs that has been in the group for longest: the others must go with it."""
    first = min(members, key=lambda name: (-_member(members[name].user_data).generation, name))
    return _runs(members[first].user_data)


def _runs(user_data: bytes) -> Runs:
    return runs_of(user_data.partition(b" ")[2])


def _member(user_data: bytes) -> Member:
    """What a member said; nothing where it is of another release."""
    _, _, text = user_data.partition(b" ")
    try:
        told = msgspec.json.decode(text, type=_Told)
    except msgspec.DecodeError:
        return Member()
    return Member(told.generation, _partitions(told.had), _partitions(told.follows))


def _by_topic(partitions: Iterable[TP]) -> Partitions:
    found: defaultdict[str, list[int]] = defaultdict(list)
    for tp in sorted(partitions):
        found[tp.topic].append(tp.partition)
    return dict(found)


def _partitions(by_topic: Partitions) -> frozenset[TP]:
    return frozenset(TP(topic, number) for topic, numbers in by_topic.items() for number in numbers)
