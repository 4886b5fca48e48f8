"""The broker that the processes of a test run share."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from kafka import KafkaAdminClient
from support.shared_kafka import SharedKafka, ask


def brokers(bootstrap: str) -> int:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        return len(admin.describe_cluster()["brokers"])
    finally:
        admin.close()


def test_all_who_ask_are_given_one_broker_that_ends_with_the_run() -> None:
    shared = SharedKafka()
    try:
        assert not shared.running, "it was started before anybody asked"
        with ThreadPoolExecutor(3) as pool:
            (cluster,) = set(pool.map(ask, [shared.socket] * 3))
        assert 1 == brokers(cluster.bootstrap)
    finally:
        shared.close()
    assert not shared.running
    with pytest.raises(OSError, match=r"refused|No such file"):
        ask(shared.socket)
