"""What the watchdog finds, with a clock that the test moves."""

import asyncio
import subprocess
import sys
from collections.abc import Mapping

import pytest

from detector.stream.watchdog import END_STATUS, Pulse, Signs, Stall, Timers, Watchdog, Work, check

LIMIT_S = 30.0
EVERY_S = 3
#: What a worker has to get on with; the tests let one of them stand.
WAITING = {
    "restoring rows": "wallet 3",
    "stage wallet": "7 records waiting",
    "committing": "9 records not committed",
    "LagWatch": "nothing looked at since",
}


class Worker:
    """Everything waits and gets on at every check, but for what a test lets stand."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.beat_s = 0.0
        self.away = False
        self.runs = True
        self.stands: set[str] = set()
        self.waiting: Mapping[str, str] = WAITING
        self.pauses: Mapping[str, float] = {}
        self.moves = dict.fromkeys(WAITING, 0)
        self.timers = Timers(0.0, 0.0)

    def until(self, now_s: float, every_s: float = EVERY_S) -> Stall:
        """The stall found by the last of the checks until then."""
        stall = Stall(0.0)
        while self.now_s < now_s:
            self.now_s += every_s
            self.beat_s = self.now_s if self.runs else self.beat_s
            for name in self.moves.keys() - self.stands:
                self.moves[name] += 1
            works = {
                name: Work(self.moves[name], waiting, self.pauses.get(name, 0.0))
                for name, waiting in self.waiting.items()
            }
            signs = Signs(self.beat_s, works, self.away)
            self.timers, stall = check(self.timers, signs, self.now_s, LIMIT_S)
        return stall


def test_a_worker_that_gets_on_is_well_however_long_the_queues() -> None:
    assert Stall(0.0) == Worker().until(300)


def test_a_worker_for_whom_nothing_waits_is_well_however_long_it_is_quiet() -> None:
    worker = Worker()
    worker.stands, worker.waiting = set(WAITING), dict.fromkeys(WAITING, "")
    assert Stall(0.0) == worker.until(300)


@pytest.mark.parametrize("stands", WAITING)
def test_what_stands_while_all_else_moves_is_named_from_half_the_limit_on_and_is_the_end_beyond_it(
    stands: str,
) -> None:
    worker = Worker()
    worker.until(60)
    worker.stands = {stands}
    assert Stall(15.0) == worker.until(75)
    told = worker.until(78)
    assert Stall(18.0, f"{stands} made no progress for 18 s with {WAITING[stands]}, limit 30 s") == told
    assert not worker.until(90).over
    end = worker.until(93)
    assert Stall(33.0, f"{stands} made no progress for 33 s with {WAITING[stands]}, limit 30 s", over=True) == end
    print(f"{stands}: /healthz fails after 18 s, the worker ends after 33 s, with a limit of 30 s")


def test_a_watcher_that_rests_between_two_looks_may_rest() -> None:
    worker = Worker()
    worker.stands, worker.pauses = {"LagWatch"}, {"LagWatch": 3600.0}
    assert Stall(0.0) == worker.until(3600)
    assert worker.until(3636).over


def test_what_stands_longest_is_told() -> None:
    worker = Worker()
    worker.stands = {"stage wallet"}
    worker.until(9)
    worker.stands = {"stage wallet", "committing"}
    assert worker.until(36).cause.startswith("stage wallet")


def test_what_begins_to_wait_gets_the_whole_limit() -> None:
    worker = Worker()
    worker.stands, worker.waiting = {"stage wallet"}, WAITING | {"stage wallet": ""}
    worker.until(300)
    worker.waiting = WAITING
    assert Stall(15.0) == worker.until(315)


def test_what_appears_gets_the_whole_limit() -> None:
    worker = Worker()
    worker.stands, worker.waiting = {"stage wallet"}, {}
    worker.until(300)
    worker.waiting = WAITING
    assert Stall(12.0) == worker.until(315)


def test_nothing_is_held_against_a_worker_while_kafka_is_away_and_afterwards_it_gets_the_whole_limit() -> None:
    worker = Worker()
    worker.stands, worker.away = set(WAITING), True
    assert Stall(0.0) == worker.until(300)
    worker.away = False
    assert Stall(15.0) == worker.until(315)
    assert worker.until(333).over


def test_a_loop_that_does_not_run_is_the_end_also_while_kafka_is_away_and_nothing_waits() -> None:
    worker = Worker()
    worker.until(60)
    worker.runs, worker.away, worker.waiting = False, True, {}
    assert Stall(33.0, "the event loop has not run for 33 s, limit 30 s", over=True) == worker.until(93)


def test_a_machine_that_was_suspended_gets_the_whole_limit_again() -> None:
    worker = Worker()
    worker.until(60)
    worker.stands = set(WAITING)
    assert Stall(0.0) == worker.until(7260, every_s=7200)
    assert worker.until(7293).over


class World:
    """Signs, clock and the two callbacks of a watchdog under test."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.notes: list[float] = []
        self.ends: list[str] = []
        self.watchdog = Watchdog(
            lambda: Signs(self.now_s, {"committing": Work(0, "1 record not committed")}),
            limit_s=LIMIT_S,
            note=self.notes.append,
            end=self.ends.append,
            clock=lambda: self.now_s,
        )

    def check_at(self, *times_s: float) -> None:
        for self.now_s in times_s:
            self.watchdog.check()


def test_the_watchdog_notes_every_check_and_ends_the_process_once() -> None:
    world = World()
    world.check_at(5, 15, 25)
    assert ([0.0, 10.0, 20.0], []) == (world.notes, world.ends)
    assert "committing made no progress for 20 s with 1 record not committed, limit 30 s" == world.watchdog.cause
    world.check_at(36, 46)
    assert ["committing made no progress for 31 s with 1 record not committed, limit 30 s"] == world.ends
    assert world.ends == [world.watchdog.cause]


def test_the_thread_stops_when_asked_to() -> None:
    world = World()
    world.watchdog.start()
    world.watchdog.stop()
    world.watchdog.stop()
    assert world.ends == []


async def test_the_pulse_beats_on_the_loop_until_stopped() -> None:
    times_s = iter(range(100))
    pulse = Pulse(clock=lambda: next(times_s))
    pulse.start(asyncio.get_running_loop())
    assert pulse.beat_s == 1
    pulse.stop()


def test_the_process_ends_with_its_own_status_and_shows_where_threads_stand() -> None:
    code = "from detector.stream.watchdog import end_process; end_process('nothing moved')"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == END_STATUS
    assert "nothing moved" in ended.stdout + ended.stderr
    assert "most recent call first" in ended.stderr
