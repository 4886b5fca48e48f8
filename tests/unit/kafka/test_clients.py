"""What Kafka cannot do yet is attempted again for a while."""

import pytest

from detector.kafka.clients import PAUSE_S, attempts


@pytest.mark.parametrize(("limit_s", "least", "most"), [(0.0, 1, 1), (PAUSE_S / 2, 2, 2), (1.5 * PAUSE_S, 2, 3)])
def test_an_attempt_comes_at_once_and_after_every_pause_within_the_limit(limit_s: float, least: int, most: int) -> None:
    assert least <= len(list(attempts(limit_s))) <= most
