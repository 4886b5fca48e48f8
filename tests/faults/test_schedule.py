"""What faults are drawn."""

from collections import Counter

from faults.schedule import BROKER, NETWORK, PER_MINUTE, SECONDS, ZOMBIE, draw_schedule


def test_a_seed_gives_the_same_faults_and_another_gives_others() -> None:
    assert draw_schedule(1, 2, 3) == draw_schedule(1, 2, 3)
    assert draw_schedule(1, 2, 3) != draw_schedule(2, 2, 3)


def test_there_are_as_many_faults_of_each_kind_as_asked_for_and_one_of_each_at_least() -> None:
    expected = {kind: round(25 * often) for kind, often in PER_MINUTE.items()}
    assert expected == Counter(fault.kind for fault in draw_schedule(1, 25, 3))
    assert 100 == expected["kill"]
    assert set(PER_MINUTE) == {fault.kind for fault in draw_schedule(1, 0.01, 3)}


def test_faults_come_in_order_and_leave_time_to_see_what_they_did() -> None:
    schedule = draw_schedule(1, 10, 3)
    assert sorted(schedule) == list(schedule)
    assert 540 > schedule[-1].at_s


def test_every_worker_the_network_and_the_broker_have_faults_of_their_own() -> None:
    schedule = draw_schedule(1, 10, 3)
    assert {"worker 0", "worker 1", "worker 2", BROKER, NETWORK} == {fault.lane for fault in schedule}
    assert all(fault.lane == f"worker {fault.workers[0]}" for fault in schedule if fault.lane.startswith("worker"))
    assert {(0, 1, 2), (0,), (1,), (2,)} == {
        fault.workers for fault in draw_schedule(1, 60, 3) if fault.kind == NETWORK
    }


def test_a_zombie_is_silent_for_longer_than_its_session() -> None:
    assert 6 < SECONDS[ZOMBIE][0] < min(fault.seconds for fault in draw_schedule(1, 60, 3) if fault.kind == ZOMBIE)
