"""Dashboards by the rules that Grafana's own linter of dashboards has; where a panel may differ, the reason is here."""

import re
from typing import Any

import pytest
import yaml
from support.dashboard import BOARDS, FOLDER, annotation_queries, board, panels

#: Recorded over all workers: they have no `instance`, and those of `canary` and `notify` are of no worker.
NO_WORKER = ("_ratio:", "kozamori_canary_", "kozamori_desk_", "kozamori_notify_")
RULES = FOLDER.parent / "prometheus"


def targets(name: str) -> list[tuple[str, str]]:
    return [(panel["title"], target["expr"]) for panel in panels(name) for target in panel["targets"]]


def selectors(promql: str) -> list[tuple[str, str]]:
    """(metric, selector) of every series that is read; "" where it has no selector."""
    found = re.findall(r"\b((?:deployment_job:)?(?:kozamori|process)_[\w:]+)(?:\{([^}]*)\})?", promql)
    return [(metric, selector) for metric, selector in found if metric]


def variables(name: str) -> dict[str, dict[str, Any]]:
    return {variable["name"]: variable for variable in board(name)["templating"]["list"]}


@pytest.mark.parametrize("name", BOARDS)
def test_the_data_source_is_a_variable_and_every_panel_and_target_uses_it(name: str) -> None:
    source = variables(name)["datasource"]
    assert ("datasource", "prometheus", "Data source") == (source["type"], source["query"], source["label"])
    for panel in panels(name):
        for used in (panel, *panel["targets"]):
            assert {"type": "prometheus", "uid": "${datasource}"} == used["datasource"], panel["title"]


def test_job_and_instance_can_be_chosen_several_at_once_and_are_read_anew_when_the_time_changes() -> None:
    for name, label in (("job", "Job"), ("instance", "Instance")):
        variable = variables("kozamori.json")[name]
        assert (label, ".+", True, True) == tuple(variable[key] for key in ("label", "allValue", "multi", "includeAll"))
    for name in BOARDS:
        read = [variable for variable in variables(name).values() if variable["type"] == "query"]
        assert read
        assert {2} == {variable["refresh"] for variable in read}


def test_every_query_of_a_worker_s_metric_takes_the_chosen_workers() -> None:
    wanted = ['deployment=~"$deployment"', 'job=~"$job"', 'instance=~"$instance"']
    for title, promql in targets("kozamori.json"):
        for metric, selector in selectors(promql):
            need = wanted[:1] if any(part in metric for part in NO_WORKER) else wanted
            assert [] == [matcher for matcher in need if matcher not in selector], (title, metric)


def test_what_is_by_bank_takes_the_chosen_banks() -> None:
    for title, promql in targets("kozamori.json"):
        for metric, selector in selectors(promql):
            if "by (bank" in promql and "kozamori" in metric:
                assert 'bank=~"$bank"' in selector, title


def test_the_bank_s_dashboard_reads_one_bank_and_nothing_without_a_bank() -> None:
    shown = targets("kozamori-bank.json")
    assert shown
    for title, promql in shown:
        assert selectors(promql)
        assert [] == [metric for metric, selector in selectors(promql) if 'bank="$bank"' not in selector], title
    chosen = variables("kozamori-bank.json")["bank"]
    assert not chosen["multi"]
    assert not chosen["includeAll"]
    assert [] == board("kozamori-bank.json")["annotations"]["list"]


@pytest.mark.parametrize("name", BOARDS)
def test_a_counter_is_only_read_by_its_change(name: str) -> None:
    for title, promql in targets(name):
        for match in re.finditer(r"(kozamori_\w+_(?:total|sum|count|bucket))\{", promql):
            before = promql[: match.start()]
            changes = re.search(r"(?:rate|increase|changes)\($", before)
            # `increase(x) and x offset … or x`: a series that began meanwhile counts whole.
            assert changes or ("offset" in promql and "increase(" in promql), (title, match[1])


@pytest.mark.parametrize("name", BOARDS)
def test_a_rate_is_over_the_interval_that_grafana_computes(name: str) -> None:
    for title, promql in targets(name):
        windows = re.findall(r"\brate\([^\[]*\[([^\]]+)\]", promql)
        assert [] == [w for w in windows if w != "$__rate_interval" and "kozamori_canary" not in promql], title


@pytest.mark.parametrize("name", BOARDS)
def test_every_panel_has_a_title_a_description_a_unit_a_target_and_says_where_there_is_no_data(name: str) -> None:
    for panel in panels(name):
        defaults = panel["fieldConfig"]["defaults"]
        assert panel["title"]
        assert panel["description"]
        assert panel["targets"]
        assert defaults["unit"]
        assert "no data" == defaults["noValue"]


@pytest.mark.parametrize("name", BOARDS)
def test_a_line_that_has_thresholds_has_them_drawn(name: str) -> None:
    lines = [
        panel
        for panel in panels(name)
        if panel["type"] == "timeseries" and "thresholds" in panel["fieldConfig"]["defaults"]
    ]
    for panel in lines:
        assert "line" == panel["fieldConfig"]["defaults"]["custom"]["thresholdsStyle"]["mode"], panel["title"]


@pytest.mark.parametrize(
    ("title", "limit", "alert"),
    [
        ("From event to alert", 2.5, 'kozamori_event_to_alert_seconds_bucket{le="2.5"}'),
        ("Time to finish a checkpoint", 1, "rate(kozamori_checkpoint_seconds_bucket[5m]))) > 1"),
        ("Messages waiting in hops", 1_000, "> 1000"),
        ("Restarts", 4, 'changes(process_start_time_seconds{job="kozamori"}[20m]) >= 4'),
        ("Oldest unread alert by desk", 300, "(kozamori_desk_unread_seconds) > bool 300"),
        ("Alerts that came late", 0.01, "* 0.01"),
        ("Events that nobody judged", 0.001, "* 0.001"),
    ],
)
def test_the_line_that_is_drawn_is_the_one_that_alerts(title: str, limit: float, alert: str) -> None:
    (panel,) = [panel for panel in panels("kozamori.json") if panel["title"] == title]
    steps = panel["fieldConfig"]["defaults"]["thresholds"]["steps"]
    assert limit in [step["value"] for step in steps]
    rules = " ".join(
        rule["expr"]
        for name in ("alerts.yml", "slo.yml")
        for group in yaml.safe_load((RULES / name).read_text("utf-8"))["groups"]
        for rule in group["rules"]
    )
    assert alert in rules


@pytest.mark.parametrize("name", BOARDS)
def test_nobody_edits_a_dashboard_that_is_written_by_a_table(name: str) -> None:
    assert board(name)["editable"] is False


def test_an_alert_leads_to_its_panel_and_the_panel_to_the_alert_s_runbook() -> None:
    shown = {panel["id"]: panel for panel in panels("kozamori.json")}
    groups = [yaml.safe_load((RULES / name).read_text("utf-8"))["groups"] for name in ("alerts.yml", "slo.yml")]
    alerts = [rule for part in groups for group in part for rule in group["rules"] if "alert" in rule]
    assert alerts
    for rule in alerts:
        path, _, panel = rule["annotations"]["dashboard_url"].partition("?viewPanel=")
        assert "/d/" + board("kozamori.json")["uid"] == path
        links = [link["url"] for link in shown[int(panel)].get("links", ())]
        assert f"${{runbooks}}/{rule['alert']}.md" in links


def test_releases_models_rebalances_and_alerts_are_marked_on_every_panel() -> None:
    marked = board("kozamori.json")["annotations"]["list"]
    assert ["Releases", "Models", "Rebalances", "Alerts"] == [one["name"] for one in marked]
    assert all(one["enable"] and one["titleFormat"] for one in marked)
    assert len(annotation_queries()) == len(marked)
