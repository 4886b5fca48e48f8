"""Brokers of tests, all of one version: `KOZAMORI_TEST_KAFKA=3.9` makes it the earlier one."""

import os
from typing import Any

from detector.local_kafka.broker import LocalKafka
from detector.local_kafka.jars import EARLIER_VERSION, KAFKA_VERSION

ASKED = os.environ.get("KOZAMORI_TEST_KAFKA", "")
#: The pinned version that begins as asked for.
(VERSION,) = {KAFKA_VERSION} if not ASKED else {v for v in (KAFKA_VERSION, EARLIER_VERSION) if v.startswith(ASKED)}


def local_kafka(**options: Any) -> LocalKafka:
    """A broker of one's own, not started; `options` are those of `LocalKafka`."""
    return LocalKafka(**{"version": VERSION, **options})
