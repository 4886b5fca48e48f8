"""The Kafka in memory that the model check runs on does what the shell relies on."""

import pytest
from support.memory_kafka import MemoryCluster
from support.ports_suite import PortsSuite


class TestMemory(PortsSuite):
    @pytest.fixture
    def cluster(self) -> MemoryCluster:
        return MemoryCluster()
