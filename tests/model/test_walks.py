"""Long random runs over two stages, four kinds of events and two partitions end as uninterrupted ones."""

import random

import pytest
from support.protocol.effort import EFFORT
from support.protocol.fake_ports import silence
from support.protocol.scenes import wallets_world
from support.protocol.walk import walk
from support.protocol.world import Left

LEFT = Left(crashes=3, zombies=2, failures=1, refusals=1, rebalances=2, returns=1, looks=2, old_chunks=2)


@pytest.mark.timeout(120 * EFFORT)
@pytest.mark.parametrize("seed", range(10 if EFFORT == 1 else 100 * EFFORT))
def test_a_random_run_ends_as_an_uninterrupted_one(seed: int) -> None:
    rng = random.Random(seed)
    setup = wallets_world(
        rng,
        rng.randrange(6, 10 + 5 * EFFORT),
        LEFT,
        compacts=rng.random() < 0.7,
        refused_go_on=rng.random() < 0.7,
        chunk_sizes=(1, 2, 5),
        skipped=rng.randrange(2),
    )
    with silence():
        walked = walk(setup, seed, steps=400 * EFFORT)
    print(f"seed {seed}: {walked.steps} steps, {walked.faults} faults, {walked.events} records in logs")
    assert walked.events >= 24
