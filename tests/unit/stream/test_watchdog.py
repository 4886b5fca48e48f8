"""What the watchdog finds, with a clock that the test moves."""

import asyncio
import subprocess
import sys

from detector.stream.watchdog import END_STATUS, Pulse, Signs, Stall, Watchdog, check, initial_timers

LIMIT_S = 30.0
#: (seconds, loop runs, progress, lag) at each check; the stall is that of the last.
Check = tuple[float, bool, int, int]


def stall_after(*checks: Check) -> Stall:
    beat_s = checks[0][0]
    timers = initial_timers(Signs(beat_s, checks[0][2], checks[0][3]), checks[0][0])
    stall = Stall(0.0)
    for now_s, runs, progress, lag in checks[1:]:
        beat_s = now_s if runs else beat_s
        timers, stall = check(timers, Signs(beat_s, progress, lag), now_s, LIMIT_S)
    return stall


def every_3_s(until_s: int, *, runs: bool, progress: int, lag: int) -> list[Check]:
    return [(float(now), runs, progress, lag) for now in range(3, until_s + 1, 3)]


def test_a_worker_that_makes_progress_is_well_however_long_the_queue() -> None:
    checks = [(float(now), True, now, 1_000_000) for now in range(0, 300, 3)]
    assert Stall(0.0) == stall_after(*checks)


def test_a_worker_without_waiting_records_is_well_however_long_it_is_quiet() -> None:
    assert Stall(0.0) == stall_after((0, True, 5, 0), *every_3_s(300, runs=True, progress=5, lag=0))


def test_no_progress_is_tolerated_up_to_the_limit() -> None:
    assert Stall(30.0) == stall_after((0, True, 5, 1), *every_3_s(30, runs=True, progress=5, lag=1))


def test_no_progress_with_waiting_records_beyond_the_limit_is_the_end() -> None:
    stall = stall_after((0, True, 5, 7), *every_3_s(33, runs=True, progress=5, lag=7))
    assert Stall(33.0, "no progress for 33 s with 7 records waiting, limit 30 s") == stall


def test_slices_of_a_restore_count_as_progress_and_a_restore_that_gets_none_is_the_end() -> None:
    timers = initial_timers(Signs(0.0, 0, 0, restoring=True), 0.0)
    for now in range(3, 300, 3):
        timers, stall = check(timers, Signs(float(now), now, 0, restoring=True), float(now), LIMIT_S)
        assert Stall(0.0) == stall
    for now in range(300, 330, 3):
        timers, stall = check(timers, Signs(float(now), 297, 0, restoring=True), float(now), LIMIT_S)
    assert Stall(30.0) == stall
    _, stall = check(timers, Signs(330.0, 297, 0, restoring=True), 330.0, LIMIT_S)
    assert Stall(33.0, "no progress for 33 s with rows not restored, limit 30 s") == stall


def test_records_that_arrive_late_get_the_whole_limit() -> None:
    quiet = every_3_s(300, runs=True, progress=5, lag=0)
    assert stall_after((0, True, 5, 0), *quiet, (303, True, 5, 9), (312, True, 5, 9)) == Stall(12.0)


def test_a_loop_that_does_not_run_is_the_end_even_without_waiting_records() -> None:
    stall = stall_after((0, True, 5, 0), *every_3_s(33, runs=False, progress=5, lag=0))
    assert Stall(33.0, "the event loop has not run for 33 s, limit 30 s") == stall


def test_a_machine_that_was_suspended_gets_the_whole_limit_again() -> None:
    asleep = ((0, True, 5, 7), (3, True, 5, 7), (7200, False, 5, 7))
    assert Stall(0.0) == stall_after(*asleep)
    assert stall_after(*asleep, (7212, False, 5, 7), (7224, False, 5, 7), (7231, False, 5, 7)).reason


class World:
    """Signs, clock and the two callbacks of a watchdog under test."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.notes: list[float] = []
        self.ends: list[str] = []
        self.watchdog = Watchdog(
            lambda: Signs(self.now_s, 0, 1),
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
    world.check_at(10, 20, 30)
    assert (world.notes, world.ends, world.watchdog.failure) == ([10.0, 20.0, 30.0], [], "")
    world.check_at(40, 50)
    assert world.ends == ["no progress for 40 s with 1 records waiting, limit 30 s"]
    assert world.ends == [world.watchdog.failure]


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
