"""What every test can rely on: the installed wheel where `make test` says so, one Kafka for the processes of a run."""

import os
import signal
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from support.longest_first import longest_first
from support.shared_kafka import SharedKafka
from support.turns import Turns

import detector
import kozamori
import models
import producers

pytest.register_assert_rewrite("support.ports_suite")

#: A broker of a test lives for seconds: the time its JVM takes to optimise itself would never come back.
JAVA_OPTIONS = "-XX:TieredStopAtLevel=1"
SHARED_KAFKA = pytest.StashKey[SharedKafka]()
TURNS = pytest.StashKey[Turns]()


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


# Before pytest-timeout's own: nobody's seconds are spent with waiting for a turn.
@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, bool | None, bool | None]:
    """Let a test marked `alone` run while no other process runs one."""
    workerinput = getattr(item.config, "workerinput", None)
    if workerinput is None:
        return (yield)
    with Turns(workerinput["turns"]).turn(alone=item.get_closest_marker("alone") is not None):
        return (yield)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a process of pytest-xdist where to ask for Kafka, and for a turn."""
    stash = node.config.stash
    if SHARED_KAFKA not in stash:
        stash[SHARED_KAFKA], stash[TURNS] = SharedKafka(), Turns()
    node.workerinput |= {"kafka": stash[SHARED_KAFKA].socket, "turns": stash[TURNS].folder}


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the Kafka that the processes shared and remove their locks, also after Ctrl-C."""
    if SHARED_KAFKA in config.stash:
        config.stash[SHARED_KAFKA].close()
        config.stash[TURNS].close()
