"""Scrape configuration and alerting rules, by Prometheus' own tool and against the table of metrics."""

import re
import subprocess
from pathlib import Path
from typing import Any

import yaml
from support.dashboard import panel_queries
from support.prometheus import promtool

from detector.core.chains import CHAINS
from detector.core.topology import topology_of
from detector.observe.catalogue import METRICS, STAGE

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
#: What the client library and Prometheus itself provide.
FOREIGN = {"up", "process_resident_memory_bytes", "process_cpu_seconds_total"}
NAMES = FOREIGN | {
    metric.name + suffix
    for metric in METRICS
    for suffix in (("_bucket", "_count", "_sum") if metric.type == "histogram" else ("",))
}


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((FOLDER / "alerts.yml").read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def rule_tests() -> list[dict[str, Any]]:
    files = ("rules_test.yml", "rules_days_test.yml")
    return [test for name in files for test in yaml.safe_load((FOLDER / name).read_text("utf-8"))["tests"]]


def metrics_in(promql: str) -> set[str]:
    """Names that are metrics: ours by prefix, others by being selected from or rated."""
    return set(re.findall(r"\b(?:kozamori|process|python)_[a-z0-9_]+|\bup\b", promql))


def check(*arguments: str) -> None:
    checked = subprocess.run(
        [promtool(), *arguments], cwd=FOLDER, capture_output=True, text=True, timeout=120, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_promtool_accepts_the_scrape_configuration() -> None:
    check("check", "config", "prometheus.yml")


def test_promtool_accepts_the_rules() -> None:
    check("check", "rules", "alerts.yml")


def test_every_rule_fires_when_it_should_and_only_then() -> None:
    check("test", "rules", "rules_test.yml", "rules_days_test.yml")


def test_every_rule_says_who_is_woken_what_happened_and_what_to_do() -> None:
    assert rules()
    for rule in rules():
        assert rule["labels"]["severity"] in {"page", "ticket"}, rule
        assert set(rule["annotations"]) == {"summary", "action"}, rule
        assert rule["alert"].startswith("Kozamori")


def labels_of(series: str) -> dict[str, str]:
    return dict(re.findall(r'(\w+)="([^"]*)"', series))


def silent_series(rule: dict[str, Any], group: dict[str, Any], alerts: list[dict[str, Any]]) -> list[str]:
    """Series that the rule reads and for which none of the expected alerts is, by labels both have."""
    read = [
        entry["series"] for entry in group["input_series"] if metrics_in(entry["series"]) & metrics_in(rule["expr"])
    ]
    expected = [alert["exp_labels"].items() - rule["labels"].items() for alert in alerts]
    return [
        series
        for series in read
        if not any(all(labels_of(series).get(name, value) == value for name, value in labels) for labels in expected)
    ]


def test_every_rule_has_a_case_that_fires_and_a_time_or_a_series_that_does_not() -> None:
    missing = []
    for rule in rules():
        fires = silent = False
        for group in rule_tests():
            for case in group.get("alert_rule_test", ()):
                if case["alertname"] == rule["alert"]:
                    alerts = case.get("exp_alerts", [])
                    fires |= bool(alerts)
                    silent |= not alerts or bool(silent_series(rule, group, alerts))
        missing += [(rule["alert"], what) for what, there in (("fires", fires), ("does not", silent)) if not there]
    assert [] == missing


def test_rules_and_panels_read_only_metrics_that_exist() -> None:
    queries = [(rule["alert"], rule["expr"]) for rule in rules()] + panel_queries()
    assert [] == [name for name, promql in queries if not metrics_in(promql)]
    assert [] == [(name, unknown) for name, promql in queries if (unknown := metrics_in(promql) - NAMES)]


def test_the_rule_tests_feed_only_metrics_that_exist_with_their_labels() -> None:
    labels = {name: set(metric.labels) for metric in METRICS for name in NAMES if name.startswith(metric.name)}
    for series in (entry["series"] for group in rule_tests() for entry in group["input_series"]):
        name, _, rest = series.partition("{")
        assert name in NAMES
        given = set(re.findall(r"(\w+)=", rest)) - {"job", "instance", "le"}
        assert given == labels.get(name, set()), series


def test_what_came_in_is_counted_by_the_stages_that_read_a_source_topic() -> None:
    nodes = {node.name for chain in CHAINS for node in topology_of(chain).nodes if node.source is not None}
    texts = [rule["expr"] for rule in rules()] + [promql for _, promql in panel_queries()] + [STAGE]
    said = [names for text in texts for names in re.findall(r'stage!?=~"([^"]+)"', text)]
    assert {frozenset(nodes)} == {frozenset(names.split("|")) for names in said}


def test_events_are_never_summed_over_all_stages() -> None:
    queries = [rule["expr"] for rule in rules()] + [promql for _, promql in panel_queries()]
    summed = [
        promql
        for promql in queries
        for metric, selector in re.findall(r"(kozamori_\w+)(?:\{([^}]*)\})?", promql)
        if metric in {"kozamori_events_total", "kozamori_lag_events", "kozamori_chunk_events_sum"}
        and not ("stage" in selector or re.search(r"by \([^)]*stage", promql))
    ]
    assert [] == summed


def test_every_bucket_a_query_names_is_a_bucket_of_its_histogram() -> None:
    buckets = {metric.name: {repr(float(bound)) for bound in metric.buckets} for metric in METRICS}
    found = [
        (name, bound)
        for _, promql in panel_queries()
        for name, bound in re.findall(r'(kozamori_\w+)_bucket\{le="([^"]+)"', promql)
    ]
    assert found
    assert all(bound in buckets[name] for name, bound in found)
