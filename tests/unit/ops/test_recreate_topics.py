"""Topics are re-created as they were, in an order that can be interrupted."""

import uuid
from collections.abc import Sequence
from typing import Any

import pytest
from kafka.errors import (
    InvalidReplicationFactorError,
    KafkaError,
    NoError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
)

from detector.errors import UserError
from detector.ops.recreate_topics import recreate_empty
from detector.settings import Settings

SETTINGS = Settings(prefix="t.")
HOP, ROWS = SETTINGS.hop_topic("cases"), SETTINGS.rows_topic("cases")


class Cluster:
    """An admin client of a cluster with the topics `there`; creating meets the given errors first."""

    def __init__(self, there: Sequence[str], *errors: type[KafkaError]) -> None:
        self.calls: list[tuple[str, tuple[str, ...]]] = []
        self.created: dict[str, Any] = {}
        self._there = list(there)
        self._errors = list(errors)

    def describe_topics(self, names: list[str]) -> list[dict[str, Any]]:
        return [
            {
                "name": name,
                "error_code": 0 if name in self._there else UnknownTopicOrPartitionError.errno,
                "topic_id": str(uuid.UUID(int=1)),
                "partitions": [{"replica_nodes": [1, 2, 3]}] * 2,
            }
            for name in names
        ]

    def describe_configs(self, resources: list[Any], config_filter: str) -> dict[str, Any]:
        assert config_filter == "all"
        own = {"value": "600000", "config_source": "DYNAMIC_TOPIC_CONFIG"}
        wrong = {"value": "compact,delete", "config_source": "DYNAMIC_TOPIC_CONFIG"}
        default = {"value": "1", "config_source": "DEFAULT_CONFIG"}
        configs = {"segment.ms": own, "cleanup.policy": wrong, "flush.ms": default}
        return {"topic": {resource.name: configs for resource in resources}}

    def delete_topics(self, names: list[str]) -> None:
        self.calls.append(("delete", tuple(names)))
        self._there = [name for name in self._there if name not in names]

    def create_topics(self, wanted: dict[str, Any], *, raise_errors: bool) -> dict[str, Any]:
        assert not raise_errors
        self.calls.append(("create", tuple(wanted)))
        error = self._errors.pop(0) if self._errors else NoError
        answers: list[dict[str, Any]] = [{"name": name, "error_code": 0} for name in wanted]
        answers[-1]["error_code"] = error.errno
        self.created |= {answer["name"]: wanted[answer["name"]] for answer in answers if not answer["error_code"]}
        return {"topics": answers}

    def wait_for_topics(self, names: list[str]) -> None:
        self.calls.append(("wait", tuple(names)))


def recreate(cluster: Cluster, attempts: int = 3) -> None:
    client: Any = cluster
    recreate_empty(client, SETTINGS, [[HOP], [ROWS]], partitions=5, replication=2, attempts=range(attempts))


def test_each_batch_is_deleted_after_the_one_before_and_all_is_created_behind_the_last() -> None:
    cluster = Cluster([HOP, ROWS])
    recreate(cluster)
    expected = [("delete", (HOP,)), ("delete", (ROWS,)), ("create", (HOP, ROWS)), ("wait", (HOP, ROWS))]
    assert expected == cluster.calls


def test_what_an_earlier_attempt_deleted_is_only_created() -> None:
    cluster = Cluster([ROWS])
    recreate(cluster)
    assert [("delete", (ROWS,)), ("create", (HOP, ROWS)), ("wait", (HOP, ROWS))] == cluster.calls


def test_copies_and_an_operator_s_settings_are_kept_but_the_cleanup_policy_is_ours() -> None:
    cluster = Cluster([ROWS])
    recreate(cluster)
    kept, missing = cluster.created[ROWS], cluster.created[HOP]
    assert (5, 3, "600000", "compact") == (
        kept["num_partitions"],
        kept["replication_factor"],
        kept["configs"]["segment.ms"],
        kept["configs"]["cleanup.policy"],
    )
    assert "flush.ms" not in kept["configs"]
    assert (5, 2, "delete") == (
        missing["num_partitions"],
        missing["replication_factor"],
        missing["configs"]["cleanup.policy"],
    )


def test_a_name_that_is_not_free_yet_is_asked_for_again_alone() -> None:
    cluster = Cluster([HOP, ROWS], TopicAlreadyExistsError, TopicAlreadyExistsError)
    recreate(cluster)
    assert [(HOP, ROWS), (ROWS,), (ROWS,)] == [names for what, names in cluster.calls if what == "create"]
    assert {HOP, ROWS} == set(cluster.created)


@pytest.mark.parametrize(
    ("expected", "error"), [(["create"], InvalidReplicationFactorError), (["create"] * 3, TopicAlreadyExistsError)]
)
def test_a_topic_that_is_not_created_again_is_named_with_what_to_do(
    expected: list[str], error: type[KafkaError]
) -> None:
    cluster = Cluster([HOP, ROWS], *[error] * 4)
    with pytest.raises(UserError, match=rf"{ROWS} was deleted but not created again \({error.__name__}\): run the res"):
        recreate(cluster, attempts=3)
    assert ["delete", "delete", *expected] == [what for what, _ in cluster.calls]
