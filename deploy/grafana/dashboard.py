"""The dashboard as a table of panels; `python deploy/grafana/dashboard.py` writes `kozamori.json` beside this file."""

import json
from itertools import count
from pathlib import Path

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, timeseries
from grafana_foundation_sdk.builders import dashboard as grafana
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from panel import Panel
from row_engineers import ENGINEERS
from row_fraud_desk import FRAUD_DESK
from row_stages import STAGES

TARGET = Path(__file__).with_name("kozamori.json")
SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
#: Put into every selector: the workers chosen at the top of the dashboard.
WORKERS = 'instance=~"$instance"'

ROWS = (ENGINEERS, STAGES, FRAUD_DESK)

Builder = stat.Panel | timeseries.Panel | bargauge.Panel


def _empty(kind: str) -> Builder:
    if kind == "number":
        return (
            stat.Panel()
            .height(4)
            .color_mode(common_models.BigValueColorMode.VALUE)
            .graph_mode(common_models.BigValueGraphMode.NONE)
            .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        )
    if kind == "ranking":
        return (
            bargauge.Panel()
            .height(8)
            .orientation(common_models.VizOrientation.HORIZONTAL)
            .display_mode(common_models.BarGaugeDisplayMode.BASIC)
            .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        )
    lines = timeseries.Panel().height(8).fill_opacity(10).show_points(common_models.VisibilityMode.NEVER).min(0)
    if kind == "bars":
        lines.draw_style(common_models.GraphDrawStyle.BARS).fill_opacity(80)
        lines.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL))
    return lines


def _panel(panel: Panel) -> Builder:
    builder = _empty(panel.kind).title(panel.title).description(panel.description).unit(panel.unit).span(panel.width)
    builder.datasource(SOURCE)
    if panel.thresholds:
        steps = [models.Threshold(value=value, color=color) for value, color in panel.thresholds]
        builder.thresholds(grafana.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps))
    for letter, query in zip("ABCDEFGH", panel.queries, strict=False):
        target = prometheus.Dataquery().ref_id(letter).datasource(SOURCE).legend_format(query.legend or panel.title)
        target.expr(query.promql.replace("%", WORKERS))
        builder.with_target(target.instant() if panel.kind == "ranking" else target.range())
    return builder


def build() -> models.Dashboard:
    """The dashboard, rows and panels in the order of the table."""
    board = (
        grafana.Dashboard("Kozamori")
        .uid("kozamori")
        .description("The account guard: does it work, and what does it see?")
        .tags(["kozamori"])
        .timezone("browser")
        .refresh("10s")
        .time("now-1h", "now")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .readonly()
        .with_variable(grafana.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .with_variable(
            grafana.QueryVariable("instance")
            .label("Worker")
            .query("label_values(kozamori_build_info, instance)")
            .datasource(SOURCE)
            .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .multi(multi=True)
            .include_all(include_all=True)
            .all_value(".*")
            .current(models.VariableOption(selected=True, text="All", value="$__all"))
        )
    )
    ids = count(1)
    for row in ROWS:
        board.with_row(grafana.Row(row.title).id(next(ids)))
        for panel in row.panels:
            board.with_panel(_panel(panel).id(next(ids)))
    return board.build()


def render() -> str:
    """The JSON that Grafana reads, byte for byte as it is checked in."""
    return json.dumps(build(), cls=JSONEncoder, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    TARGET.write_text(render(), "utf-8")
