"""Dead letters may be many or a large part of a partition; where they are both, that is told once a minute."""

from collections.abc import Iterable

from detector.stream.quota import MOST_KEYS, WINDOW_S, DeadLetterQuota, Flood


def quota() -> DeadLetterQuota:
    return DeadLetterQuota(limit_per_min=10, share=0.5)


def keys(dead: int) -> list[bytes | None]:
    return [b"key"] * dead


def test_a_burst_of_bad_records_in_a_large_stream_is_tolerated() -> None:
    assert None is quota().count("p0", 0.0, 1000, keys(400))


def test_a_few_bad_records_are_tolerated_even_when_they_are_all_there_is() -> None:
    assert None is quota().count("p0", 0.0, 10, keys(10))


def test_too_many_and_too_large_a_part_is_told_with_its_numbers() -> None:
    found = quota()
    assert None is found.count("p0", 0.0, 10, keys(10))
    assert Flood(records=12, dead_letters=11, keys=2) == found.count("p0", 1.0, 2, [None])


def test_a_flood_is_told_once_a_minute_however_long_it_lasts() -> None:
    found = quota()
    told = [second for second in range(180) if found.count("p0", float(second), 11, keys(11))]
    assert [0, WINDOW_S, 2 * WINDOW_S] == told


def test_a_new_minute_begins_at_zero() -> None:
    found = quota()
    assert None is found.count("p0", 0.0, 10, keys(10))
    assert None is found.count("p0", WINDOW_S, 10, keys(10))


def test_a_flood_in_one_partition_is_told_however_large_the_others_are() -> None:
    found = quota()
    assert None is found.count("p0", 0.0, 1_000_000, [])
    assert Flood(11, 11, 1) == found.count("p1", 0.0, 11, keys(11))


def test_partitions_below_their_quota_are_none_together() -> None:
    found = quota()
    assert {None} == {found.count(f"p{number}", 0.0, 10, keys(10)) for number in range(100)}


def test_keys_are_counted_up_to_a_bound() -> None:
    def distinct(numbers: Iterable[int]) -> list[bytes | None]:
        return [b"%d" % number for number in numbers]

    assert Flood(11, 11, 11) == quota().count("p0", 0.0, 11, distinct(range(11)))
    assert Flood(2 * MOST_KEYS, 2 * MOST_KEYS, MOST_KEYS) == quota().count(
        "p0", 0.0, 2 * MOST_KEYS, distinct(range(2 * MOST_KEYS))
    )
