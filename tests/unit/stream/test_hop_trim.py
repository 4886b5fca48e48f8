"""What was read of a hop is deleted: what is committed, once, and nothing else."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from faust.types import TP
from structlog.testing import capture_logs

from detector.errors import UserError
from detector.stream.hop_trim import HopTrim

HOP, SOURCE = "kozamori.hop.wallet", "account-events"


class Deletions:
    """Remembers what is to be deleted, or refuses."""

    def __init__(self) -> None:
        self.asked: list[Mapping[TP, int]] = []
        self.refuses = False

    def __call__(self, offsets: Mapping[TP, int]) -> None:
        if self.refuses:
            raise UserError("Kafka does not delete records (TopicAuthorizationFailedError)")
        self.asked.append(offsets)


def trim_of(deletions: Deletions, **committed: int) -> tuple[HopTrim, dict[TP, Any]]:
    tasks = {TP(HOP, number): SimpleNamespace(committed=offset) for number, offset in enumerate(committed.values())}
    tasks[TP(SOURCE, 0)] = SimpleNamespace(committed=99)
    return HopTrim(deletions, frozenset({HOP}), tasks, 1.0), tasks  # type: ignore[arg-type]


async def test_what_is_committed_of_hops_is_deleted_and_of_no_other_topic() -> None:
    deletions = Deletions()
    trim, _ = trim_of(deletions, first=5, second=0)
    await trim.trim()
    assert [{TP(HOP, 0): 5}] == deletions.asked


async def test_nothing_is_asked_for_twice() -> None:
    deletions = Deletions()
    trim, tasks = trim_of(deletions, first=5, second=7)
    await trim.trim()
    await trim.trim()
    tasks[TP(HOP, 1)].committed = 9
    await trim.trim()
    assert [{TP(HOP, 0): 5, TP(HOP, 1): 7}, {TP(HOP, 1): 9}] == deletions.asked


async def test_what_kafka_refuses_is_said_once_and_tried_again() -> None:
    deletions = Deletions()
    trim, _ = trim_of(deletions, first=5)
    deletions.refuses = True
    with capture_logs() as logs:
        await trim.trim()
        await trim.trim()
    assert 1 == len(logs)
    deletions.refuses = False
    await trim.trim()
    assert [{TP(HOP, 0): 5}] == deletions.asked
