"""The queries of the checked-in dashboard, ready to be put to a Prometheus."""

import json
from pathlib import Path
from typing import Any

DASHBOARD = Path(__file__).parents[2] / "deploy" / "grafana" / "kozamori.json"
#: What Grafana would put in: all workers, and windows that fit a test of seconds at a scrape a second.
VARIABLES = {"$instance": ".*", "$__rate_interval": "30s", "$__range": "1h", "$datasource": "prometheus"}


def panels() -> list[dict[str, Any]]:
    """The panels of the dashboard, without its rows."""
    board = json.loads(DASHBOARD.read_text("utf-8"))
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def panel_queries() -> list[tuple[str, str]]:
    """(title, PromQL) of every query of every panel, variables replaced."""
    return [(panel["title"], _filled(target["expr"])) for panel in panels() for target in panel["targets"]]


def _filled(promql: str) -> str:
    for name, value in VARIABLES.items():
        promql = promql.replace(name, value)
    return promql
