"""What the watchdog looks at in a worker."""

import asyncio
from collections.abc import Sequence

from support.shells import INPUT, Ported

from detector.stream.signs import works_of
from detector.stream.watchdog import Signs, Stall, Timers, check

LIMIT_S = 30.0


class Turns:
    """A watcher as a test turns it."""

    turns, interval_s = 0, 2.0


def found(ported: Ported, watchers: Sequence[Turns] = ()) -> dict[str, str]:
    """What waits, by name."""
    return {name: work.waiting for name, work in works_of(ported.shell, watchers)().items() if work.waiting}


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
    assert {"stage counting": "7 records waiting", "committing": "60 records not committed"} == found(ported)
    look = works_of(ported.shell, ())
    before = look()
    task.position += 1
    assert before["stage counting"].progress != look()["stage counting"].progress
    assert before["committing"].progress == look()["committing"].progress
    await ported.shell.checkpoint()
    assert before["committing"].progress != look()["committing"].progress


async def test_a_stage_is_another_when_it_is_restored_again() -> None:
    ported = Ported()
    ported.take(position=100)
    look = works_of(ported.shell, ())
    before = look()
    task = ported.take(position=100)
    task.writer += 1
    assert before["stage counting"].progress != look()["stage counting"].progress


async def test_a_watcher_always_has_its_next_look_to_do() -> None:
    assert {"Turns": "nothing looked at since"} == found(Ported(), [Turns()])


async def hangs() -> None:
    await asyncio.Event().wait()


async def test_a_hung_restore_is_named_by_the_watchdog() -> None:
    ported = Ported()
    ported.reader.restoring = hangs
    begins = asyncio.create_task(ported.shell.begin())
    await asyncio.sleep(0.01)
    works, timers, stall = works_of(ported.shell, ()), Timers(0.0, 0.0), Stall(0.0)
    for now_s in range(3, 37, 3):
        timers, stall = check(timers, Signs(now_s, works()), now_s, LIMIT_S)
    assert "restoring rows made no progress for 33 s with counting 0, limit 30 s" == stall.cause
    assert stall.over
    begins.cancel()
    assert INPUT not in ported.shell.tasks
