"""No interleaving of crashes, zombies, failed sends and rebalances loses an event or counts one twice."""

from contextlib import closing

import pytest
from support.protocol.effort import EFFORT
from support.protocol.explore import Finding, explore
from support.protocol.fake_ports import silence
from support.protocol.judge import Strict
from support.protocol.world import World
from support.protocol.worlds import WORLDS, Explored

EXPLORED = [world for world in WORLDS if EFFORT > 1 or not world.long]


def explored(explored: Explored) -> Finding:
    setup = explored.world()
    with closing(World(setup, Strict(setup))) as world:
        return explore(world, most=20_000_000)


@pytest.mark.timeout(120 * EFFORT)
@pytest.mark.parametrize("world", EXPLORED, ids=lambda world: world.name)
def test_every_interleaving_ends_as_an_uninterrupted_run(world: Explored) -> None:
    with silence():
        found = explored(world)
    print(
        f"{world.name}: {found.states:,} states, {found.settled:,} settled,"
        f" {found.worker_states:,} of workers, {found.seconds:.1f} s"
    )
    assert () == found.trace
    assert found.complete
    assert found.settled
