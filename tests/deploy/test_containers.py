"""The Dockerfile and the compose file, as far as they can be checked without a container engine."""

import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from detector.cli.main import cli
from detector.core.chains import CHAINS
from detector.errors import UserError
from detector.settings import Settings, load_settings
from producers.scenarios import SCENARIOS

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if service["image"].startswith("kozamori:")]
SECRET = re.compile(r"(?i)(password|passwd|secret|token|api[_-]?key)(?!_file)\w*\s*[:=]\s*\S")


def instructions() -> list[tuple[str, str]]:
    """(INSTRUCTION, its text) in order, continued lines joined, comments dropped."""
    lines = "\n".join(line for line in DOCKERFILE.splitlines() if not line.startswith("#")).replace("\\\n", " ")
    return [(line.split(" ", 1)[0], line.split(" ", 1)[1]) for line in lines.splitlines() if line.strip()]


def images() -> list[str]:
    arguments = dict(text.split("=", 1) for name, text in instructions() if name == "ARG")
    froms = [text.split(" ")[0] for name, text in instructions() if name == "FROM"]
    stages = [re.sub(r"\$\{(\w+)\}", lambda match: arguments[match[1]], image) for image in froms]
    return stages + [service["image"] for service in SERVICES.values() if "build" not in service]


def test_every_image_is_pinned_to_a_version() -> None:
    assert images()
    assert [] == [image for image in images() if not re.fullmatch(r"[\w./-]+:v?\d[\w.-]*", image)]


def test_the_image_is_built_in_two_stages_and_the_second_takes_only_the_environment() -> None:
    names = [name for name, _ in instructions()]
    assert names.count("FROM") == 2
    final = instructions()[len(names) - 1 - names[::-1].index("FROM") :]
    assert [text for name, text in final if name == "COPY"] == ["--from=build /opt/kozamori /opt/kozamori"]
    assert not [text for name, text in final if name == "RUN" and "pip" in text]


def test_the_container_does_not_run_as_root_and_says_so_by_number() -> None:
    users = [text for name, text in instructions() if name == "USER"]
    assert users == ["10001:10001"]
    after = [name for name, _ in instructions()][[name for name, _ in instructions()].index("USER") :]
    assert "RUN" not in after
    assert {"ENTRYPOINT", "HEALTHCHECK", "STOPSIGNAL"} <= set(after)


def test_everything_installed_comes_from_the_lock_with_hashes_or_from_the_wheel_built_here() -> None:
    installs = re.findall(r"pip (?:install|wheel) ([^&\n]*)", DOCKERFILE)
    assert len(installs) == 3
    locked, built, wheel = installs
    assert "--require-hashes --requirement requirements-worker.lock" in locked
    assert "--no-deps --no-build-isolation" in built
    assert "--no-deps --no-index" in wheel


def test_what_the_dockerfile_copies_exists_and_reaches_the_builder() -> None:
    sources = [
        word
        for name, text in instructions()
        if name == "COPY" and not text.startswith("--from")
        for word in text.split()[:-1]
    ]
    let_in = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    assert sources
    for source in sources:
        assert (ROOT / source).exists()
        assert f"!{source}" in let_in
    assert "*" in let_in


def test_no_file_holds_a_secret() -> None:
    files = [path for path in DEPLOY.rglob("*.*") if path.is_file() and "__pycache__" not in path.parts]
    assert len(files) > 10
    assert {} == {path.name: found for path in files if (found := SECRET.findall(path.read_text("utf-8", "replace")))}


def test_every_service_and_volume_that_is_referred_to_exists() -> None:
    for service in SERVICES.values():
        needed = service.get("depends_on", ())
        assert set(needed) <= set(SERVICES)
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
    used = {volume.split(":")[0] for service in SERVICES.values() for volume in service.get("volumes", ())}
    assert set(COMPOSE["volumes"]) <= used


def test_what_a_service_waits_for_can_happen() -> None:
    for service in SERVICES.values():
        conditions = service.get("depends_on", {})
        for name, wait in conditions.items() if isinstance(conditions, dict) else ():
            healthy = "healthcheck" in SERVICES[name] or name in OURS  # ours have the image's
            assert wait["condition"] != "service_healthy" or healthy
            assert wait["condition"] != "service_completed_successfully" or "restart" not in SERVICES[name]


def test_ports_are_published_on_loopback_only() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_our_containers_have_no_rights_to_spare() -> None:
    assert OURS
    for name in OURS:
        service = SERVICES[name]
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not {"user", "privileged"} & set(service), name


def test_the_environment_of_our_containers_holds_settings_that_are_accepted() -> None:
    for name in OURS:
        environ = SERVICES[name]["environment"]
        assert {variable.removeprefix("KOZAMORI_").lower() for variable in environ} <= set(Settings.model_fields), name
        assert load_settings({}, environ).bootstrap == ("kafka:19092",), name


@pytest.mark.parametrize("name", OURS)
def test_our_containers_run_commands_that_exist_with_options_that_exist(name: str) -> None:
    command: click.Command = cli
    words = list(SERVICES[name]["command"])
    while isinstance(command, click.Group):
        word = words.pop(0)
        try:
            found = command.get_command(click.Context(command), word)
        except UserError as missing:
            pytest.fail(str(missing))
        assert found is not None, f"no command {word}"
        command = found
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("-")} <= options


def test_the_composition_feeds_every_stage_its_worker_runs() -> None:
    chain = CHAINS[-1].name
    train = cli.get_command(click.Context(cli), "train")
    assert train is not None
    options = {parameter.name: parameter.default for parameter in train.params}
    assert (options["stages"], "--stages" in SERVICES["train"]["command"]) == (chain, False)
    for name in ("simulate", "producer"):
        words = SERVICES[name]["command"]
        assert SCENARIOS[words[words.index("--scenario") + 1]].wallet_events, f"{name} leaves out wallet events"
        assert not [word for word in words if "wallet" in word]


def test_kafka_is_reached_where_it_listens() -> None:
    kafka = SERVICES["kafka"]
    advertised = dict(entry.split("://") for entry in kafka["environment"]["KAFKA_ADVERTISED_LISTENERS"].split(","))
    inside, outside = advertised["INSIDE"], advertised["OUTSIDE"]
    assert kafka["healthcheck"]["test"][-1] == inside
    assert kafka["ports"] == [f"{outside}:{outside.split(':')[1]}"]
    assert {SERVICES[name]["environment"]["KOZAMORI_BOOTSTRAP"] for name in OURS} == {inside}


def test_prometheus_scrapes_the_port_the_worker_serves() -> None:
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text("utf-8"))
    (discovery,) = config["scrape_configs"][0]["dns_sd_configs"]
    environment = dict(
        part.split("=", 1) for name, text in instructions() if name == "ENV" for part in shlex.split(text)
    )
    assert SERVICES["worker"]["expose"] == [str(discovery["port"])] == [environment["KOZAMORI_METRICS_PORT"]]
    assert discovery["names"] == ["worker"]


def test_prometheus_tells_an_alertmanager_that_is_there() -> None:
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text("utf-8"))
    (managers,) = config["alerting"]["alertmanagers"][0]["static_configs"]
    (target,) = managers["targets"]
    name, port = target.split(":")
    assert f"127.0.0.1:{port}:{port}" in SERVICES[name]["ports"]
    assert "./alertmanager:/etc/alertmanager:ro" in SERVICES[name]["volumes"]


def test_prometheus_serves_the_runbooks_where_its_alerts_say_they_are() -> None:
    service = SERVICES["prometheus"]
    (pages,) = [word.split("=")[1] for word in service["command"] if word.startswith("--web.console.templates=")]
    assert f"./runbooks:{pages}/runbooks:ro" in service["volumes"]


def test_grafana_finds_its_source_and_its_dashboards() -> None:
    provisioning = DEPLOY / "grafana" / "provisioning"
    source = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text("utf-8"))["datasources"][0]
    provider = yaml.safe_load((provisioning / "dashboards" / "kozamori.yml").read_text("utf-8"))["providers"][0]
    assert source["url"] == "http://prometheus:9090"
    mounted = [volume.split(":")[1] for volume in SERVICES["grafana"]["volumes"]]
    for path in (DEPLOY / "grafana").glob("*.json"):
        assert f"{provider['options']['path']}/{path.name}" in mounted
    assert SERVICES["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"] in mounted


def test_grafana_is_the_release_its_dashboard_is_made_for() -> None:
    pinned = re.search(r"grafana-foundation-sdk==\d+!([\d.]+)", (ROOT / "pyproject.toml").read_text("utf-8"))
    assert pinned is not None
    assert SERVICES["grafana"]["image"] == f"grafana/grafana:{pinned[1]}"
