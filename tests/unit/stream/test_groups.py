from typing import Any

import pytest
from kafka.errors import CoordinatorNotAvailableError

from detector.errors import UserError
from detector.stream.groups import active_members, require_no_members

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
