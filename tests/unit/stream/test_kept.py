"""Which tasks go on over a rebalance: those as committed, of partitions that nobody else had meanwhile."""

from dataclasses import replace

import pytest
from aiokafka.structs import OffsetAndMetadata
from support.checkpoints import INPUT, task

from detector.kafka.marks import Marks, encode_marks
from detector.kafka.topics import TopicFacts
from detector.stream.kept import Kept
from detector.stream.partition_task import PartitionTask

MARKS = Marks(1000, "id-1", (4, 9))
ROWS = "rows"
FACTS = {INPUT.topic: TopicFacts(INPUT.topic, "id-1", 2, 1, {}), ROWS: TopicFacts(ROWS, "id-2", 2, 1, {})}
COMMIT = {INPUT: OffsetAndMetadata(7, encode_marks(MARKS))}


def settled() -> PartitionTask:
    """All that it has processed is committed, at offset 7."""
    return replace(task(committed=7), marks=MARKS, partitions=2, changelog=(ROWS, "id-2"))


def kept(*tasks: PartitionTask) -> Kept:
    found = Kept()
    found.keep(tasks, 3)
    return found


@pytest.mark.parametrize("generation", [3, 4])
def test_a_task_that_comes_straight_back_goes_on_as_another(generation: int) -> None:
    before = settled()
    found = kept(before)
    assert before.ended
    assert [] == found.hold({INPUT}, generation)
    (after,), lost = found.take(COMMIT, FACTS)
    assert [] == lost
    assert (before.processor, before.writer, 7, False) == (after.processor, after.writer, after.position, after.ended)


@pytest.mark.parametrize(
    ("assigned", "generation"),
    [(set(), 4), ({INPUT}, 5), ({INPUT}, 1)],
    ids=["it is another's", "another may have had it", "the group was made anew"],
)
def test_what_may_have_been_another_s_is_let_go(assigned: set[object], generation: int) -> None:
    before = settled()
    found = kept(before)
    assert [before] == found.hold(assigned, generation)  # type: ignore[arg-type]
    assert ([], []) == found.take(COMMIT, FACTS)


def test_over_two_rebalances_it_is_kept_where_it_was_assigned_between_them() -> None:
    found = kept(settled())
    for generation in (4, 5):
        assert [] == found.hold({INPUT}, generation)
        assert [] == found.keep([], generation)
    assert 1 == len(found.take(COMMIT, FACTS)[0])


@pytest.mark.parametrize(
    ("commits", "facts"),
    [
        ({}, FACTS),
        ({INPUT: OffsetAndMetadata(8, encode_marks(MARKS))}, FACTS),
        ({INPUT: OffsetAndMetadata(7, encode_marks(Marks(1001, "id-1", (4, 9))))}, FACTS),
        (COMMIT, FACTS | {INPUT.topic: TopicFacts(INPUT.topic, "id-9", 2, 1, {})}),
        (COMMIT, FACTS | {INPUT.topic: TopicFacts(INPUT.topic, "id-1", 3, 1, {})}),
        (COMMIT, FACTS | {ROWS: TopicFacts(ROWS, "id-9", 2, 1, {})}),
    ],
    ids=["no commit", "another offset", "other marks", "another topic", "more partitions", "another changelog"],
)
def test_a_task_does_not_go_on_where_something_else_is_stored(commits: object, facts: object) -> None:
    before = settled()
    assert ([], [before]) == kept(before).take(commits, facts)  # type: ignore[arg-type]


def test_a_task_whose_last_checkpoint_did_not_take_all_is_not_kept() -> None:
    behind, torn, ended = settled(), settled(), settled()
    behind.position, torn.torn, ended.ended = 8, True, True
    found = Kept()
    assert [behind, torn, ended] == found.keep([behind, torn, ended], 3)
    assert {} == found.tasks
    assert behind.ended
