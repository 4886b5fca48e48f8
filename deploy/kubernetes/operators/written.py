"""Writes rules, topics and the worker's rights from their tables: `python deploy/kubernetes/operators/written.py`."""

import sys
from pathlib import Path
from typing import Any

import yaml

from detector.kafka.declarations import HOPS, STAGES, Declaration, declared, declared_config
from detector.settings import Settings, load_settings

FOLDER = Path(__file__).parent
sys.path.append(str(FOLDER.parents[1] / "prometheus"))
from rules import alert_groups, slo_groups  # noqa: E402

HEAD = "# Written by deploy/kubernetes/operators/written.py: change the tables that it reads.\n"
#: The name of Strimzi's Kafka.
CLUSTER = {"strimzi.io/cluster": "kafka"}
LOOK = ("Describe", "DescribeConfigs")


def settings() -> Settings:
    """What the workers are told."""
    return load_settings({}, {}, FOLDER.parent / "base" / "kozamori.toml")


def rule() -> dict[str, Any]:
    """All alerts and promises, as Prometheus' operator takes them."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": {"name": "kozamori"},
        "spec": {"groups": [*alert_groups(), *slo_groups()]},
    }


def topic(declaration: Declaration, given: Settings) -> dict[str, Any]:
    """One topic as it is declared."""
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaTopic",
        "metadata": {"name": declaration.name(given), "labels": CLUSTER},
        "spec": {
            "partitions": declaration.partitions or given.partitions,
            "replicas": given.replication,
            "config": declared_config(declaration, given.replication),
        },
    }


def rights(given: Settings) -> dict[str, tuple[str, ...]]:
    """By topic, what the worker does with it beside looking at it."""
    own: dict[str, tuple[str, ...]] = {
        **dict.fromkeys((given.account_events, given.wallet_events, given.redrives), ("Read",)),
        **dict.fromkeys((given.alerts, given.dead_letters), ("Write",)),
        **dict.fromkeys((given.bulletins_of(bank) for bank in ("", *given.bulletin_banks)), ("Write",)),
        **dict.fromkeys((given.rows_topic(stage) for stage in STAGES), ("Read", "Write")),
        # What was read of a hop is deleted from it.
        **dict.fromkeys((given.hop_topic(stage) for stage in HOPS), ("Read", "Write", "Delete")),
    }
    return {declaration.name(given): own.get(declaration.name(given), ()) for declaration in declared(given)}


def user(given: Settings) -> dict[str, Any]:
    """The worker's user and its rights, none of them on anything else."""
    topics = [
        {"resource": {"type": "topic", "name": name, "patternType": "literal"}, "operations": [*own, *LOOK]}
        for name, own in rights(given).items()
    ]
    group = {"resource": {"type": "group", "name": given.group, "patternType": "literal"}, "operations": ["Read"]}
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaUser",
        "metadata": {"name": given.sasl_username, "labels": CLUSTER},
        "spec": {
            "authentication": {"type": given.sasl_mechanism.lower()},
            "authorization": {"type": "simple", "acls": [*topics, group]},
        },
    }


def rendered() -> dict[str, str]:
    """The files by name, byte for byte as they are checked in."""
    given = settings()
    objects = {
        "prometheusrule.yml": [rule()],
        "topics.yml": [topic(declaration, given) for declaration in declared(given)],
        "users.yml": [user(given)],
    }
    return {name: HEAD + _text(found) for name, found in objects.items()}


def _text(objects: list[dict[str, Any]]) -> str:
    class Plain(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    return yaml.dump_all(objects, Dumper=Plain, sort_keys=False, width=118, allow_unicode=True)


if __name__ == "__main__":
    for name, text in rendered().items():
        (FOLDER / name).write_text(text, "utf-8")
