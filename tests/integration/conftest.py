"""The real Kafka that integration tests run against: one for the whole run."""

from collections.abc import Iterator

import pytest

from detector.local_kafka.broker import LocalKafka


@pytest.fixture(scope="session")
def kafka() -> Iterator[LocalKafka]:
    """A running broker; `kafka.bootstrap` is its address. Tests make their own topics and groups, and never stop it.

    Where Kafka cannot start the test fails: a run without it has tested nothing that matters.
    """
    with LocalKafka() as broker:
        yield broker
