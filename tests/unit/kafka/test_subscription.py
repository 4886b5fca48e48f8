from detector.kafka.subscription import RecentIds


def test_an_id_is_repeated_from_its_second_time_on() -> None:
    recent = RecentIds(limit=10)
    expected = [False, False, True, True]
    assert expected == [recent.repeated(name) for name in ("a", "b", "a", "a")]


def test_only_the_last_ids_are_remembered() -> None:
    recent = RecentIds(limit=2)
    expected = [False, False, False, True, False]
    assert expected == [recent.repeated(name) for name in ("a", "b", "c", "b", "a")]
