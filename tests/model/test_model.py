"""The model itself: what it expects is right, what it remembers of workers is enough."""

from collections import Counter
from contextlib import closing

import msgspec
import pytest
from support.protocol.explore import explore
from support.protocol.fake_ports import silence
from support.protocol.judge import Lenient, Strict
from support.protocol.scenes import FIRST_OFFSET, YEN, Happening, accounts_world, both_world
from support.protocol.world import Left, Setup, World

LOG = (
    Happening(1),
    Happening(2),
    Happening(1, event_id="a"),
    Happening(1, event_id="a"),
    Happening(3, valid=False),
    Happening(1),
)


def test_an_uninterrupted_run_counts_every_distinct_event_once() -> None:
    with silence():
        judge = Strict(both_world(LOG, Left()))
    letters = {f"dl-account-events-0-{FIRST_OFFSET + 4}"}
    applied = [place for place in range(len(LOG)) if place not in {3, 4}]
    alerts = {f"counting-account-events-0-{FIRST_OFFSET + place}" for place in applied}
    assert letters | alerts == set(judge.outputs)
    seen: Counter[int] = Counter()
    for place in applied:
        who = LOG[place].who
        alert = msgspec.json.decode(judge.outputs[f"counting-account-events-0-{FIRST_OFFSET + place}"][1])
        assert (seen[who], YEN * (seen[who] + 1)) == (alert["update"], alert["yen_debited"])
        seen[who] += 1


class Visited(Lenient):
    """Collects what was ever durable."""


def durables(setup: Setup, *, remembers: bool) -> set[object]:
    with closing(World(setup, Strict(setup), remembers=remembers)) as world:
        assert () == explore(world).trace
        return set(world.kafka.durables)


@pytest.mark.parametrize("left", [Left(), Left(failures=1)])
def test_workers_that_look_equal_are_equal(left: Left) -> None:
    with silence():
        setup = accounts_world((Happening(1),), left)
        assert durables(setup, remembers=False) == durables(setup, remembers=True)


def test_the_same_story_makes_the_same_worker() -> None:
    setup = accounts_world((Happening(1), Happening(2)), Left())
    with silence(), closing(World(setup, Strict(setup))) as one, closing(World(setup, Strict(setup))) as other:
        assert explore(one)[:3] == explore(other)[:3]
