"""The same arguments give the same world; other days, other sizes of window and attacks do not change it."""

import datetime as dt
import hashlib
from pathlib import Path

import numpy as np
import pytest
from support.populations import events_of, scenario

from producers import simulation
from producers.events import NO_CASE, Events, concatenate
from producers.jst import midnight_ms
from producers.population import BEGINS


def rows(part: Events) -> list[bytes]:
    """Each event's values as bytes, to compare whole events."""
    return np.rec.fromarrays(list(part)).tolist()  # type: ignore[no-any-return]


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
def test_one_seed_gives_the_same_bytes_twice(tmp_path: Path, suffix: str) -> None:
    chosen = scenario("september-2020", cases=3, days=4)
    for name in ("one", "two"):
        simulation.write(chosen, tmp_path / name, suffix)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")
    assert set(digests(tmp_path / "one")) == {f"events{suffix}", f"labels{suffix}", "summary.json"}


def test_another_seed_gives_other_events() -> None:
    one, two = (events_of(scenario(days=1, seed=seed)) for seed in (1, 2))
    assert not np.intersect1d(one.event, two.event).size


def test_two_runs_in_a_row_show_what_one_long_run_shows() -> None:
    long = scenario(start=dt.date(2020, 8, 28), days=8)
    first = scenario(start=dt.date(2020, 8, 28), days=4)
    second = scenario(start=dt.date(2020, 9, 1), days=4)
    assert rows(events_of(long)) == rows(concatenate([events_of(first), events_of(second)]))


def test_a_window_within_a_month_shows_a_part_of_the_month() -> None:
    month = events_of(scenario(start=dt.date(2020, 7, 1), days=31))
    middle = events_of(scenario(start=dt.date(2020, 7, 10), days=5))
    within = (month.arrival_ms >= midnight_ms(dt.date(2020, 7, 10))) & (
        month.arrival_ms < midnight_ms(dt.date(2020, 7, 15))
    )
    assert rows(month.select(within)) == rows(middle)


def test_attacks_leave_normal_life_as_it_is() -> None:
    attacked = events_of(scenario("september-2020", cases=9))
    quiet = events_of(scenario("september-2020", cases=0))
    assert rows(quiet) == rows(attacked.select(attacked.case == NO_CASE))
    assert set(range(9)) == set(attacked.case.tolist()) - {NO_CASE}


def test_without_wallet_events_the_account_events_are_the_same() -> None:
    both = events_of(scenario(days=3))
    one = events_of(scenario(days=3, wallet_events=False))
    assert rows(one) == rows(both.select(both.kind <= 2))


def test_runs_on_other_days_have_other_cases_wallets_and_events() -> None:
    one, two = (
        events_of(scenario("september-2020", start=start, days=2, cases=5))
        for start in (dt.date(2020, 9, 1), dt.date(2020, 9, 3))
    )
    one, two = one.select(one.case != NO_CASE), two.select(two.case != NO_CASE)
    for column in ("event", "wallet"):
        assert not np.intersect1d(getattr(one, column), getattr(two, column)).size


def test_the_first_day_of_the_population_can_be_simulated() -> None:
    assert events_of(scenario(start=BEGINS, days=1)).size > 0
