"""The compose file, as far as it can be checked without starting it."""

import re
import shlex
from pathlib import Path

import click
import pytest
import yaml
from support.container_files import COMPOSE, DEPLOY, SERVICES, arguments, instructions

from detector.cli.main import EXTRAS, cli
from detector.core.chains import CHAINS
from detector.errors import UserError
from detector.settings import Settings, load_settings
from producers.scenarios import SCENARIOS

ROOT = Path(__file__).parents[2]
OURS = [name for name, service in SERVICES.items() if service["image"].startswith("kozamori")]


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


def test_no_container_has_rights_to_spare() -> None:
    for name, service in SERVICES.items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not {"user", "privileged"} & set(service), name
    writable = {name for name, service in SERVICES.items() if service.get("read_only") is not True}
    assert writable == {"kafka"}  # it writes its configuration at its start


def test_every_service_that_stays_says_whether_it_is_well() -> None:
    assert "HEALTHCHECK" in {name for name, _ in instructions()}
    once = {name for name in OURS if SERVICES[name].get("healthcheck") == {"disable": True}}
    waited_for = {
        other
        for service in SERVICES.values()
        for other, wait in service.get("depends_on", {}).items()
        if wait["condition"] == "service_completed_successfully"
    }
    assert once == waited_for
    for name in SERVICES.keys() - once - {"worker"}:  # which has the image's
        assert SERVICES[name]["healthcheck"]["test"][0] == "CMD", name
    mark = SERVICES["producer"]["command"][SERVICES["producer"]["command"].index("--resume") + 1]
    assert repr(mark) in SERVICES["producer"]["healthcheck"]["test"][-1]


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


def test_each_command_is_run_by_the_image_that_has_its_libraries() -> None:
    for name in OURS:
        lock = {**arguments(), **SERVICES[name]["build"].get("args", {})}["LOCK"]
        needs_all = EXTRAS[SERVICES[name]["command"][0]] != "worker"
        assert lock == ("requirements.lock" if needs_all else "requirements-worker.lock"), name
        assert SERVICES[name]["image"] == ("kozamori-trainer:local" if needs_all else "kozamori:local"), name
