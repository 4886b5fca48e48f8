from random import Random

import pytest

from detector.notify.retry import LONGEST_WISH_S, Circuit, Pace

PACE = Pace()


class Chance(Random):
    """Draws a fixed share of every range."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self._share = share

    def uniform(self, a: float, b: float) -> float:
        return a + self._share * (b - a)


def test_the_bound_of_the_wait_doubles_up_to_the_longest() -> None:
    circuit = Circuit(PACE, Chance(1.0))
    closed = [0.5, 1, 2, 4]
    opened = [PACE.open_s + bound for bound in (8, 16, 30, 30)]
    assert closed + opened == [circuit.failed() for _ in range(8)]


def test_the_wait_is_drawn_from_the_whole_range() -> None:
    circuit = Circuit(PACE, Random(7))
    waits = []
    for _ in range(2_000):
        circuit.failed()
        circuit.failed()
        waits.append(circuit.failed())
        circuit.delivered()
    assert pytest.approx(1.0, abs=0.05) == sum(waits) / len(waits)
    assert (True, True) == (min(waits) < 0.02, 1.98 < max(waits) <= 2.0)


def test_the_same_seed_waits_the_same() -> None:
    one, other = (Circuit(PACE, Random("1 soc")) for _ in range(2))
    assert [one.failed() for _ in range(20)] == [other.failed() for _ in range(20)]


def test_the_circuit_opens_after_failures_in_a_row_tries_once_and_closes_with_a_success() -> None:
    circuit, seen = Circuit(PACE, Random(1)), []
    for _ in range(PACE.failures):
        circuit.attempts()
        seen.append(circuit.state)
        circuit.failed()
    seen.append(circuit.state)
    circuit.attempts()
    seen.append(circuit.state)
    circuit.failed()
    seen.append(circuit.state)
    circuit.attempts()
    circuit.delivered()
    seen.append(circuit.state)
    assert [*["closed"] * 5, "open", "half-open", "open", "closed"] == seen


def test_a_receiver_that_is_back_is_asked_within_45_s_however_long_it_was_away() -> None:
    circuit = Circuit(PACE, Chance(1.0))
    assert max(circuit.failed() for _ in range(5_000)) == 45.0


@pytest.mark.parametrize(("wish_s", "expected_s"), [(0.0, 0.5), (0.2, 0.5), (7.0, 7.0), (1e12, LONGEST_WISH_S)])
def test_a_wish_of_the_receiver_counts_within_reason(wish_s: float, expected_s: float) -> None:
    assert expected_s == Circuit(PACE, Chance(1.0)).failed(wish_s)
