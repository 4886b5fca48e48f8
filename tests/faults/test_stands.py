"""How long a partition stood."""

from faults.stands import Ledger, Stand

TP = ("log", 0)


def stands(*looks: tuple[float, int, int]) -> list[Stand]:
    """Of looks at times: what was committed, and where the log ended."""
    ledger = Ledger()
    for now, committed, end in looks:
        ledger.take(now, {TP: committed} if committed else {}, {TP: end})
    return ledger.found


def test_a_partition_with_events_stands_from_the_look_that_saw_them_to_the_one_that_saw_a_commit() -> None:
    assert [Stand("log", 0, 1.0, 4.0)] == stands((1.0, 0, 5), (2.0, 0, 9), (4.0, 5, 9))


def test_a_partition_that_has_nothing_to_do_does_not_stand() -> None:
    assert [] == stands((1.0, 5, 5), (9.0, 5, 5), (9.5, 7, 7))


def test_commits_that_do_not_reach_the_end_are_stands_of_their_own() -> None:
    assert [(1.0, 2.0), (2.0, 5.0)] == [found[2:] for found in stands((1.0, 1, 9), (2.0, 2, 9), (5.0, 9, 9))]


def test_the_absence_of_kafka_does_not_count_where_it_is_taken_off() -> None:
    stand = Stand("log", 0, 10.0, 20.0)
    assert [10.0, 7.0, 8.0, 0.0] == [
        stand.without(away) for away in ([], [(12.0, 15.0)], [(0.0, 11.0), (19.0, 30.0)], [(5.0, 25.0)])
    ]


def test_the_longest_one_is_found_with_and_without_the_absence_of_kafka() -> None:
    ledger = Ledger()
    ledger.found = [Stand("log", 0, 0.0, 9.0), Stand("log", 1, 20.0, 25.0)]
    assert (ledger.found[0], ledger.found[1]) == ledger.longest([(1.0, 8.0)])
