"""A member of a worker's group that holds a rebalance up: the moment of joining, made as long as a test needs."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from kafka import KafkaConsumer
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor

from detector.settings import Settings

PATIENCE_S = 60.0


@contextmanager
def rebalance_held_up(settings: Settings) -> Iterator[None]:
    """Whoever joins the group inside waits until the end: this member holds its partitions and never rejoins."""
    member = KafkaConsumer(
        settings.account_events,
        # It may hear of a topic just made only the second time, and assigns nothing until then.
        metadata_max_age_ms=500,
        bootstrap_servers=list(settings.bootstrap),
        group_id=settings.group,
        enable_auto_commit=False,
        # The one a worker names; a group has one protocol.
        partition_assignment_strategy=[RoundRobinPartitionAssignor],
    )
    try:
        deadline = time.monotonic() + PATIENCE_S
        while not member.assignment():
            member.poll(200)
            assert time.monotonic() < deadline, "the bystander was given no partition"
        yield
    finally:
        member.close(autocommit=False)
