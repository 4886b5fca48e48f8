"""How a table of panels becomes a dashboard of Grafana: builders of panels, variables and annotations."""

import json
import sys
from pathlib import Path
from typing import Any

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, timeseries
from grafana_foundation_sdk.builders import dashboard as grafana
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from panel import Panel, Row

sys.path.append(str(Path(__file__).parents[1] / "prometheus"))

from rule import panel_id
from rules import all_rules

SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
#: Put into selectors for `%`: the workers chosen at the top of the dashboard.
WORKERS = 'deployment=~"$deployment", job=~"$job", instance=~"$instance"'
#: And for `@`: what has no worker of its own, such as a share over all of them, or the canary.
DEPLOYMENT = 'deployment=~"$deployment"'
NO_DATA = "no data"

Builder = stat.Panel | timeseries.Panel | bargauge.Panel


def _empty(panel: Panel) -> Builder:
    if panel.kind == "number":
        return (
            stat.Panel()
            .height(4)
            .color_mode(common_models.BigValueColorMode.VALUE)
            .graph_mode(common_models.BigValueGraphMode.NONE)
            .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        )
    if panel.kind == "ranking":
        return (
            bargauge.Panel()
            .height(8)
            .orientation(common_models.VizOrientation.HORIZONTAL)
            .display_mode(common_models.BarGaugeDisplayMode.BASIC)
            .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        )
    lines = timeseries.Panel().height(8).fill_opacity(10).show_points(common_models.VisibilityMode.NEVER).min(0)
    if panel.kind == "bars":
        lines.draw_style(common_models.GraphDrawStyle.BARS).fill_opacity(80)
        lines.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL))
    if panel.thresholds:
        drawn = common_models.GraphThresholdsStyleMode.LINE
        lines.thresholds_style(common.GraphThresholdsStyleConfig().mode(drawn))
    return lines


def _panel(panel: Panel) -> Builder:
    builder = _empty(panel).title(panel.title).description(panel.description).unit(panel.unit).span(panel.width)
    builder.datasource(SOURCE).no_value(NO_DATA).id(panel_id(panel.title))
    if panel.thresholds:
        steps = [models.Threshold(value=value, color=color) for value, color in panel.thresholds]
        builder.thresholds(grafana.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(steps))
    for letter, query in zip("ABCDEFGH", panel.queries, strict=False):
        target = prometheus.Dataquery().ref_id(letter).datasource(SOURCE).legend_format(query.legend or panel.title)
        target.expr(_chosen(query.promql))
        builder.with_target(target.instant() if panel.kind == "ranking" else target.range())
    return builder.links(
        [
            grafana.DashboardLink(f"{rule.severity}: {rule.alert}")
            .type(models.DashboardLinkType.LINK)
            .url(f"${{runbooks}}/{rule.alert}.md")
            .target_blank(target_blank=True)
            for rule in all_rules()
            if rule.panel == panel.title
        ]
    )


def _chosen(promql: str) -> str:
    return promql.replace("%", WORKERS).replace("@", DEPLOYMENT)


def choice(name: str, label: str, query: str, *, every: str | None = ".+") -> grafana.QueryVariable:
    """A variable of values that a label has; `every` is the pattern for all of them, None where one must be chosen."""
    variable = (
        grafana.QueryVariable(name)
        .label(label)
        .query(query)
        .datasource(SOURCE)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
    )
    if every is None:
        return variable.multi(multi=False).include_all(include_all=False)
    everything = models.VariableOption(selected=True, text="All", value="$__all")
    return variable.multi(multi=True).include_all(include_all=True).all_value(every).current(everything)


def begin(title: str, uid: str, description: str, rows: tuple[Row, ...]) -> grafana.Dashboard:
    """A dashboard with these rows, its data source and where its runbooks are; more variables come from the caller."""
    board = (
        grafana.Dashboard(title)
        .uid(uid)
        .description(description)
        .tags(["kozamori"])
        .timezone("browser")
        .refresh("10s")
        .time("now-1h", "now")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
        .readonly()
        .with_variable(grafana.DatasourceVariable("datasource").label("Data source").type("prometheus"))
        .with_variable(
            grafana.TextBoxVariable("runbooks")
            .label("Runbooks at")
            .default_value("http://127.0.0.1:9090/consoles/runbooks")
        )
    )
    for row in rows:
        board.with_row(grafana.Row(row.title).id(panel_id(row.title)))
        for panel in row.panels:
            board.with_panel(_panel(panel))
    return board


def annotated(board: models.Dashboard, annotations: tuple[tuple[str, str, str, str], ...]) -> str:
    """The JSON that Grafana reads, with annotations (name, colour, PromQL, title); the library knows no title."""
    plain: dict[str, Any] = json.loads(json.dumps(board, cls=JSONEncoder))
    plain["annotations"] = {
        "list": [
            {
                "name": name,
                "datasource": {"type": "prometheus", "uid": "${datasource}"},
                "enable": True,
                "expr": _chosen(promql),
                "iconColor": colour,
                "step": "60s",
                "titleFormat": title,
            }
            for name, colour, promql, title in annotations
        ]
    }
    return json.dumps(plain, indent=2, sort_keys=True) + "\n"
