from typing import Any

import pytest
from support.inbox_suite import InboxSuite
from support.memory_topics import MemoryInbox, MemoryTopics


class MemoryLog:
    def __init__(self) -> None:
        self._topics = MemoryTopics()

    def put(self, partition: int, *values: bytes) -> None:
        for value in values:
            self._topics.put("alerts", value, partition=partition)

    def inbox(self) -> MemoryInbox:
        return self._topics.inbox("group", ["alerts"])

    def lose(self, inbox: Any) -> None:
        assert isinstance(inbox, MemoryInbox)
        inbox.lose()

    def give_back(self) -> None:
        """It is there again at once."""


class TestTopicsInMemory(InboxSuite):
    @pytest.fixture
    def log(self) -> MemoryLog:
        return MemoryLog()
