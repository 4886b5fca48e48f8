"""The declared topics in Kafka: created by `kozamori topics create`, looked up, checked when a worker starts."""

from base64 import urlsafe_b64encode
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from kafka import KafkaAdminClient, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.errors import InvalidReplicationFactorError, TopicAlreadyExistsError, for_code

from detector.errors import UserError
from detector.kafka.clients import TIMEOUT_S, admin_client, existing
from detector.kafka.declarations import MAX_TIMESTAMP_AHEAD_MS, UPSTREAMS, Declaration, declared, declared_config
from detector.kafka.marks import most_upstreams
from detector.settings import Settings


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """A topic as Kafka has it: `topic_id` is Kafka's UUID, new after every re-creation; `config` has every key."""

    name: str
    topic_id: str
    partitions: int
    replication: int
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report: a topic, whether it was `created` now or `exists`, and what differs from ours."""

    name: str
    action: str
    partitions: int
    differs: tuple[str, ...]
    why: str


def inspect(settings: Settings, timeout_s: float = TIMEOUT_S) -> dict[str, TopicFacts]:
    """What Kafka has of the declared topics, by name; missing ones are absent.

    Raises KafkaAwayError when no broker answers within `timeout_s`, UserError when it refuses.
    """
    with admin_client(settings, timeout_s) as client:
        return describe(client, [topic.name(settings) for topic in declared(settings)])


def topic_ids(settings: Settings, names: Iterable[str]) -> dict[str, str]:
    """Kafka's ids of the topics of these names that exist. Raises UserError as `inspect` does."""
    with admin_client(settings) as client:
        return {name: _topic_id(topic) for name, topic in existing(client, names).items()}


def delete_before(settings: Settings, offsets: Mapping[Any, int]) -> None:
    """Delete the records before an offset of each (topic, number). Raises UserError where Kafka refuses."""
    with admin_client(settings) as client:
        answer = client.delete_records({TopicPartition(*tp): offset for tp, offset in offsets.items()})
    refused = {for_code(found["error_code"]).__name__ for found in answer.values() if found["error_code"]}
    if refused:
        raise UserError(f"Kafka does not delete records ({', '.join(sorted(refused))}): give the user the right to")


def bytes_of(client: KafkaAdminClient, names: Iterable[str]) -> dict[tuple[str, int], int]:
    """Bytes on disk of every partition of the topics of these names, at its largest copy. Raises KafkaError."""
    sizes: dict[tuple[str, int], int] = {}
    for broker in client.describe_log_dirs(list(names)):
        for folder in broker["log_dirs"]:
            for topic in folder["topics"]:
                for part in topic["partitions"]:
                    partition = topic["name"], part["partition_index"]
                    sizes[partition] = max(sizes.get(partition, 0), part["partition_size"])
    return sizes


def describe(client: KafkaAdminClient, names: Iterable[str]) -> dict[str, TopicFacts]:
    """Facts on the topics of these names that exist. Raises KafkaError."""
    found = existing(client, names)
    if not found:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in found]
    configs = client.describe_configs(resources, config_filter="all")["topic"]
    return {
        name: TopicFacts(
            name=name,
            topic_id=_topic_id(topic),
            partitions=len(topic["partitions"]),
            replication=min(len(partition["replica_nodes"]) for partition in topic["partitions"]),
            config={key: entry["value"] for key, entry in configs[name].items()},
        )
        for name, topic in found.items()
    }


def _topic_id(topic: Mapping[str, Any]) -> str:
    # As Kafka's own tools print it, so that people can compare.
    return urlsafe_b64encode(UUID(str(topic["topic_id"])).bytes).decode().rstrip("=")


def check(settings: Settings, facts: Mapping[str, TopicFacts]) -> None:
    """What a worker needs before it starts; raises UserError that names the topic and the command that mends it."""
    _check_sources(settings, facts)
    create = f"kozamori topics create --partitions {settings.partitions}{_where(settings)}"
    missing = [topic.name(settings) for topic in declared(settings) if topic.name(settings) not in facts]
    if missing:
        raise UserError(f"Kafka has no topic {', '.join(missing)}: run `{create}`")
    source = facts[settings.account_events]
    if source.partitions < settings.partitions:
        raise UserError(
            f"topic {source.name} has {source.partitions} partitions, expected at least {settings.partitions}:"
            f" start with --partitions {source.partitions}, or re-create it with `{create}`"
        )
    for topic in declared(settings):
        found = facts[topic.name(settings)]
        if topic.partitions is None and found.name != settings.alerts and found.partitions != source.partitions:
            raise UserError(
                f"topic {found.name} has {found.partitions} partitions, expected {source.partitions} as {source.name}"
                f" has: {_mend_partitions(settings, found)}"
            )
        _check_cleanup(topic, found)
        if found.name in (settings.account_events, settings.wallet_events):
            _check_clock(settings, found)


def _check_clock(settings: Settings, source: TopicFacts) -> None:
    """Refuse a source topic whose records may claim to be of any time: events of 2099 would expire every row."""
    ahead_ms = source.config.get("message.timestamp.after.max.ms", "")
    bounded = ahead_ms.isdecimal() and int(ahead_ms) <= MAX_TIMESTAMP_AHEAD_MS
    if source.config["message.timestamp.type"] != "LogAppendTime" and not bounded:
        raise UserError(
            f"topic {source.name} takes whatever timestamps its producers send: one wrong clock would make the worker"
            f" forget everybody. Run `kafka-configs --bootstrap-server {settings.bootstrap[0]} --alter --topic"
            f" {source.name} --add-config message.timestamp.type=LogAppendTime`, or, where producers' own must be kept,"
            f" `… message.timestamp.after.max.ms={MAX_TIMESTAMP_AHEAD_MS}`; `kozamori topics show` compares"
        )


def _check_sources(settings: Settings, facts: Mapping[str, TopicFacts]) -> None:
    """Raise UserError where a second reader's events are not there: they are another deployment's to create."""
    others = settings.account_events, settings.wallet_events, settings.redrives
    missing = [name for name in others if name not in facts]
    if settings.is_second_reader and missing:
        raise UserError(
            f"Kafka has no topic {', '.join(missing)}, expected those of the deployment that is read too: check"
            " --input-prefix, or run `kozamori topics create` for that deployment"
        )


def _mend_partitions(settings: Settings, found: TopicFacts) -> str:
    reset = "`kozamori state reset`"
    if found.name == settings.wallet_events:
        return f"give both as many with `kafka-topics --alter`, then begin anew with {reset}"
    return f"see `kozamori state migrate --help`, or re-create it with {reset}"


def create(settings: Settings, partitions: int, replication: int) -> list[Row]:
    """Create what is missing, leave what is there; the report has a row a topic, in the order of `declared`.

    Raises UserError, before creating anything, for more partitions than a worker can keep marks of, where a topic
    exists with other partitions or another cleanup policy, and when Kafka refuses.
    """
    check_count(partitions)
    with admin_client(settings) as client:
        before = describe(client, [topic.name(settings) for topic in declared(settings)])
        _check_sources(settings, before)
        _check_existing(settings, before, partitions)
        missing = [topic for topic in declared(settings) if topic.name(settings) not in before]
        try:
            create_topics(client, settings, missing, partitions, replication)
        except InvalidReplicationFactorError as error:
            brokers = len(client.describe_cluster()["brokers"])
            raise UserError(
                f"got --replication {replication}, but the cluster has {brokers} broker(s): ask for at most {brokers}"
            ) from error
        after = describe(client, [topic.name(settings) for topic in declared(settings)])
        _check_existing(settings, after, partitions)
    created = {topic.name(settings) for topic in missing}
    return report(settings, after, created, replication)


def check_count(partitions: int) -> None:
    """Raise UserError where a commit could not hold a mark for every upstream partition (PROTOCOL rule 5)."""
    most = most_upstreams() // UPSTREAMS
    if partitions > most:
        raise UserError(f"got --partitions {partitions}, expected at most {most}: more marks do not fit into a commit")


def create_topics(
    client: KafkaAdminClient, settings: Settings, topics: Iterable[Declaration], partitions: int, replication: int
) -> None:
    """Create `topics` and return when every partition has a leader. Raises KafkaError."""
    wanted = {
        topic.name(settings): {
            "num_partitions": topic.partitions or partitions,
            "replication_factor": replication,
            "configs": declared_config(topic, replication),
        }
        for topic in topics
    }
    if not wanted:
        return
    # Somebody else may create them at the same moment: whether theirs fit is checked afterwards.
    with suppress(TopicAlreadyExistsError):
        client.create_topics(wanted)
    client.wait_for_topics(list(wanted))


def report(
    settings: Settings, facts: Mapping[str, TopicFacts], created: Iterable[str] = (), replication: int | None = None
) -> list[Row]:
    """A row a declared topic; `replication` None compares with the copies each topic has."""
    rows = []
    for topic in declared(settings):
        name = topic.name(settings)
        if name not in facts:
            rows.append(Row(name, "missing", 0, (), topic.why))
            continue
        fact = facts[name]
        expected = declared_config(topic, fact.replication)
        differs = [
            f"{key} is {fact.config.get(key)}, declared {value}"
            for key, value in expected.items()
            if fact.config.get(key) != value
        ]
        if replication is not None and fact.replication != replication:
            differs.insert(0, f"replication is {fact.replication}, asked {replication}")
        action = "created" if name in created else "exists"
        rows.append(Row(name, action, fact.partitions, tuple(differs), topic.why))
    return rows


def _check_existing(settings: Settings, facts: Mapping[str, TopicFacts], partitions: int) -> None:
    for topic in declared(settings):
        fact = facts.get(topic.name(settings))
        if fact is not None:
            _check_partitions(topic, fact, partitions)
            _check_cleanup(topic, fact)


def _check_partitions(topic: Declaration, fact: TopicFacts, partitions: int) -> None:
    if topic.partitions is None and fact.partitions != partitions:
        raise UserError(
            f"topic {fact.name} has {fact.partitions} partitions, asked for {partitions}: run again with"
            f" --partitions {fact.partitions}; adding some moves accounts, see `kozamori state migrate --help`"
        )


def _check_cleanup(topic: Declaration, fact: TopicFacts) -> None:
    policies = fact.config["cleanup.policy"].split(",")
    # "compact,delete" would forget rows by age; compacting a log of events would lose all but the last of a key.
    if policies != [topic.config["cleanup.policy"]]:
        raise UserError(
            f"topic {fact.name} has cleanup.policy {fact.config['cleanup.policy']}, expected"
            f" {topic.config['cleanup.policy']}: set it with kafka-configs, or delete the topic and run"
            " `kozamori topics create`"
        )


def _where(settings: Settings) -> str:
    prefix = f" --prefix {settings.prefix}" if settings.prefix else ""
    if settings.is_second_reader:
        prefix += f" --input-prefix '{settings.input_prefix}'"
    return f" --bootstrap {','.join(settings.bootstrap)}{prefix}"
