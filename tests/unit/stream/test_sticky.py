"""Who is assigned what: even shares, and of what members had as little moves as that allows."""

import random
from collections import Counter
from collections.abc import Mapping

import pytest
from faust.types import TP

from detector.stream.sticky import Assigned, Member, assign

TOPICS = "account-events", "wallet-events", "hop.wallet", "hop.cases"


def partitions(count: int) -> list[TP]:
    return [TP(topic, number) for topic in TOPICS for number in range(count)]


def members(found: Mapping[str, Assigned], generation: int) -> dict[str, Member]:
    """What they say of themselves at the next rebalance."""
    return {name: Member(generation, each.has, each.follows) for name, each in found.items()}


def moved(before: Mapping[str, Assigned], after: Mapping[str, Assigned]) -> int:
    """Partitions that have another owner."""
    return sum(len(after[name].has - before[name].has) for name in after if name in before) + sum(
        len(after[name].has) for name in after if name not in before
    )


def is_even(found: Mapping[str, Assigned]) -> bool:
    counts = [Counter(tp.topic for tp in each.has) for each in found.values()]
    totals = [each.total() for each in counts]
    of_topics = [[each[topic] for each in counts] for topic in TOPICS]
    return all(max(shares) - min(shares) <= 1 for shares in [*of_topics, totals])


def test_a_third_member_takes_a_third_and_leaves_the_rest() -> None:
    two = assign(partitions(6), {"a": Member(), "b": Member()})
    three = assign(partitions(6), members(two, 1) | {"c": Member()})
    assert is_even(three)
    assert len(TOPICS) * 6 // 3 == len(three["c"].has) == moved(two, three)


def test_of_a_member_that_goes_only_its_own_move() -> None:
    three = assign(partitions(6), dict.fromkeys("abc", Member()))
    two = assign(partitions(6), {name: member for name, member in members(three, 1).items() if name != "c"})
    assert is_even(two)
    assert len(three["c"].has) == moved(three, two)


def test_of_two_that_had_a_partition_the_later_one_keeps_it() -> None:
    had = frozenset(partitions(1)[:2])
    found = assign(partitions(1), {"a": Member(3, had), "b": Member(4, had)})
    assert had <= found["b"].has


def test_what_moves_goes_to_who_follows_it() -> None:
    three = assign(partitions(6), dict.fromkeys("abc", Member()), 1, TOPICS)
    assert {len(TOPICS) * 2} == {len(each.follows) for each in three.values()}, "nobody follows more than their share"
    left = {name: member for name, member in members(three, 1).items() if name != "c"}
    two = assign(partitions(6), left, 1, TOPICS)
    gone = three["c"].has
    assert [] == [tp for name in left for tp in gone & two[name].has if tp not in left[name].follows]
    assert is_even(two)


@pytest.mark.parametrize(("expected", "standbys"), [(0, 0), (1, 1), (2, 2), (2, 5)])
def test_each_partition_with_rows_has_as_many_standbys_as_there_are_others(expected: int, standbys: int) -> None:
    found = assign(partitions(4), dict.fromkeys("abc", Member()), standbys, TOPICS[2:])
    follows = Counter(tp for each in found.values() for tp in each.follows)
    assert {tp: expected for tp in partitions(4) if tp.topic in TOPICS[2:] and expected} == follows
    assert not any(each.has & each.follows for each in found.values())


@pytest.mark.parametrize("seed", range(20))
def test_shares_stay_even_whoever_comes_and_goes(seed: int) -> None:
    rng = random.Random(seed)
    everything = partitions(rng.randrange(1, 9))
    present = {"m0": Member()}
    for generation in range(1, 15):
        found = assign(everything, present, 1, TOPICS)
        assert sorted(everything) == sorted(tp for each in found.values() for tp in each.has)
        assert is_even(found)
        assert assign(everything, members(found, generation), 1, TOPICS) == found, "nothing moves without a reason"
        present = members(found, generation)
        if len(present) > 1 and rng.random() < 0.5:
            del present[rng.choice(sorted(present))]
        else:
            present[f"m{generation}"] = Member()
