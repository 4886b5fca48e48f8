from typing import Any

import pytest
from kafka import TopicPartition
from kafka.errors import CoordinatorNotAvailableError, KafkaError, NoError, UnknownMemberIdError
from kafka.structs import OffsetAndMetadata

from detector.errors import UserError
from detector.kafka.groups import active_members, all_offsets, offsets_within, require_no_members, store_offsets

EMPTY: dict[str, Any] = {"members": [], "error": None}
THREE: dict[str, Any] = {"members": [{}, {}, {}], "error": None}
# The texts are kafka-python's.
UNKNOWN: dict[str, Any] = {"members": [], "error": "[Error 69] GroupIdNotFoundError: Group g not found."}
LOADING: dict[str, Any] = {"members": [], "error": "[Error 14] CoordinatorLoadInProgressError: None"}
FORBIDDEN: dict[str, Any] = {"members": [], "error": "[Error 30] GroupAuthorizationFailedError: None"}


class Client:
    """An admin client that gives its answers one after the other, the last one for ever."""

    def __init__(self, *answers: dict[str, Any] | Exception) -> None:
        self._answers = list(answers)

    def describe_groups(self, groups: list[str]) -> dict[str, dict[str, Any]]:
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return {groups[0]: answer}


@pytest.mark.parametrize(
    ("expected", "answers"),
    [
        pytest.param(0, [EMPTY], id="no members"),
        pytest.param(3, [THREE], id="three members"),
        pytest.param(0, [UNKNOWN], id="no such group"),
        pytest.param(3, [CoordinatorNotAvailableError("starting"), LOADING, THREE], id="a broker just started"),
    ],
)
def test_members_are_counted_once_the_broker_can_tell(expected: int, answers: list[Any]) -> None:
    client: Any = Client(*answers)
    assert expected == active_members(client, "g")


def test_a_group_that_may_not_be_looked_at_does_not_pass_for_an_empty_one() -> None:
    client: Any = Client(FORBIDDEN)
    with pytest.raises(UserError, match=r"group g \(GroupAuthorizationFailedError\)"):
        require_no_members(client, "g")


class Coordinator:
    """Holds a group's offsets; stores those of `taken` partitions only, and refuses the others with `answer`."""

    def __init__(self, taken: set[int], answer: type[KafkaError]) -> None:
        self.offsets: dict[TopicPartition, OffsetAndMetadata] = {}
        self._taken = taken
        self._answer = answer

    def alter_group_offsets(self, _group: str, offsets: dict[TopicPartition, OffsetAndMetadata]) -> dict[Any, Any]:
        self.offsets |= {tp: commit for tp, commit in offsets.items() if tp.partition in self._taken}
        return {tp: NoError if tp.partition in self._taken else self._answer for tp in offsets}

    def list_group_offsets(self, groups: dict[str, None]) -> dict[str, dict[TopicPartition, OffsetAndMetadata]]:
        return dict.fromkeys(groups, self.offsets)


COMMITS = {TopicPartition(topic, part): OffsetAndMetadata(6, "m", -1) for topic in ("a", "b") for part in (0, 1)}


def test_offsets_of_several_topics_are_stored_at_once() -> None:
    client: Any = Coordinator({0, 1}, NoError)
    store_offsets(client, "g", COMMITS)
    assert all_offsets(client, "g") == COMMITS


@pytest.mark.parametrize(
    ("answer", "said"), [(UnknownMemberIdError, "b 1': 'UnknownMemberIdError"), (NoError, "no error given")]
)
def test_offsets_that_were_not_stored_are_noticed_whatever_the_answer(answer: type[KafkaError], said: str) -> None:
    client: Any = Coordinator({0}, answer)
    with pytest.raises(UserError, match=f"did not store the offsets of group g .*{said}.*run again"):
        store_offsets(client, "g", COMMITS)


def test_offsets_lie_within_others_only_with_the_same_offset_and_marks() -> None:
    tp = TopicPartition("a", 0)
    assert offsets_within({}, {})
    assert offsets_within({tp: COMMITS[tp]}, COMMITS)
    assert not offsets_within(COMMITS, {tp: COMMITS[tp]})
    assert not offsets_within({tp: OffsetAndMetadata(7, "m", -1)}, COMMITS)
    assert not offsets_within({tp: OffsetAndMetadata(6, "n", -1)}, COMMITS)
