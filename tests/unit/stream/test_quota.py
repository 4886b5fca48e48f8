"""Dead letters may be many or a large part of the stream; where they are both, that is reported once a minute."""

from detector.stream.quota import WINDOW_S, DeadLetterQuota


def quota() -> DeadLetterQuota:
    return DeadLetterQuota(limit_per_min=10, share=0.5)


def test_a_burst_of_bad_records_in_a_large_stream_is_tolerated() -> None:
    assert not quota().count(0.0, records=1000, dead=400)


def test_a_few_bad_records_are_tolerated_even_when_they_are_all_there_is() -> None:
    assert not quota().count(0.0, records=10, dead=10)


def test_too_many_and_too_large_a_part_is_reported_with_its_numbers() -> None:
    found = quota()
    assert [False, True] == [found.count(0.0, records=10, dead=10), found.count(1.0, records=2, dead=1)]
    assert {"records": 12, "dead_letters": 11} == found.counts


def test_a_flood_is_reported_once_a_minute_however_long_it_lasts() -> None:
    found = quota()
    reported = [second for second in range(180) if found.count(float(second), records=11, dead=11)]
    assert [0, WINDOW_S, 2 * WINDOW_S] == reported


def test_a_new_minute_begins_at_zero() -> None:
    found = quota()
    assert not found.count(0.0, records=10, dead=10)
    assert not found.count(WINDOW_S, records=10, dead=10)
