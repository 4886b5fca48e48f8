"""What members of a group tell each other: also with those of the release before."""

from types import SimpleNamespace
from typing import Any

import msgspec
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.protocol import ConsumerProtocolMemberAssignment, ConsumerProtocolMemberMetadata
from faust.types import TP

from detector.stream.assignor import StickyAssignor
from detector.stream.same_model import Runs
from detector.stream.static_names import process_name

TOPICS = ["events", "hop"]
CLUSTER: Any = SimpleNamespace(partitions_for_topic=lambda topic: {0, 1, 2, 3} if topic in TOPICS else None)

MUTE = Runs()


def joined(*assignors: StickyAssignor) -> dict[str, ConsumerProtocolMemberMetadata]:
    """What they send when they join, over the wire."""
    return {
        str(index): ConsumerProtocolMemberMetadata.decode(each.metadata(TOPICS).encode())
        for index, each in enumerate(assignors)
    }


def told(assignors: tuple[StickyAssignor, ...], found: dict[str, ConsumerProtocolMemberAssignment]) -> list[set[TP]]:
    """Each is told what it has; what that is."""
    has = []
    for index, each in enumerate(assignors):
        assignment = ConsumerProtocolMemberAssignment.decode(found[str(index)].encode())
        each.on_assignment(assignment)
        has.append({TP(*tp) for tp in assignment.partitions()})
    return has


def of(generation: int, standbys: int = 1, runs: Runs = MUTE) -> StickyAssignor:
    return StickyAssignor(lambda: generation, standbys, {"hop"}, runs)


def test_everybody_keeps_what_they_had_and_follows_what_they_were_told() -> None:
    two = of(1), of(1)
    first = told(two, two[0].assign(CLUSTER, joined(*two)))
    assert {TP(topic, number) for topic in TOPICS for number in range(4)} == first[0] | first[1]
    assert [{tp for tp in first[1 - index] if tp.topic == "hop"} for index in (0, 1)] == [each.follows for each in two]
    three = (*two, of(2))
    second = told(three, three[1].assign(CLUSTER, joined(*three)))
    assert all(second[index] < first[index] for index in (0, 1))


def test_a_member_says_which_process_it_is() -> None:
    assert process_name().encode() == of(1).metadata(TOPICS).user_data.split(b" ")[0]


def test_who_reads_other_topics_is_given_those_and_healthy_members_nothing_that_they_do_not_read() -> None:
    members = joined(of(1), of(1))
    members["2"] = ConsumerProtocolMemberMetadata(0, [*TOPICS, "budget"], b"")
    cluster: Any = SimpleNamespace(partitions_for_topic=lambda _: {0, 1, 2, 3})
    found = of(1).assign(cluster, members)
    assert {TP("budget", number) for number in range(4)} <= {TP(*tp) for tp in found["2"].partitions()}
    assert all(set(TOPICS) >= {topic for topic, _ in found[name].partitions()} for name in "01")


def test_a_group_may_have_members_of_the_release_before() -> None:
    new = of(1)
    old = RoundRobinPartitionAssignor.metadata(TOPICS)
    assert RoundRobinPartitionAssignor.name == new.name
    members = {"0": joined(new)["0"], "1": old}
    by_the_new = new.assign(CLUSTER, members)
    assert [4, 4] == [len(by_the_new[name].partitions()) for name in "01"]
    by_the_old = RoundRobinPartitionAssignor.assign(CLUSTER, members)
    assert 4 == len(told((new,), by_the_old)[0])
    assert frozenset() == new.follows


def test_a_member_with_another_model_is_given_nothing_and_told_what_the_group_runs() -> None:
    one, stranger, mute = of(1, runs=Runs("aaaa")), of(1, runs=Runs("bbbb", "cccc")), of(1)
    told((one,), one.assign(CLUSTER, joined(one)))
    three = one, stranger, mute
    for leader in three:
        had = told(three, leader.assign(CLUSTER, joined(*three)))
        assert set() == had[1]
        assert {TP(topic, number) for topic in TOPICS for number in range(4)} == had[0] | had[2]
        assert ["", "aaaa", ""] == [each.other_model for each in three]


def test_a_member_that_names_the_model_it_replaces_has_its_share() -> None:
    one, next_one = of(1, runs=Runs("aaaa")), of(1, runs=Runs("bbbb", "aaaa"))
    had = told((one, next_one), next_one.assign(CLUSTER, joined(one, next_one)))
    assert all(had)
    assert ["", ""] == [one.other_model, next_one.other_model]


def test_a_member_of_the_release_before_reads_the_answer_as_nothing_to_follow() -> None:
    two = of(1, runs=Runs("aaaa")), of(1, runs=Runs("bbbb"))
    answer = two[0].assign(CLUSTER, joined(*two))["1"].user_data
    assert {"model aaaa": []} == msgspec.json.decode(answer, type=dict[str, list[int]])
