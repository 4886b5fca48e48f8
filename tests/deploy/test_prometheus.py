"""Scrape configuration and alerting rules, by Prometheus' own tool and against the table of metrics."""

import re
import runpy
import subprocess
from functools import cache
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import yaml
from support.dashboard import annotation_queries, panel_queries
from support.prometheus import prometheus, promtool

from detector.core.chains import CHAINS
from detector.core.topology import topology_of
from detector.observe.catalogue import METRICS, NOTIFY, OUTSIDE, STAGE

FOLDER = Path(__file__).parents[2] / "deploy" / "prometheus"
#: What the client library and Prometheus itself provide.
FOREIGN = {"up", "process_resident_memory_bytes", "process_cpu_seconds_total", "process_start_time_seconds"}
NAMES = FOREIGN | {
    metric.name + suffix
    for metric in METRICS + OUTSIDE + NOTIFY
    for suffix in (("_bucket", "_count", "_sum") if metric.type == "histogram" else ("",))
}


RULE_FILES = ("alerts.yml", "slo.yml")
RULE_TESTS = sorted(path.name for path in FOLDER.glob("*_test.yml"))
RUNBOOKS = FOLDER.parent / "runbooks"
#: So many scrapes a window must hold: some are missed, and Prometheus needs two for a rate.
SCRAPES = 4
SLOWEST_SCRAPE_S = 60
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@cache
def all_rules() -> list[dict[str, Any]]:
    files = [yaml.safe_load((FOLDER / name).read_text("utf-8"))["groups"] for name in RULE_FILES]
    return [rule for groups in files for group in groups for rule in group["rules"]]


def rules() -> list[dict[str, Any]]:
    return [rule for rule in all_rules() if "alert" in rule]


@cache
def rule_tests() -> list[dict[str, Any]]:
    return [test for name in RULE_TESTS for test in yaml.safe_load((FOLDER / name).read_text("utf-8"))["tests"]]


def metrics_in(promql: str) -> set[str]:
    """Names that are metrics: ours by prefix, others by being selected from or rated."""
    return set(re.findall(r"(?<!:)\b(?:kozamori|process|python)_[a-z0-9_]+\b(?!:)|\bup\b", promql))


def recorded_in(promql: str) -> set[str]:
    """Names of recorded series: they have colons."""
    return set(re.findall(r"\b\w+:\w+:\w+\b", promql))


def behind(promql: str) -> set[str]:
    """Metrics that it reads, those of what was recorded included."""
    recorded = {rule["record"]: rule["expr"] for rule in all_rules() if "record" in rule}
    return metrics_in(promql).union(*(behind(recorded[name]) for name in recorded_in(promql)))


def check(*arguments: str) -> None:
    checked = subprocess.run(
        [promtool(), *arguments], cwd=FOLDER, capture_output=True, text=True, timeout=120, check=False
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_promtool_accepts_the_scrape_configuration() -> None:
    check("check", "config", "prometheus.yml")


def test_promtool_accepts_the_rules() -> None:
    check("check", "rules", *RULE_FILES)


@pytest.mark.parametrize("name", RULE_TESTS)
def test_every_rule_fires_when_it_should_and_only_then(name: str) -> None:
    check("test", "rules", name)


def test_the_checked_in_rules_are_what_the_tables_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))  # as Python does for a script
    rendered = runpy.run_path(str(FOLDER / "rules.py"))["rendered"]()
    assert {*RULE_FILES, "../mixin/rules.json"} == set(rendered)
    for name, text in rendered.items():
        assert text == (FOLDER / name).read_text("utf-8"), "stale: run python deploy/prometheus/rules.py"


def test_every_rule_says_who_is_woken_what_happened_what_to_do_and_where_it_is_shown() -> None:
    assert rules()
    for rule in rules():
        assert rule["labels"]["severity"] in {"page", "ticket"}, rule
        assert set(rule["annotations"]) == {"summary", "action", "runbook_url", "dashboard_url"}, rule
        assert rule["alert"].startswith("Kozamori")


def test_every_rule_has_a_runbook_of_its_own_and_every_runbook_a_rule() -> None:
    alerts = [rule["alert"] for rule in rules()]
    assert len(alerts) == len(set(alerts))
    assert sorted(alerts) == sorted(path.stem for path in RUNBOOKS.glob("*.md"))
    for rule in rules():
        assert rule["annotations"]["runbook_url"].endswith(f"/runbooks/{rule['alert']}.md")


@pytest.mark.parametrize("page", sorted(RUNBOOKS.glob("*.md")), ids=lambda page: page.stem)
def test_a_runbook_says_what_the_alert_means_what_to_look_at_and_what_to_do(page: Path) -> None:
    lines = page.read_text("utf-8").splitlines()
    assert f"# {page.stem}" == lines[0]
    heads = ["## What it means", "## What to look at", "## What to do"]
    assert heads == [line for line in lines if line.startswith("## ")]
    titles = {title for title, _ in panel_queries()}
    shown = [name for line in lines for name in re.findall(r"(?<!\*)\*([^*]+)\*(?!\*)", line)]
    assert [] == [name for name in shown if name not in titles], "no panel has that title"
    named = [name for line in lines[1:] for name in re.findall(r"\bKozamori[A-Z]\w+", line)]
    assert [] == [name for name in named if not (RUNBOOKS / f"{name}.md").exists()]


def test_prometheus_itself_serves_the_runbook_that_an_alert_names(tmp_path: Path) -> None:
    (tmp_path / "runbooks").symlink_to(RUNBOOKS)
    with prometheus("127.0.0.1:1", [FOLDER / "alerts.yml"], consoles=tmp_path) as real:
        (fired,) = real.wait_for('ALERTS{alertname="KozamoriWorkerDown"}')
        assert "pending" == fired["metric"]["alertstate"]
        with urlopen(f"{real.url}/consoles/runbooks/KozamoriWorkerDown.md", timeout=10) as answer:
            assert (RUNBOOKS / "KozamoriWorkerDown.md").read_text("utf-8") == answer.read().decode()


def test_every_window_holds_four_scrapes_a_minute_apart() -> None:
    for rule in all_rules():
        windows = re.findall(r"(?:rate|increase|deriv|changes|\w+_over_time)\([^\[]*\[(\d+)([smhd])", rule["expr"])
        short = [f"{n}{unit}" for n, unit in windows if int(n) * SECONDS[unit] < SCRAPES * SLOWEST_SCRAPE_S]
        assert [] == short, rule


def test_every_sum_keeps_the_deployment() -> None:
    for rule in all_rules():
        by = re.findall(r"\b(?:by|on) \(([^)]*)\)", rule["expr"])
        assert [] == [labels for labels in by if not labels.startswith("deployment, job")], rule


def labels_of(series: str) -> dict[str, str]:
    return dict(re.findall(r'(\w+)="([^"]*)"', series))


def silent_series(rule: dict[str, Any], group: dict[str, Any], alerts: list[dict[str, Any]]) -> list[str]:
    """Series that the rule reads and for which none of the expected alerts is, by labels both have."""
    metrics = behind(rule["expr"])
    read = [entry["series"] for entry in group["input_series"] if metrics_in(entry["series"]) & metrics]
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
    queries = [(rule["alert"], rule["expr"]) for rule in rules()] + panel_queries() + annotation_queries()
    recorded = {rule["record"] for rule in all_rules() if "record" in rule}
    assert [] == [name for name, promql in queries if not metrics_in(promql) | recorded_in(promql) and name != "Alerts"]
    assert [] == [(name, unknown) for name, promql in queries if (unknown := recorded_in(promql) - recorded)]
    assert [] == [(name, unknown) for name, promql in queries if (unknown := metrics_in(promql) - NAMES)]


def test_the_rule_tests_feed_only_metrics_that_exist_with_their_labels() -> None:
    known = METRICS + OUTSIDE + NOTIFY
    labels = {name: set(metric.labels) for metric in known for name in NAMES if name.startswith(metric.name)}
    for series in (entry["series"] for group in rule_tests() for entry in group["input_series"]):
        name, _, rest = series.partition("{")
        assert name in NAMES
        given = set(re.findall(r"(\w+)=", rest)) - {"job", "instance", "deployment", "le"}
        assert given == labels.get(name, set()), series


def test_what_came_in_is_counted_by_the_stages_that_read_a_source_topic() -> None:
    nodes = {node.name for chain in CHAINS for node in topology_of(chain).nodes if node.source is not None}
    texts = [rule["expr"] for rule in all_rules()] + [promql for _, promql in panel_queries()] + [STAGE]
    said = [names for text in texts for names in re.findall(r'stage!?=~"([^"]+)"', text)]
    assert {frozenset(nodes)} == {frozenset(names.split("|")) for names in said}


def test_events_are_never_summed_over_all_stages() -> None:
    queries = [rule["expr"] for rule in all_rules()] + [promql for _, promql in panel_queries()]
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
        for promql in [promql for _, promql in panel_queries()] + [rule["expr"] for rule in all_rules()]
        for name, bound in re.findall(r'(kozamori_\w+)_bucket\{le="([^"]+)"', promql)
    ]
    assert found
    assert all(bound in buckets[name] | {"+Inf"} for name, bound in found)
