"""Our schemas of manifests and of the composition: what is there is valid, and no mistake passes."""

import copy
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from support.compose_schema import COMPOSITION
from support.container_files import COMPOSE, SERVICES
from support.manifests import Manifest, files, manifests, manifests_in, wrong_with
from support.misspelt import misspelt

#: Kind, where, and what cannot stand there.
MISTAKES = [
    ("StatefulSet", "spec.template.spec.containers.0.securityContext.readOnlyRootFilesytem", True),
    ("StatefulSet", "spec.template.spec.containers.0.startupProbe.failureThreshold", "36"),
    ("StatefulSet", "spec.template.spec.terminationGracePeriod", 45),
    ("StatefulSet", "spec.template.spec.containers.0.resources.limits.memory", "2GB"),
    ("StatefulSet", "spec.template.spec.containers.0.ports.0.containerPort", 94640),
    ("StatefulSet", "spec.template.spec.containers.0.image", "kozamori"),
    ("StatefulSet", "spec.template.spec.volumes.0.secret", {"secretName": "second"}),
    ("Service", "spec.clusterIp", "None"),
    ("Service", "spec.ports.0.targetPort", "metrics_port"),
    ("ConfigMap", "data.username", 7),
    ("ConfigMap", "data", {}),
    ("Kustomization", "resource", ["worker.yml"]),
    ("Kustomization", "configMapGenerator.0.files", "kozamori.toml"),
    ("PodDisruptionBudget", "apiVersion", "policy/v1beta1"),
    ("PodDisruptionBudget", "spec.maxUnavailable", "1"),
    ("NetworkPolicy", "spec.egress.0.port", 9093),
    ("NetworkPolicy", "spec.policyTypes", ["Ingress", "Outgress"]),
    ("NetworkPolicy", "spec.policyTypes", ["Ingress", "Ingress"]),
    ("NetworkPolicy", "spec.egress.0.ports.0.protocol", "udp"),
    ("PodMonitor", "spec.podMetricsEndpoints.0.interval", "15 s"),
    ("PodMonitor", "spec.podMetricsEndpoints.0.relabelings.0.action", "rename"),
    ("PodMonitor", "spec.endpoints", []),
    ("PrometheusRule", "spec.groups.0.rules.0.severity", "page"),
    ("PrometheusRule", "spec.groups.0.rules.0.for", "1 minute"),
    ("PrometheusRule", "spec.groups.0.rules.0.for", "1m1h"),
    ("PrometheusRule", "spec.groups.0.rules.0.record", "an:alert"),
    ("ScaledObject", "spec.maxReplicas", 12),
    ("ScaledObject", "spec.triggers.0.metadata.lagThreshold", 100000),
    ("ScaledObject", "spec.triggers.0.metadata.bootstrapServers", "kafka-kafka-bootstrap"),
    ("ScaledObject", "spec.advanced.horizontalPodAutoscalerConfig.behavior.scaleDown.policies.0.periodSeconds", 3600),
    ("ScaledObject", "spec.triggers.0.type", None),
    ("ScaledObject", "spec.triggers.0", {"type": "kafka"}),
    ("TriggerAuthentication", "spec.secretTargetRef.0.parameter", 1),
    ("TriggerAuthentication", "spec.secretTargetRef.0.parameter", "pasword"),
    ("KafkaTopic", "metadata.name", "account_events"),
    ("KafkaTopic", "spec.config", {"retention.ms": 3024000000}),
    ("KafkaTopic", "spec.config", {"cleanup.policy": "compaction"}),
    ("KafkaTopic", "spec.partitions", "12"),
    ("KafkaTopic", "spec.replication", 3),
    ("KafkaUser", "spec.authorization.acls.0.operations", ["Reed"]),
    ("KafkaUser", "spec.authorization.acls.0.operations", []),
    ("KafkaUser", "spec.authentication.type", "SCRAM-SHA-512"),
    ("KafkaUser", "spec.authorization.acls.0.resource.type", "cluster"),
]
#: Objects of manifests in which names are the writer's own.
FREE = frozenset({"labels", "matchLabels", "annotations", "data"})
#: Objects of the composition in which names are the writer's own.
OWN_NAMES = frozenset({"services", "volumes", "environment", "args", "depends_on"})
#: What Kafka's service cannot be given.
OF_COMPOSE: list[dict[str, object]] = [
    {"read_onyl": True},
    {"healthcheck": {"test": 1}},
    {"healthcheck": {"test": ["CMDS", "true"]}},
    {"healthcheck": {"test": ["CMD", "true"], "interval": "60 s"}},
    {"healthcheck": {"test": ["CMD", "true"], "disable": True}},
    {"ports": "9092:9092"},
    {"ports": ["127.0.0.1:9092:90920"]},
    {"ports": ["127.0.0:9092:9092"]},
    {"expose": [9464]},
    {"volumes": ["kafka:/data:read"]},
    {"restart": "on-failures"},
    {"stop_grace_period": 45},
    {"depends_on": {"topics": {"condition": "service_done"}}},
    {"environment": {"KAFKA_NODE_ID": 1}},
    {"image": "apache/kafka"},
    {"security_opt": ["no-new-privilege:true"]},
]


def changed(manifest: Manifest, where: str, value: object) -> Manifest:
    """The manifest with another value somewhere."""
    other = copy.deepcopy(manifest)
    *way, last = (int(step) if step.isdigit() else step for step in where.split("."))
    part: Any = other
    for step in way:
        part = part[step]
    part[last] = value
    return other


def wrong_with_composition(composition: dict[str, object]) -> list[str]:
    """What the specification says against it."""
    return [error.message for error in Draft202012Validator(COMPOSITION).iter_errors(composition)]


@pytest.mark.parametrize("path", files(), ids=lambda path: path.name)
def test_every_manifest_is_valid_to_those_who_read_it(path: Path) -> None:
    assert manifests_in(path)
    assert [] == [wrong for manifest in manifests_in(path) for wrong in wrong_with(manifest["kind"], manifest)]


@pytest.mark.parametrize(("kind", "where", "value"), MISTAKES, ids=[f"{kind} {where}" for kind, where, _ in MISTAKES])
def test_a_mistake_in_a_manifest_is_found(kind: str, where: str, value: object) -> None:
    manifest = manifests(kind)[0]
    assert [] == wrong_with(kind, manifest)
    assert wrong_with(kind, changed(manifest, where, value))


def test_every_kind_has_a_mistake_that_is_tried() -> None:
    assert {manifest["kind"] for path in files() for manifest in manifests_in(path)} == {
        kind for kind, _, _ in MISTAKES
    }


@pytest.mark.parametrize("kind", sorted({kind for kind, _, _ in MISTAKES}))
def test_a_misspelt_field_and_a_value_of_another_type_are_found_wherever_they_stand(kind: str) -> None:
    free = FREE | {"selector"} if kind == "Service" else FREE
    for manifest in manifests(kind)[:2]:
        assert [] == [where for where, wrong in misspelt(manifest, free) if not wrong_with(kind, wrong)]


def test_the_composition_is_one_to_its_specification() -> None:
    assert [] == wrong_with_composition(COMPOSE)
    without_pieces = {name: part for name, part in COMPOSE.items() if not name.startswith("x-")}
    assert [] == [where for where, wrong in misspelt(without_pieces, OWN_NAMES) if not wrong_with_composition(wrong)]


@pytest.mark.parametrize("mistake", OF_COMPOSE, ids=str)
def test_a_mistake_in_the_composition_is_found(mistake: dict[str, object]) -> None:
    assert wrong_with_composition({**COMPOSE, "services": {"kafka": {**SERVICES["kafka"], **mistake}}})
