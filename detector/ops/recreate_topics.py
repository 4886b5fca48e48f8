"""Re-creates topics empty: Kafka deletes no records of a topic that is only compacted."""

from collections.abc import Iterable, Sequence
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from detector.errors import UserError
from detector.kafka.declarations import TOPICS, Declaration, declared_config
from detector.kafka.topics import TopicFacts, describe
from detector.settings import Settings

#: What Kafka calls a setting made on the topic itself, by us or by an operator.
_DYNAMIC = "DYNAMIC_TOPIC_CONFIG"


def recreate_empty(
    client: KafkaAdminClient,
    settings: Settings,
    batches: Sequence[Sequence[str]],
    partitions: int,
    replication: int,
    attempts: Iterable[object],
) -> None:
    """Delete the declared topics of each batch after those of the one before, then create all of them again.

    What an operator set on a topic, and its number of copies, is kept; `replication` is for those that were missing.
    `attempts`: a name is free only some time after its topic was deleted, and is asked for once an item.

    Raises UserError where Kafka does not create one again, KafkaError where it refuses otherwise.
    """
    before = describe(client, [name for batch in batches for name in batch])
    configs = _own_configs(client, list(before))
    declared = {topic.name(settings): topic for topic in TOPICS}
    wanted = {
        name: _wanted(declared[name], before.get(name), configs.get(name, {}), partitions, replication)
        for batch in batches
        for name in batch
    }
    for batch in batches:
        there = [name for name in batch if name in before]
        if there:
            client.delete_topics(there)
    _create(client, wanted, attempts)
    client.wait_for_topics(list(wanted))


def _wanted(
    topic: Declaration, before: TopicFacts | None, own: dict[str, str], partitions: int, replication: int
) -> dict[str, Any]:
    copies = before.replication if before else replication
    declared = declared_config(topic, copies)
    config = {**declared, **own, "cleanup.policy": declared["cleanup.policy"]}
    return {"num_partitions": partitions, "replication_factor": copies, "configs": config}


def _own_configs(client: KafkaAdminClient, topics: list[str]) -> dict[str, dict[str, str]]:
    if not topics:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic) for topic in topics]
    found = client.describe_configs(resources, config_filter="all")["topic"]
    return {
        topic: {name: entry["value"] for name, entry in configs.items() if entry["config_source"] == _DYNAMIC}
        for topic, configs in found.items()
    }


def _create(client: KafkaAdminClient, wanted: dict[str, dict[str, Any]], attempts: Iterable[object]) -> None:
    errors: dict[str, type[KafkaError]] = {}
    fatal: list[str] = []
    left = wanted
    for _ in attempts:
        answers = client.create_topics(left, raise_errors=False)["topics"]
        errors = {answer["name"]: for_code(answer["error_code"]) for answer in answers if answer["error_code"]}
        if not errors:
            return
        fatal = [name for name, error in errors.items() if error is not TopicAlreadyExistsError]
        if fatal:
            break
        left = {name: wanted[name] for name in errors}
    name = (fatal or list(errors))[0]
    raise UserError(f"topic {name} was deleted but not created again ({errors[name].__name__}): run the reset again")
