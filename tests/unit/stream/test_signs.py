"""What the watchdog looks at in a worker."""

import asyncio
from collections.abc import Callable, Sequence

from support.shells import Ported

from detector.stream.signs import works_of
from detector.stream.watchdog import Signs, Timers, check

LIMIT_S = 30.0


class Turns:
    """A watcher as a test turns it."""

    turns, rest_s = 0, 2.0


def found(ported: Ported, watchers: Sequence[Turns] = ()) -> dict[str, str]:
    """What waits, by name."""
    return {name: work.waiting for name, work in works_of(ported.shell, watchers, LIMIT_S)().items() if work.waiting}


async def test_a_worker_without_partitions_has_nothing_to_do() -> None:
    assert {} == found(Ported())


async def test_rows_that_are_restored_have_the_names_of_their_partitions() -> None:
    ported = Ported()
    ported.reader.found = None  # the group moved on
    await ported.shell.begin()
    assert {"restoring rows": "counting 0"} == found(ported)


async def test_a_stage_waits_while_it_has_records_and_a_commit_while_something_was_processed() -> None:
    ported = Ported()
    task = ported.take(position=100, committed=40)
    task.lag = 7
    waiting = {"the worker": "7 records waiting", "stage counting": "7 records waiting"}
    assert waiting | {"committing": "60 records not committed"} == found(ported)
    look = works_of(ported.shell, (), LIMIT_S)
    before = look()
    task.position += 1
    assert before["stage counting"].progress != look()["stage counting"].progress
    assert before["committing"].progress == look()["committing"].progress
    await ported.shell.checkpoint()
    assert before["committing"].progress != look()["committing"].progress


async def test_a_stage_is_another_when_it_is_restored_again() -> None:
    ported = Ported()
    ported.take(position=100)
    look = works_of(ported.shell, (), LIMIT_S)
    before = look()
    task = ported.take(position=100)
    task.writer += 1
    assert before["stage counting"].progress != look()["stage counting"].progress


async def test_a_watcher_always_has_its_next_look_to_do() -> None:
    assert {"Turns": "nothing looked at since"} == found(Ported(), [Turns()])


async def hangs() -> None:
    await asyncio.Event().wait()


def told(ported: Ported, moves: Callable[[], None] = lambda: None) -> tuple[int, int, str]:
    """Seconds until `/healthz` fails and until the worker ends, and its last words, with a limit of 30 s."""
    works, timers, first_s = works_of(ported.shell, (), LIMIT_S), Timers(0.0, 0.0), 0
    for now_s in range(3, 1000, 3):
        moves()
        timers, stall = check(timers, Signs(now_s, works()), now_s, LIMIT_S)
        first_s = first_s or (now_s if stall.cause else 0)
        if stall.over:
            print(f"/healthz fails after {first_s} s, the worker ends after {now_s} s: {stall.cause}")
            return first_s, now_s, stall.cause
    raise AssertionError("the watchdog saw nothing")


async def test_a_hung_restore_is_named_with_its_partitions() -> None:
    ported = Ported()
    ported.reader.restoring = hangs
    begins = asyncio.create_task(ported.shell.begin())
    await asyncio.sleep(0.01)
    assert (21, 36, "restoring rows made no progress for 33 s with counting 0, limit 30 s") == told(ported)
    begins.cancel()


async def test_a_worker_that_does_nothing_though_records_wait_is_told() -> None:
    ported = Ported()
    ported.take(position=100).lag = 7
    assert (21, 36, "the worker made no progress for 33 s with 7 records waiting, limit 30 s") == told(ported)


async def test_a_stage_that_stands_while_others_move_is_named_later_for_it_may_wait_for_its_turn() -> None:
    ported = Ported()
    ported.take(position=100).lag = 7
    others = ported.shell._progressed
    assert (291, 306, "stage counting made no progress for 303 s with 7 records waiting, limit 300 s") == told(
        ported, others
    )


async def test_commits_that_fail_are_named() -> None:
    ported = Ported()
    task = ported.take(position=100)

    def moves() -> None:
        task.position += 1

    found = told(ported, moves)
    assert (81, 96) == found[:2]
    assert "committing made no progress for 93 s" in found[2]
