"""A static name belongs to one process: another that lives is named, one that has ended is succeeded at once."""

import os
import socket
import subprocess
import sys
from contextlib import nullcontext
from typing import Any

import pytest

from detector.errors import UserError
from detector.kafka.groups import UNNAMED, static_members
from detector.settings import Settings
from detector.stream import static_names
from detector.stream.static_names import lost, process_name, require_free

SETTINGS = Settings(static_member="worker-0", session_timeout_s=10)
HERE = socket.gethostname()


def ended() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


class Group:
    """Who has the name at each look; the last answer is for ever. Time passes only in sleep."""

    def __init__(self, *holders: str) -> None:
        self._holders = list(holders)
        self.slept_s = 0.0

    def holder(self, _: Settings) -> str:
        return self._holders.pop(0) if len(self._holders) > 1 else self._holders[0]

    def sleep(self, seconds: float) -> None:
        self.slept_s += seconds

    def require_free(self) -> float:
        """The seconds that a worker waited before it joined."""
        require_free(SETTINGS, self.holder, self.sleep, lambda: self.slept_s)
        return self.slept_s


def test_a_quick_restart_takes_its_name_at_once() -> None:
    ours = process_name()  # in a container, every start has the same number
    assert [0.0, 0.0, 0.0] == [Group(holder).require_free() for holder in ("", f"kozamori-{HERE}-{ended()}", ours)]


#: The holder, and how long it takes until it is clear that it lives.
LIVING = [
    (f"kozamori-{HERE}-{os.getppid()}", 0.0),
    ("kozamori-elsewhere-1", 14.0),  # still in the group when a dead one would have gone
    (UNNAMED, 44.0),  # or its name is not told in a rebalance, which is over then
]


@pytest.mark.parametrize(("holder", "waited_s"), LIVING)
def test_a_name_that_another_process_has_is_refused_with_the_one_that_has_it(holder: str, waited_s: float) -> None:
    group = Group(holder)
    with pytest.raises(UserError) as refused:
        group.require_free()
    assert "setting static_member: worker-0 is the name of another running worker" in str(refused.value)
    assert holder in str(refused.value)
    assert "give every worker of a deployment a name of its own" in str(refused.value)
    assert waited_s == group.slept_s


def test_a_name_whose_holder_leaves_the_group_is_taken_then() -> None:
    assert 2.0 == Group("kozamori-elsewhere-1", "kozamori-elsewhere-1", "").require_free()


class Rebalancing:
    """An admin client of a group that rebalances: Kafka says who is in it, and not what members call themselves."""

    def describe_groups(self, names: list[str]) -> dict[str, object]:
        (name,) = names
        member = {"group_instance_id": "worker-0", "member_id": "worker-0-ours", "member_metadata": None}
        return {name: {"error": None, "members": [member]}}


def test_a_worker_knows_its_own_membership_while_the_group_rebalances_and_says_no_names() -> None:
    client: Any = Rebalancing()
    member = static_members(client, SETTINGS.group)["worker-0"]
    assert ("worker-0-ours", UNNAMED) == member


@pytest.mark.parametrize(("member_id", "is_lost"), [("worker-0-ours", False), ("worker-0-before", True), ("", True)])
async def test_a_name_is_lost_in_a_rebalance_only_to_a_member_of_another_id(
    member_id: str, is_lost: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def client(_: Settings) -> "nullcontext[Rebalancing]":
        return nullcontext(Rebalancing())

    monkeypatch.setattr(static_names, "admin_client", client)
    assert is_lost == (await lost(SETTINGS, member_id) is not None)
