"""Kubernetes' manifests in step with the image, the settings and the tables."""

import re
import runpy
from typing import Any

import pytest
import yaml
from support.manifests import KUBERNETES, KUSTOMIZATION, manifests, the

from detector.kafka.access import CLUSTER, access_of, everybody
from detector.kafka.declarations import declared, declared_config
from detector.notify.run import group_of
from detector.settings import Settings, load_settings

DOCKERFILE = (KUBERNETES.parent / "Dockerfile").read_text("utf-8")
TOML = KUBERNETES / "base" / "kozamori.toml"
WORKER = "kozamori-worker"


def settings() -> Settings:
    """What the workers are told."""
    return load_settings({}, {}, TOML)


def pod() -> dict[str, Any]:
    """The worker's pod."""
    spec: dict[str, Any] = the("StatefulSet")["spec"]["template"]["spec"]
    return spec


def container() -> dict[str, Any]:
    """The worker's container."""
    (only,) = pod()["containers"]
    found: dict[str, Any] = only
    return found


@pytest.mark.parametrize("folder", ["base", "operators"])
def test_each_folder_takes_all_of_its_files(folder: str) -> None:
    there = {path.name for path in (KUBERNETES / folder).glob("*.yml")} - {KUSTOMIZATION}
    given = yaml.safe_load((KUBERNETES / folder / KUSTOMIZATION).read_text("utf-8"))
    assert there == set(given["resources"]) - {"../base"}
    assert given["namespace"] == "kafka"
    for generator in given.get("configMapGenerator", ()):
        assert all((KUBERNETES / folder / name).exists() for name in generator["files"])


def test_what_follows_from_tables_is_what_they_say() -> None:
    folder = KUBERNETES / "operators"
    rendered = runpy.run_path(str(folder / "written.py"))["rendered"]()
    for name, text in rendered.items():
        assert text == (folder / name).read_text("utf-8"), f"stale: run python {folder.name}/written.py"


def test_topics_are_those_that_the_settings_declare() -> None:
    given = settings()
    expected = {topic.name(given): (topic.partitions or 12, 3, declared_config(topic, 3)) for topic in declared(given)}
    specs = {topic["metadata"]["name"]: topic["spec"] for topic in manifests("KafkaTopic")}
    assert expected == {name: (own["partitions"], own["replicas"], own["config"]) for name, own in specs.items()}


def test_every_role_has_a_user_with_the_rights_that_it_needs() -> None:
    given = settings()
    users = {user["metadata"]["name"]: user["spec"]["authorization"]["acls"] for user in manifests("KafkaUser")}
    assert given.sasl_username in users
    for role, bank in everybody(given):
        groups = [group_of(given, "soc")] if role == "notify" else []
        wanted = {(one.resource_type, one.name, one.operation) for one in access_of(given, role, bank, groups)}
        acls = users.pop(f"kozamori-{role}{bank and '-'}{bank}", [])
        has = [
            (of_kafka(acl["resource"]["type"]), acl["resource"].get("name", CLUSTER), acl["operations"]) for acl in acls
        ]
        assert wanted == {(kind, name, of_kafka(one)) for kind, name, operations in has for one in operations}, role
        assert {"literal", None} >= {acl["resource"].get("patternType") for acl in acls}
    assert not users


def of_kafka(name: str) -> str:
    """As Kafka writes what Strimzi calls DescribeConfigs or transactionalId."""
    return re.sub(r"(?<!^)([A-Z])", r"_\1", name).upper()


def test_the_pod_has_no_rights_to_spare() -> None:
    (user,) = re.findall(r"^USER (\d+):(\d+)$", DOCKERFILE, re.MULTILINE)
    own = pod()["securityContext"]
    assert user == (str(own["runAsUser"]), str(own["runAsGroup"]))
    assert own["runAsNonRoot"] is True
    assert own["seccompProfile"] == {"type": "RuntimeDefault"}
    expected = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
    assert expected == container()["securityContext"]
    assert pod()["automountServiceAccountToken"] is False
    assert pod()["enableServiceLinks"] is False


def test_the_pod_is_given_time_to_start_and_to_stop() -> None:
    start = container()["startupProbe"]
    assert start["periodSeconds"] * start["failureThreshold"] == 180
    assert pod()["terminationGracePeriodSeconds"] > settings().rebalance_timeout_s / 2 + 5
    paths = [container()[f"{probe}Probe"]["httpGet"] for probe in ("startup", "readiness", "liveness")]
    assert [{"path": path, "port": "metrics"} for path in ("/healthz", "/readyz", "/healthz")] == paths


def test_the_folder_that_kernels_are_copied_to_can_be_written() -> None:
    (folder,) = re.findall(r"NUMBA_CACHE_DIR=(/tmp/\S+)", DOCKERFILE)
    (mount,) = [mount for mount in container()["volumeMounts"] if folder.startswith(mount["mountPath"] + "/")]
    volume = next(volume for volume in pod()["volumes"] if volume["name"] == mount["name"])
    assert "emptyDir" in volume


def test_every_volume_is_mounted_and_holds_what_the_settings_name() -> None:
    mounts = {mount["name"]: mount["mountPath"] for mount in container()["volumeMounts"]}
    assert {volume["name"] for volume in pod()["volumes"]} == set(mounts)
    given = settings()
    assert container()["args"] == ["worker", "--config", mounts["settings"]]
    assert given.tls_ca == f"{mounts['kafka-ca']}/ca.crt"
    assert given.sasl_password_file == f"{mounts['kafka-user']}/password"
    secrets = {volume["name"]: volume.get("secret", {}).get("secretName") for volume in pod()["volumes"]}
    assert secrets["kafka-user"] == given.sasl_username
    (user,) = [user for user in manifests("KafkaUser") if user["metadata"]["name"] == given.sasl_username]
    assert given.sasl_mechanism.lower() == user["spec"]["authentication"]["type"]


def test_everything_finds_the_worker_by_its_labels() -> None:
    worker = the("StatefulSet")
    labels = worker["spec"]["template"]["metadata"]["labels"]
    assert labels == worker["spec"]["selector"]["matchLabels"]
    assert labels == the("Service")["spec"]["selector"]
    assert labels == the("PodDisruptionBudget")["spec"]["selector"]["matchLabels"]
    assert labels == the("NetworkPolicy")["spec"]["podSelector"]["matchLabels"]
    assert labels == the("PodMonitor")["spec"]["selector"]["matchLabels"]
    assert worker["spec"]["serviceName"] == the("Service")["metadata"]["name"]


def test_rules_find_the_workers_by_the_job_that_the_monitor_gives_them() -> None:
    monitor = the("PodMonitor")["spec"]
    labels = the("StatefulSet")["spec"]["template"]["metadata"]["labels"]
    rules = [rule["expr"] for group in the("PrometheusRule")["spec"]["groups"] for rule in group["rules"]]
    jobs = {job for promql in rules for job in re.findall(r'job="([^"]+)"', promql)}
    assert {labels[monitor["jobLabel"]]} == jobs
    (relabelled,) = monitor["podMetricsEndpoints"][0]["relabelings"]
    assert relabelled == {"targetLabel": "deployment", "replacement": settings().deployment}
    assert monitor["podMetricsEndpoints"][0]["port"] == container()["ports"][0]["name"]


def test_it_scales_to_its_partitions_by_the_lag_of_its_own_group() -> None:
    scaled, given = the("ScaledObject")["spec"], settings()
    assert scaled["maxReplicaCount"] == given.partitions
    assert scaled["minReplicaCount"] == the("StatefulSet")["spec"]["replicas"]
    assert scaled["scaleTargetRef"]["name"] == the("StatefulSet")["metadata"]["name"]
    told = [trigger["metadata"] for trigger in scaled["triggers"]]
    assert [given.account_events, given.wallet_events] == [lag["topic"] for lag in told]
    for lag in told:
        assert (lag["consumerGroup"], lag["bootstrapServers"]) == (given.group, given.bootstrap[0])
    assert the("ConfigMap")["data"]["username"] == given.sasl_username


def test_what_is_applied_again_leaves_the_number_of_workers_to_who_scales_them() -> None:
    overlay = yaml.safe_load((KUBERNETES / "operators" / KUSTOMIZATION).read_text("utf-8"))
    worker = the("StatefulSet")
    (patch,) = overlay["patches"]
    assert patch["target"] == {"kind": "StatefulSet", "name": worker["metadata"]["name"]}
    assert yaml.safe_load(patch["patch"]) == [{"op": "remove", "path": "/spec/replicas"}]
    assert "replicas" in worker["spec"]


def test_the_network_lets_the_worker_reach_its_brokers() -> None:
    (brokers,) = [rule["ports"] for rule in the("NetworkPolicy")["spec"]["egress"] if "podSelector" in rule["to"][0]]
    assert [int(address.rpartition(":")[2]) for address in settings().bootstrap] == [port["port"] for port in brokers]
