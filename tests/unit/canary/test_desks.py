"""What a desk has not read, and for how long."""

from detector.canary.desks import Desk
from detector.observe.canary_metrics import Unread


def test_a_desk_that_reads_everything_has_nothing_unread() -> None:
    desk = Desk()
    for end in (5, 9, 9, 12):
        assert Unread(0, 0.0) == desk.look({0: end, 1: end}, {0: end, 1: end}, 60.0 * end)


def test_the_oldest_unread_alert_is_as_old_as_the_look_at_which_it_was_first_there() -> None:
    desk = Desk()
    assert Unread(0, 0.0) == desk.look({0: 5}, {0: 5}, 100.0)
    assert Unread(2, 0.0) == desk.look({0: 7}, {0: 5}, 160.0)
    assert Unread(4, 60.0) == desk.look({0: 9}, {0: 5}, 220.0)
    assert Unread(2, 60.0) == desk.look({0: 9}, {0: 7}, 280.0), "what came at 220 is left"
    assert Unread(0, 0.0) == desk.look({0: 9}, {0: 9}, 340.0)


def test_the_partition_that_waits_longest_counts() -> None:
    desk = Desk()
    desk.look({0: 1, 1: 1}, {0: 1, 1: 1}, 0.0)
    desk.look({0: 2, 1: 1}, {0: 1, 1: 1}, 60.0)
    assert Unread(2, 60.0) == desk.look({0: 2, 1: 2}, {0: 1, 1: 1}, 120.0)


def test_a_group_that_has_committed_nothing_is_held_to_what_came_since_the_first_look() -> None:
    desk = Desk()
    assert Unread(0, 0.0) == desk.look({0: 500}, {}, 0.0)
    assert Unread(3, 0.0) == desk.look({0: 503}, {}, 60.0)
    assert Unread(3, 60.0) == desk.look({0: 503}, {}, 120.0)
