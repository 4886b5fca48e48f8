"""The arithmetic of the bench: what a lap, a ratio and a wait are."""

import time
from importlib.util import find_spec

import msgspec
import numpy as np
import pytest

from detector.bench.contestants import CONTESTANTS
from detector.bench.lap import Lap, Stopwatch
from detector.bench.latency import waits_ms
from detector.bench.stream import WORKERS, ratios
from detector.core.chains import CHAINS
from detector.errors import KozamoriError


def report(**speeds: float) -> dict[str, object]:
    return {"results": [{"name": name, "events_per_s": speed} for name, speed in speeds.items()]}


def event(event_id: str) -> bytes:
    return msgspec.json.encode({"event_id": event_id})


def test_a_lap_knows_its_throughput_and_its_cost() -> None:
    lap = Lap(events=200, seconds=4.0, cpu_seconds=0.001)
    assert 50.0 == lap.events_per_s
    assert pytest.approx(5.0) == lap.cpu_us_per_event


def test_the_clock_runs_from_the_first_record_whatever_comes_later() -> None:
    stopwatch = Stopwatch()
    time.sleep(0.05)
    began = time.perf_counter()
    stopwatch.start()
    time.sleep(0.02)
    stopwatch.start()
    lap = stopwatch.stop(1)
    assert 0.02 <= lap.seconds <= time.perf_counter() - began


def test_without_a_record_there_is_no_lap() -> None:
    with pytest.raises(RuntimeError, match="no record"):
        Stopwatch().stop(0)


def test_the_worker_is_compared_with_the_faster_plain_faust() -> None:
    found = ratios(report(bare=100.0, worker=80.0, faust_batched=4.0, faust_per_event=0.5))
    assert {"the faster plain Faust": 20.0, "plain Faust per event": 160.0, "bare": 0.8} == found


def test_what_was_not_run_is_not_compared() -> None:
    assert {"bare": 0.5} == ratios(report(bare=100.0, worker=50.0))
    assert {} == ratios(report(bare=100.0))


def test_a_wait_is_from_handing_over_to_receiving_once_warm() -> None:
    values = [event("warm-up"), event("a"), event("b")]
    sent = np.array([0.0, 5.0, 6.0])
    received = [("warm-up", 9.0), ("a", 5.010), ("b", 6.2)]
    np.testing.assert_allclose([10.0, 200.0], waits_ms(values, sent, received, warm_up_s=3.0))


def test_an_event_delivered_twice_counts_from_its_first_delivery() -> None:
    values = [event("first"), event("a"), event("a")]
    waits = waits_ms(values, np.array([0.0, 5.0, 7.0]), [("a", 5.5)], warm_up_s=1.0)
    np.testing.assert_allclose([500.0], waits)


def test_without_an_alert_after_the_warm_up_there_is_no_figure() -> None:
    with pytest.raises(KozamoriError, match="no alert"):
        waits_ms([event("a")], np.array([0.0]), [("a", 1.0)], warm_up_s=3.0)


@pytest.mark.parametrize("name", [contestant.name for contestant in CONTESTANTS])
def test_every_contestant_is_a_chain_of_the_worker_or_has_a_module_of_its_name(name: str) -> None:
    assert name in WORKERS or find_spec(f"detector.bench.{name}") is not None


def test_every_chain_takes_part_once() -> None:
    assert sorted(chain.name for chain in CHAINS) == sorted(chain.name for chain in WORKERS.values())
    assert {contestant.name for contestant in CONTESTANTS} > WORKERS.keys()
