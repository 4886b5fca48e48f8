"""The Faust app's settings that bound a worker's memory; it writes nothing where it starts."""

from pathlib import Path
from typing import Any

import pytest

from detector.settings import Settings
from detector.stream.app import LEAST_FETCH_BYTES, MOST_FETCH_BYTES, MOST_FETCHED_BYTES, App, build_app
from detector.stream.same_model import Runs

INPUTS = {name: f"{name}-events" for name in ("account", "forward", "wallet", "source", "cases")}


async def nothing(*_: Any) -> None:
    """Nobody calls."""


def app_of(partitions: int) -> App:
    return build_app(
        Settings(partitions=partitions),
        INPUTS,
        topics_with_rows=frozenset(),
        runs=Runs(),
        on_chunk=nothing,
        on_assigned=nothing,
        on_revoked=nothing,
    )


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


@pytest.mark.parametrize("partitions", [1, 4, 12, 13, 50, 200, 205])
async def test_what_is_fetched_of_all_partitions_together_is_bounded(partitions: int) -> None:
    app = app_of(partitions)
    size = app.conf.consumer_max_fetch_size
    assert size * partitions * len(INPUTS) <= MOST_FETCHED_BYTES or size == LEAST_FETCH_BYTES
    assert (size == MOST_FETCH_BYTES) == (partitions <= 12)
    assert LEAST_FETCH_BYTES <= size <= MOST_FETCH_BYTES


async def test_the_app_makes_no_folders_where_it_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    app_of(4)._create_directories()
    assert [] == files(tmp_path)
