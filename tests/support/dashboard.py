"""The queries of the checked-in dashboards, ready to be put to a Prometheus."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[2] / "deploy" / "grafana"
BOARDS = ("kozamori.json", "kozamori-bank.json")
#: What Grafana would put in: all workers, and windows that fit a test of seconds at a scrape a second.
VARIABLES = {
    "$deployment": ".*",
    "$job": ".+",
    "$instance": ".+",
    '=~"$bank"': '=~".+"',
    '="$bank"': '="0116"',
    "$__rate_interval": "30s",
    "$__range": "1h",
    "$datasource": "prometheus",
}


def board(name: str) -> dict[str, Any]:
    """The dashboard in that file."""
    found: dict[str, Any] = json.loads((FOLDER / name).read_text("utf-8"))
    return found


def panels(*names: str) -> list[dict[str, Any]]:
    """The panels of these dashboards, or of all, without their rows."""
    return [panel for name in names or BOARDS for panel in board(name)["panels"] if panel["type"] != "row"]


def panel_queries(*names: str) -> list[tuple[str, str]]:
    """(title, PromQL) of every query of every panel of these dashboards, or of all, variables replaced."""
    return [(panel["title"], filled(target["expr"])) for panel in panels(*names) for target in panel["targets"]]


def annotation_queries() -> list[tuple[str, str]]:
    """(name, PromQL) of the annotations of all dashboards, variables replaced."""
    return [(one["name"], filled(one["expr"])) for name in BOARDS for one in board(name)["annotations"]["list"]]


def filled(promql: str) -> str:
    """PromQL with the variables' values in it."""
    for name, value in VARIABLES.items():
        promql = promql.replace(name, value)
    return promql
