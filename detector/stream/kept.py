"""What a worker keeps over a rebalance, and whether it may go on with it (PROTOCOL rule 2).

A rebalance ends every task. Of one whose last checkpoint took all that it had processed, rows, marks and writer id are
kept until the group has decided: they are those of its committed offset. If the partition is assigned to the same
worker again, its next task begins with them instead of with the changelog.
"""

from collections.abc import Iterable, Mapping

from aiokafka.structs import OffsetAndMetadata
from faust.types import TP

from detector.kafka.marks import decode_marks
from detector.kafka.topics import TopicFacts
from detector.stream.partition_task import PartitionTask


class Kept:
    """Ended tasks with rows and marks as committed, of partitions that were this worker's in `generation`."""

    def __init__(self) -> None:
        self.tasks: dict[TP, PartitionTask] = {}
        self._generation = -1

    def keep(self, ended: Iterable[PartitionTask], generation: int) -> list[PartitionTask]:
        """Keep what can go on later, held in `generation`; those that cannot."""
        lost = self.hold(set(), generation) if generation != self._generation else []
        for task in ended:
            if task.settled:
                self.tasks[task.tp] = task
            else:
                lost.append(task)
            task.ended = True
        return lost

    def hold(self, assigned: set[TP], generation: int) -> list[PartitionTask]:
        """The group has assigned these in `generation`: let go, and return, what may have been another worker's.

        A partition has one owner in a generation. Between this worker's two there was none where they are the same or
        follow each other.
        """
        follows = self._follows(generation)
        lost = [task for tp, task in self.tasks.items() if not follows or tp not in assigned]
        for task in lost:
            del self.tasks[task.tp]
        self._generation = generation
        return lost

    def _follows(self, generation: int) -> bool:
        return 0 <= generation - self._generation <= 1

    def take(
        self, commits: Mapping[TP, OffsetAndMetadata], facts: Mapping[str, TopicFacts]
    ) -> tuple[list[PartitionTask], list[PartitionTask]]:
        """Tasks that go on, and the ended ones that cannot: another offset is committed now, or the topic is another.

        Nothing is kept afterwards.
        """
        ended, self.tasks = list(self.tasks.values()), {}
        stay, lost = [], []
        for task in ended:
            if self._as_left(task, commits.get(task.tp)) and _same_topics(task, facts):
                stay.append(task.continued())
            else:
                lost.append(task)
        return stay, lost

    def _as_left(self, task: PartitionTask, found: OffsetAndMetadata | None) -> bool:
        return found is not None and (found.offset, decode_marks(found.metadata)) == (task.committed, task.marks)


def _same_topics(task: PartitionTask, facts: Mapping[str, TopicFacts]) -> bool:
    rows, rows_id = task.changelog
    found = facts[task.tp.topic]
    return (found.topic_id, found.partitions) == (task.topic_id, task.partitions) and (
        not rows or facts[rows].topic_id == rows_id
    )
