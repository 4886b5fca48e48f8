"""Writes rules, topics and users' rights from their tables: `python deploy/kubernetes/operators/written.py`."""

import sys
from pathlib import Path
from typing import Any

import yaml

from detector.kafka.access import ResourceType, Role, access_of, everybody
from detector.kafka.declarations import Declaration, declared, declared_config
from detector.notify.run import group_of
from detector.settings import Settings, load_settings

FOLDER = Path(__file__).parent
sys.path.append(str(FOLDER.parents[1] / "prometheus"))
from rules import alert_groups, slo_groups  # noqa: E402

HEAD = "# Written by deploy/kubernetes/operators/written.py: change the tables that it reads.\n"
#: The name of Strimzi's Kafka.
CLUSTER = {"strimzi.io/cluster": "kafka"}
#: Of `kozamori notify` in the example of its page; each of yours has a group like it.
RECEIVER = "soc"


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


def user(given: Settings, role: Role, bank: str) -> dict[str, Any]:
    """The user of a role, or of a bank, and its rights, none of them on anything else."""
    operations: dict[tuple[ResourceType, str], list[str]] = {}
    groups = [group_of(given, RECEIVER)] if role == "notify" else []
    for access in access_of(given, role, bank, groups):
        operations.setdefault((access.resource_type, access.name), []).append(_joined(access.operation))
    acls = [{"resource": _resource(*on), "operations": own} for on, own in operations.items()]
    return {
        "apiVersion": "kafka.strimzi.io/v1",
        "kind": "KafkaUser",
        "metadata": {"name": f"kozamori-{role}{bank and '-'}{bank}", "labels": CLUSTER},
        "spec": {
            "authentication": {"type": given.sasl_mechanism.lower()},
            "authorization": {"type": "simple", "acls": acls},
        },
    }


def _resource(kind: ResourceType, name: str) -> dict[str, str]:
    """As Strimzi names it, which has but one cluster and so no name for it."""
    if kind == "CLUSTER":
        return {"type": "cluster"}
    return {
        "type": "transactionalId" if kind == "TRANSACTIONAL_ID" else kind.lower(),
        "name": name,
        "patternType": "literal",
    }


def _joined(operation: str) -> str:
    """As Strimzi writes it: DescribeConfigs."""
    return operation.title().replace("_", "")


def rendered() -> dict[str, str]:
    """The files by name, byte for byte as they are checked in."""
    given = settings()
    objects = {
        "prometheusrule.yml": [rule()],
        "topics.yml": [topic(declaration, given) for declaration in declared(given)],
        "users.yml": [user(given, role, bank) for role, bank in everybody(given) if access_of(given, role, bank)],
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
