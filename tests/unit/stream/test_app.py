"""The Faust app's settings that bound a worker's memory."""

from typing import Any

import pytest

from detector.settings import Settings
from detector.stream.app import LEAST_FETCH_BYTES, MOST_FETCH_BYTES, MOST_FETCHED_BYTES, build_app

INPUTS = {name: f"{name}-events" for name in ("account", "forward", "wallet", "source", "cases")}


async def nothing(*_: Any) -> None:
    """Nobody calls."""


@pytest.mark.parametrize("partitions", [1, 4, 12, 13, 50, 200, 205])
async def test_what_is_fetched_of_all_partitions_together_is_bounded(partitions: int) -> None:
    app = build_app(
        Settings(partitions=partitions),
        INPUTS,
        topics_with_rows=frozenset(),
        on_chunk=nothing,
        on_assigned=nothing,
        on_revoked=nothing,
    )
    size = app.conf.consumer_max_fetch_size
    assert size * partitions * len(INPUTS) <= MOST_FETCHED_BYTES or size == LEAST_FETCH_BYTES
    assert (size == MOST_FETCH_BYTES) == (partitions <= 12)
    assert LEAST_FETCH_BYTES <= size <= MOST_FETCH_BYTES
