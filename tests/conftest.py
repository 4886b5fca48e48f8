"""What every test can rely on: the installed wheel where `make test` says so, one Kafka for the processes of a run."""

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from support.longest_first import longest_first
from support.shared_kafka import SharedKafka

import detector
import kozamori
import models
import producers

pytest.register_assert_rewrite("support.ports_suite")

#: A broker of a test lives for seconds: the time its JVM takes to optimise itself would never come back.
JAVA_OPTIONS = "-XX:TieredStopAtLevel=1"
SHARED_KAFKA = pytest.StashKey[SharedKafka]()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Refuse to test the checkout where the wheel is to be tested: a file missing from the wheel would go unseen."""
    if "KOZAMORI_TEST_INSTALLED" not in os.environ:
        return
    for package in (detector, producers, models, kozamori):
        folder = Path(str(package.__file__)).parent
        if not folder.is_relative_to(sys.prefix):
            raise pytest.UsageError(f"{package.__name__} comes from {folder}, expected the wheel below {sys.prefix}")


def pytest_configure() -> None:
    """Let tests interrupt what they start, and brokers start quickly.

    In the background Ctrl-C is ignored, and children would inherit that.
    """
    os.environ.setdefault("JDK_JAVA_OPTIONS", JAVA_OPTIONS)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest: processes of a run take them in this order."""
    items[:] = longest_first(items)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a process of pytest-xdist where to ask for Kafka."""
    stash = node.config.stash
    if SHARED_KAFKA not in stash:
        stash[SHARED_KAFKA] = SharedKafka()
    node.workerinput["kafka"] = stash[SHARED_KAFKA].socket


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the Kafka that the processes shared, also after Ctrl-C."""
    if SHARED_KAFKA in config.stash:
        config.stash[SHARED_KAFKA].close()
