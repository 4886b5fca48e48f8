"""Where the demo plays: a Kafka of its own, or an existing one under topic names of its own."""

import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from detector.demo.interrupts import Interrupts
from detector.demo.plan import PARTITIONS
from detector.demo.screen import Screen
from detector.errors import UserError
from detector.kafka.clients import admin_client
from detector.kafka.declarations import declared
from detector.kafka.groups import active_members, delete_group
from detector.kafka.topics import create, inspect
from detector.local_kafka.broker import LocalKafka
from detector.local_kafka.jars import KAFKA_VERSION
from detector.settings import Settings, load_settings

#: Names the consumer group, beside workers that may run on the same cluster.
DEPLOYMENT = "demo"


@dataclass(frozen=True, slots=True)
class Cluster:
    """Topics to play on, and a folder for files; `require_running` raises UserError when the demo's Kafka has ended."""

    settings: Settings
    folder: Path
    require_running: Callable[[], None]


@contextmanager
def own_cluster(screen: Screen, interrupts: Interrupts) -> Iterator[Cluster]:
    """A Kafka that is gone, with its folder, when the context is left or this process is killed."""
    with interrupts.tidy() as stack:
        with screen.step("Starting Apache Kafka") as step:
            with interrupts.held():
                kafka = LocalKafka(progress=step.show)
                stack.callback(kafka.close)
            kafka.start()
            settings = Settings(bootstrap=(kafka.bootstrap,), deployment=DEPLOYMENT, metrics_port=0)
            create(settings, PARTITIONS, replication=1)
            step.say(f"Apache Kafka {KAFKA_VERSION} on {kafka.bootstrap}, topics created")

        def require_running() -> None:
            if not kafka.running:
                raise UserError("Kafka ended while the demo ran: see that the machine has memory to spare, run again")

        # Inside Kafka's own folder, which is removed even if this process is killed.
        folder = kafka.node.folder / "demo"
        folder.mkdir()
        yield Cluster(settings, folder, require_running)


@contextmanager
def existing_cluster(bootstrap: str, screen: Screen, interrupts: Interrupts) -> Iterator[Cluster]:
    """A cluster that runs already; topics and group get names of their own and are deleted on leaving."""
    flags = {
        "bootstrap": bootstrap,
        "prefix": f"kozamori-demo-{secrets.token_hex(4)}.",
        "deployment": f"{DEPLOYMENT}-{secrets.token_hex(4)}",
        "metrics_port": 0,
    }
    settings = load_settings(flags, environ={})
    with interrupts.tidy() as stack:
        with interrupts.held():
            folder = Path(tempfile.mkdtemp(prefix="kozamori-demo-"))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        with screen.step("Creating topics") as step:
            inspect(settings)  # an unreachable cluster has nothing to delete
            stack.callback(_delete, settings)
            create(settings, PARTITIONS, replication=1)
            step.say(f"Topics {settings.prefix}… created on {bootstrap}, deleted at the end")
        yield Cluster(settings, folder, lambda: None)


def _delete(settings: Settings) -> None:
    with admin_client(settings) as client:
        client.delete_topics(
            [topic.name(settings) for topic in declared(settings) if topic.name(settings) in inspect(settings)]
        )
        active_members(client, settings.group)  # waits until a new cluster can answer questions about groups
        delete_group(client, settings.group)
