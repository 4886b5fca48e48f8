"""When events are due: at a rate, at a multiple of event time, or at once."""

import numpy as np
import pytest

from detector.errors import UserError
from producers.pace import Pace, Schedule, speed_of


def due(pace: Pace, *parts: list[int]) -> list[float]:
    schedule = Schedule(pace)
    return [second for part in parts for second in schedule.due(np.array(part, np.int64)).tolist()]


def test_as_fast_as_possible_everything_is_due_at_once() -> None:
    assert [0.0, 0.0, 0.0] == due(Pace(), [5, 900], [7])


def test_at_a_rate_events_are_evenly_spaced_across_parts() -> None:
    assert [0.0, 0.25, 0.5, 0.75, 1.0] == due(Pace(events_per_s=4), [1, 2], [], [3, 4, 5])


def test_at_a_multiple_of_event_time_gaps_shrink_and_late_events_do_not_go_back() -> None:
    assert [0.0, 1.0, 1.0, 2.0, 2.0, 3.0] == due(Pace(speed=600), [0, 600_000, 90_000], [1_200_000, 100, 1_800_000])


@pytest.mark.parametrize(("text", "expected"), [("600x", 600.0), ("1.5x", 1.5), ("60", 60.0), (" 2x ", 2.0)])
def test_a_speed_is_a_number_with_or_without_x(text: str, expected: float) -> None:
    assert expected == speed_of(text)


@pytest.mark.parametrize("text", ["", "x", "fast", "-1x", "1e3x", "nan", "inf", "\uff16x"])
def test_another_text_is_no_speed(text: str) -> None:
    with pytest.raises(UserError, match="expected a multiple of event time such as 600x"):
        speed_of(text)


@pytest.mark.parametrize(
    "values", [{"events_per_s": 0.0}, {"speed": -1.0}, {"speed": float("inf")}, {"events_per_s": float("nan")}]
)
def test_a_pace_is_positive(values: dict[str, float]) -> None:
    with pytest.raises(UserError, match="expected a number above 0"):
        Pace(**values)


def test_rate_and_speed_together_are_refused() -> None:
    with pytest.raises(UserError, match="give one of them"):
        Pace(10, 10)
