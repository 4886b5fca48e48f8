"""The same arguments give the same world; other days, other sizes of window and attacks do not change it."""

import datetime as dt
import hashlib
from pathlib import Path

import numpy as np
import pytest
from support.populations import events_of, scenario

from producers import simulation
from producers.cases import of_cases, victims_of
from producers.events import NO_CASE, Events, concatenate
from producers.jst import midnight_ms
from producers.population import BEGINS


def rows(part: Events) -> list[bytes]:
    """Each event's values as bytes, to compare whole events."""
    return np.rec.fromarrays(list(part)).tolist()  # type: ignore[no-any-return]


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("suffix", [".parquet", ".jsonl"])
@pytest.mark.parametrize("name", ["september-2020", "random"])
def test_one_seed_gives_the_same_bytes_twice(tmp_path: Path, suffix: str, name: str) -> None:
    chosen = scenario(name, cases=20, days=4, accounts=500, typologies=() if name == "random" else ("T3", "T9"))
    for folder in ("one", "two"):
        simulation.write(chosen, tmp_path / folder, suffix)
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


@pytest.mark.parametrize("name", ["ghost-wallets", "september-2020", "may-2019", "random"])
def test_attacks_leave_normal_life_as_it_is(name: str) -> None:
    attacked = events_of(scenario(name, cases=20))
    quiet = events_of(scenario(name, cases=0))
    assert rows(quiet) == rows(attacked.select(attacked.case == NO_CASE))
    assert len(victims_of(attacked)) == 20


def test_cases_of_another_typology_leave_those_of_the_first_as_they_are() -> None:
    alone = events_of(scenario(days=20, cases=4, typologies=("T1",)))
    both = events_of(scenario(days=20, cases=24, typologies=("T1", "T5")))
    assert rows(of_cases(alone)) == rows(both.select(np.isin(both.case, range(4))))


def test_without_wallet_events_the_account_events_are_the_same() -> None:
    both = events_of(scenario(days=3))
    one = events_of(scenario(days=3, wallet_events=False))
    assert rows(one) == rows(both.select(both.kind <= 2))


def test_runs_on_other_days_have_other_cases_wallets_and_events() -> None:
    one, two = (
        events_of(scenario("september-2020", start=start, days=2, cases=20))
        for start in (dt.date(2020, 9, 1), dt.date(2020, 9, 3))
    )
    one, two = of_cases(one), of_cases(two)
    for column in ("event", "wallet"):
        assert not np.intersect1d(getattr(one, column), getattr(two, column)).size


def test_the_first_day_of_the_population_can_be_simulated() -> None:
    assert events_of(scenario(start=BEGINS, days=1)).size > 0
