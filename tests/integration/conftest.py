"""The real Kafka that integration tests run against: one for the whole run."""

from collections.abc import Iterator

import pytest
from support.brokers import local_kafka
from support.scenes import Scene, make_scene
from support.shared_kafka import Cluster, ask

from detector.core.chains import ACCOUNT_CHAIN


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A running broker; `kafka.bootstrap` is its address. Tests make their own topics and groups, and never stop it.

    Where Kafka cannot start the test fails: a run without it has tested nothing that matters.
    """
    processes: dict[str, str] = getattr(request.config, "workerinput", {})  # of pytest-xdist
    if processes:
        yield ask(processes["kafka"])
    else:
        with local_kafka() as broker:
            yield Cluster(broker.bootstrap)


@pytest.fixture(scope="session")
def account_scene(kafka: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """The same with a model that looks at accounts alone: its alerts do not hang on how a hop mixes its upstreams."""
    folder = tmp_path_factory.mktemp("accounts")
    return make_scene(kafka.bootstrap, folder, events=6_000, partitions=2, chain=ACCOUNT_CHAIN)


@pytest.fixture(scope="session")
def small_scene(kafka: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """Some 6,000 events with alerts among them, and a model, for every test that needs a worker but not a long log."""
    return make_scene(kafka.bootstrap, tmp_path_factory.mktemp("small"), events=6_000, partitions=2)
