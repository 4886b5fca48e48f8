"""The Kafka a bench runs on, with its own topics, deleted at the end."""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from detector.bench.clients import confluent
from detector.kafka.topics import create
from detector.local_kafka.broker import LocalKafka
from detector.settings import Settings

Say = Callable[[str], None]


@contextmanager
def cluster(bootstrap: str, partitions: int, model: Path, say: Say) -> Iterator[Settings]:
    """Settings of a deployment whose topics nobody else has, on a Kafka started for it or on the one at `bootstrap`.

    On leaving, the Kafka started here ends with its data; on another one the topics and groups are deleted.
    """
    confluent()
    if bootstrap:
        settings = _settings(bootstrap, partitions, model)
        try:
            create(settings, partitions, 1)
            yield settings
        finally:
            with suppress(Exception):  # clean-up only: a broker that is gone must not cost the figures
                _clear(settings)
        return
    say("starting Apache Kafka")
    with LocalKafka() as kafka:
        settings = _settings(kafka.bootstrap, partitions, model)
        create(settings, partitions, 1)
        yield settings


def make_changelog(settings: Settings, group: str, partitions: int) -> None:
    """The changelog of a plain Faust app's table: one that makes it itself now and then waits for it for ever."""
    from confluent_kafka.admin import AdminClient
    from confluent_kafka.cimpl import NewTopic

    client = AdminClient({"bootstrap.servers": address(settings)})
    topic = NewTopic(f"{group}-accounts-changelog", partitions, 1, config={"cleanup.policy": "compact"})
    for answer in client.create_topics([topic]).values():
        answer.result(10)


def address(settings: Settings) -> str:
    """The brokers as confluent-kafka takes them."""
    return ",".join(settings.bootstrap)


def _settings(bootstrap: str, partitions: int, model: Path) -> Settings:
    name = f"bench-{secrets.token_hex(4)}"
    return Settings(
        bootstrap=(bootstrap,),
        prefix=f"{name}.",
        deployment=name,
        partitions=partitions,
        model=model,
        metrics_port=0,
    )


def _clear(settings: Settings) -> None:
    """Delete every topic and group that has this deployment's name in it: plain Faust makes its own."""
    from confluent_kafka.admin import AdminClient

    client = AdminClient({"bootstrap.servers": address(settings)})
    name = settings.deployment
    topics = [topic for topic in client.list_topics(timeout=10).topics if name in topic]
    groups = [group.group_id for group in client.list_consumer_groups().result(10).valid if name in group.group_id]
    deleted = {**client.delete_topics(topics), **(client.delete_consumer_groups(groups) if groups else {})}
    for answer in deleted.values():
        with suppress(Exception):  # a group may go by itself meanwhile
            answer.result(10)
