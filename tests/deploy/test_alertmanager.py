"""Whom an alert reaches, by Alertmanager's own tool, and the mixin, by jsonnet: both against the rules."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.prometheus import program, promtool

DEPLOY = Path(__file__).parents[2] / "deploy"
CONFIG = DEPLOY / "alertmanager" / "alertmanager.yml"
ALERTMANAGER = yaml.safe_load(CONFIG.read_text("utf-8"))


def groups() -> list[dict[str, Any]]:
    files = [DEPLOY / "prometheus" / name for name in ("alerts.yml", "slo.yml")]
    return [group for file in files for group in yaml.safe_load(file.read_text("utf-8"))["groups"]]


def rules(kind: str) -> list[dict[str, Any]]:
    return [rule for group in groups() for rule in group["rules"] if kind in rule]


def amtool(*arguments: str) -> str:
    command = [program("amtool", "prometheus-alertmanager"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def rendered(mixin: str) -> Any:
    shown = ("prometheusAlerts", "prometheusRules", "grafanaDashboards")
    expression = f"local m = {mixin}; {{ {', '.join(f'{name}: m.{name}' for name in shown)} }}"
    command = [program("jsonnet", "jsonnet"), "--jpath", str(DEPLOY / "mixin"), "--exec", expression]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_amtool_accepts_the_configuration() -> None:
    assert "SUCCESS" in amtool("check-config", str(CONFIG))


@pytest.mark.parametrize(("severity", "receiver"), [("page", "pager"), ("ticket", "tickets")])
def test_a_page_reaches_the_pager_and_a_ticket_does_not(severity: str, receiver: str) -> None:
    test = ("config", "routes", "test", f"--config.file={CONFIG}", f"severity={severity}", "deployment=blue")
    assert receiver == amtool(*test)


def test_what_keeps_an_alert_quiet_are_alerts_that_exist_and_no_page_is_kept_quiet_by_a_ticket() -> None:
    severities = {rule["alert"]: rule["labels"]["severity"] for rule in rules("alert")}
    assert ALERTMANAGER["inhibit_rules"]
    for rule in ALERTMANAGER["inhibit_rules"]:
        sources, targets = (
            re.findall(r"Kozamori\w+", " ".join(rule[side])) for side in ("source_matchers", "target_matchers")
        )
        assert sources
        assert targets
        assert not set(sources) & set(targets)
        assert {"page"} == {severities[name] for name in sources}
        assert set(targets) <= set(severities)
        assert rule["equal"][:2] == ["deployment", "job"]


def test_wallet_events_that_never_come_do_not_keep_a_silent_service_quiet() -> None:
    (rule,) = [
        rule for rule in ALERTMANAGER["inhibit_rules"] if "KozamoriServiceSilent" in str(rule["target_matchers"])
    ]
    assert {'alertname="KozamoriInputQuiet"', 'stage="account"'} == set(rule["source_matchers"])


def test_a_ticket_on_a_promise_is_quiet_while_its_page_fires() -> None:
    pairs = {
        (re.findall(r"Kozamori\w+", rule["source_matchers"][0])[0], name)
        for rule in ALERTMANAGER["inhibit_rules"]
        for name in re.findall(r"Kozamori\w+", rule["target_matchers"][0])
    }
    promises = [
        [rule["alert"] for rule in group["rules"] if "alert" in rule] for group in groups() if "slo" in group["name"]
    ]
    assert promises
    assert {(page, ticket) for page, ticket in promises} <= pairs


def test_the_mixin_has_every_rule_and_dashboard_as_it_is_checked_in(tmp_path: Path) -> None:
    mixin = rendered("import 'mixin.libsonnet'")
    for part, kind in (("prometheusAlerts", "alert"), ("prometheusRules", "record")):
        assert rules(kind) == [rule for group in mixin[part]["groups"] for rule in group["rules"]]
        file = tmp_path / f"{kind}.yml"
        file.write_text(json.dumps(mixin[part]), "utf-8")
        subprocess.run([promtool(), "check", "rules", str(file)], check=True, capture_output=True, timeout=60)
    boards = {path.name: json.loads(path.read_text("utf-8")) for path in (DEPLOY / "grafana").glob("*.json")}
    assert boards == mixin["grafanaDashboards"]


def test_the_mixin_takes_where_runbooks_and_grafana_are_and_which_targets_are_workers() -> None:
    places = "{ _config+:: { runbookURL: 'https://r', grafanaURL: 'https://g', selector: 'app=\"k\"' } }"
    mixin = rendered(f"(import 'mixin.libsonnet') + {places}")
    down = mixin["prometheusAlerts"]["groups"][0]["rules"][0]
    assert ('up{app="k"} == 0', "https://r/KozamoriWorkerDown.md") == (down["expr"], down["annotations"]["runbook_url"])
    assert down["annotations"]["dashboard_url"].startswith("https://g/d/kozamori?viewPanel=")
    boards = mixin["grafanaDashboards"].values()
    at = [one["query"] for board in boards for one in board["templating"]["list"] if one["name"] == "runbooks"]
    assert ["https://r"] * 2 == at


def test_the_mixin_is_formatted() -> None:
    command = [program("jsonnetfmt", "jsonnet"), "--test", str(DEPLOY / "mixin" / "mixin.libsonnet")]
    assert 0 == subprocess.run(command, capture_output=True, timeout=60, check=False).returncode
