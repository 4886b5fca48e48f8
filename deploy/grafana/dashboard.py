"""The dashboard as a table of panels; `python deploy/grafana/dashboard.py` writes `kozamori.json` beside this file."""

import json
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Literal

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, timeseries
from grafana_foundation_sdk.builders import dashboard as grafana
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models

TARGET = Path(__file__).with_name("kozamori.json")
SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
#: Put into every selector: the workers chosen at the top of the dashboard.
WORKERS = 'instance=~"$instance"'

Builder = stat.Panel | timeseries.Panel | bargauge.Panel


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL, in which `%` stands for the selector of the chosen workers, and how its series are named."""

    promql: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: a number with its colour, lines over time, stacked bars over time, or a ranking."""

    kind: Literal["number", "lines", "bars", "ranking"]
    title: str
    description: str
    unit: str
    width: int
    queries: tuple[Query, ...]
    thresholds: tuple[tuple[float | None, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """A titled row of panels, for one kind of reader."""

    title: str
    panels: tuple[Panel, ...]


def _quantiles(metric: str) -> tuple[Query, ...]:
    return tuple(
        Query(f"histogram_quantile({share}, sum by (le) (rate({metric}_bucket{{%}}[$__rate_interval])))", legend)
        for share, legend in ((0.5, "half of them"), (0.99, "99 of 100"))
    )


def _new(metric: str, label: str) -> str:
    # increase() does not see the sample a series begins with, and a bank's first alert is the one that matters most.
    return f"sum by ({label}) ((increase({metric}{{%}}[$__range]) and {metric}{{%}} offset $__range) or {metric}{{%}})"


ENGINEERS = Row(
    "For engineers: does the watch work?",
    (
        Panel(
            "number",
            "Workers ready",
            "Workers whose partitions are restored and read.",
            "short",
            4,
            (Query("sum(kozamori_ready{%})"),),
            ((None, "red"), (1, "green")),
        ),
        Panel(
            "number",
            "Events waiting",
            "Records in the log that were not processed yet, over all partitions.",
            "short",
            4,
            (Query("sum(kozamori_lag_events{%})"),),
            ((None, "green"), (10_000, "orange"), (100_000, "red")),
        ),
        Panel(
            "number",
            "Standing still",
            "Longest time a worker made no progress although events wait; its watchdog ends it at watchdog_s.",
            "s",
            4,
            (Query("max(kozamori_stalled_seconds{%})"),),
            ((None, "green"), (5, "orange"), (15, "red")),
        ),
        Panel(
            "number",
            "Events per second",
            "Valid events processed, replays included.",
            "short",
            4,
            (Query("sum(rate(kozamori_chunk_events_sum{%}[$__rate_interval]))"),),
        ),
        Panel(
            "number",
            "Unreadable in the last hour",
            "Records that went to dead letters.",
            "short",
            4,
            (Query("sum(increase(kozamori_dead_letters_total{%}[1h]))"),),
            ((None, "green"), (1, "orange"), (1_000, "red")),
        ),
        Panel(
            "number",
            "Event time reached",
            "The time of the newest event; years ago during a replay.",
            "dateTimeAsIso",
            4,
            (Query("max(kozamori_watermark_timestamp_seconds{%}) * 1000"),),
        ),
        Panel(
            "lines",
            "Events by kind",
            "Valid events per second, replays and duplicates included.",
            "short",
            12,
            (Query("sum by (kind) (rate(kozamori_events_total{%}[$__rate_interval]))", "{{kind}}"),),
        ),
        Panel(
            "lines",
            "Events waiting by partition",
            "One line far above the others is a key far more frequent than others, or a partition nobody reads.",
            "short",
            12,
            (Query("sum by (stage, partition) (kozamori_lag_events{%})", "{{stage}} {{partition}}"),),
        ),
        Panel(
            "lines",
            "From event to alert",
            "From the record's timestamp until Kafka confirmed the alert. The goal is 99 % within 0.15 s.",
            "s",
            8,
            _quantiles("kozamori_event_to_alert_seconds"),
        ),
        Panel(
            "lines",
            "Time to process a chunk",
            "From a chunk's bytes to its alerts handed to the producer.",
            "s",
            8,
            _quantiles("kozamori_process_seconds"),
        ),
        Panel(
            "lines",
            "Time to finish a checkpoint",
            "From its cut to the acknowledgement: outputs durable, rows durable, offsets released.",
            "s",
            8,
            _quantiles("kozamori_checkpoint_seconds"),
        ),
        Panel(
            "lines",
            "Processed but in no checkpoint",
            "What would be read again if the worker died now.",
            "short",
            8,
            (Query("sum by (stage, partition) (kozamori_unacknowledged_events{%})", "{{stage}} {{partition}}"),),
        ),
        Panel(
            "lines",
            "Rows written",
            "Rows sent to the changelog per second.",
            "short",
            8,
            (Query("sum by (stage) (rate(kozamori_checkpoint_rows_total{%}[$__rate_interval]))", "{{stage}}"),),
        ),
        Panel(
            "lines",
            "Events in a chunk",
            "Small chunks: the worker keeps up easily. Near max_chunk_records: it works through a queue.",
            "short",
            8,
            (
                Query(
                    "sum(rate(kozamori_chunk_events_sum{%}[$__rate_interval]))"
                    " / sum(rate(kozamori_chunk_events_count{%}[$__rate_interval]))",
                    "mean",
                ),
            ),
        ),
        Panel(
            "lines",
            "Accounts held",
            "Rows in memory; they go ttl_days after their last event.",
            "short",
            8,
            (Query("sum by (stage) (kozamori_rows{%})", "{{stage}}"),),
        ),
        Panel(
            "lines",
            "Memory",
            "Of each process, and what the rows take of it.",
            "bytes",
            8,
            (
                Query('process_resident_memory_bytes{job="kozamori", %}', "{{instance}}"),
                Query("sum by (instance) (kozamori_rows_bytes{%})", "{{instance}} rows"),
            ),
        ),
        Panel(
            "lines",
            "CPU",
            "Cores used by each process.",
            "short",
            8,
            (Query('rate(process_cpu_seconds_total{job="kozamori", %}[$__rate_interval])', "{{instance}}"),),
        ),
        Panel(
            "bars",
            "Unreadable by reason",
            "Dead letters per second; the reasons are explained in the contract.",
            "short",
            8,
            (Query("sum by (reason) (rate(kozamori_dead_letters_total{%}[$__rate_interval]))", "{{reason}}"),),
        ),
        Panel(
            "lines",
            "Skipped and late",
            "Per second. Replayed: after a restart. Duplicate: sent twice by its source. Late: over a minute behind.",
            "short",
            8,
            (
                Query("sum(rate(kozamori_replayed_total{%}[$__rate_interval]))", "replayed"),
                Query("sum(rate(kozamori_duplicates_total{%}[$__rate_interval]))", "duplicate"),
                Query("sum(rate(kozamori_late_events_total{%}[$__rate_interval]))", "late"),
            ),
        ),
        Panel(
            "lines",
            "Partitions",
            "Partitions each worker holds, and how often they were shared out anew.",
            "short",
            8,
            (
                Query("kozamori_assigned_partitions{%}", "{{instance}} holds"),
                Query("sum(increase(kozamori_rebalances_total{%}[$__rate_interval]))", "rebalances"),
            ),
        ),
        Panel(
            "lines",
            "Rows restored and forgotten",
            "Restored from the changelog after a start or a rebalance; forgotten after ttl_days.",
            "short",
            12,
            (
                Query("sum(increase(kozamori_restored_rows_total{%}[$__rate_interval]))", "restored"),
                Query("sum(increase(kozamori_expired_rows_total{%}[$__rate_interval]))", "forgotten"),
            ),
        ),
        Panel(
            "lines",
            "What runs",
            "Workers by release and by model: two lines for longer than a roll-out are a mistake.",
            "short",
            12,
            (
                Query("count by (version, python) (kozamori_build_info{%})", "kozamori {{version}}, python {{python}}"),
                Query("count by (version) (kozamori_model_info{%})", "model {{version}}"),
            ),
        ),
    ),
)

FRAUD_DESK = Row(
    "For the fraud desk: what does it see?",
    (
        Panel(
            "number",
            "Cases in 24 h",
            "Accounts newly alerted; further alerts of an account within 24 h belong to its case.",
            "short",
            4,
            (Query("sum(increase(kozamori_cases_total{%}[24h]))"),),
        ),
        Panel(
            "number",
            "False cases expected a day",
            "The budget the model was calibrated to: so many cases a day come from normal life.",
            "short",
            4,
            (Query("max(kozamori_alert_budget_per_day{%})"),),
        ),
        Panel(
            "number",
            "Still to be saved",
            "Yen left to the monthly cap of the accounts alerted in 24 h, when their case was opened.",
            "currencyJPY",
            4,
            (Query("sum(increase(kozamori_yen_at_risk_total{%}[24h]))"),),
            ((None, "orange"),),
        ),
        Panel(
            "number",
            "Already gone",
            "Yen debited from these accounts before their case was opened, the alerting debit included.",
            "currencyJPY",
            4,
            (Query("sum(increase(kozamori_yen_debited_total{%}[24h]))"),),
            ((None, "red"),),
        ),
        Panel(
            "number",
            "How early",
            "Share of the money in question that was still there when the case was opened.",
            "percentunit",
            4,
            (
                Query(
                    "sum(increase(kozamori_yen_at_risk_total{%}[24h])) / clamp_min("
                    "sum(increase(kozamori_yen_at_risk_total{%}[24h]))"
                    " + sum(increase(kozamori_yen_debited_total{%}[24h])), 1)"
                ),
            ),
            ((None, "red"), (0.5, "orange"), (0.67, "green")),
        ),
        Panel(
            "number",
            "Critical cases in 24 h",
            "By the severity table: much money at risk, and seldom so in normal life.",
            "short",
            4,
            (Query('sum(increase(kozamori_cases_total{severity="critical", %}[24h]))'),),
            ((None, "green"), (1, "red")),
        ),
        Panel(
            "bars",
            "New cases by severity",
            "Cases opened in each interval.",
            "short",
            12,
            (Query("sum by (severity) (increase(kozamori_cases_total{%}[$__rate_interval]))", "{{severity}}"),),
        ),
        Panel(
            "bars",
            "Alerts by detector",
            "Which detector spoke; updates of a case included.",
            "short",
            12,
            (Query("sum by (detector) (increase(kozamori_alerts_total{%}[$__rate_interval]))", "{{detector}}"),),
        ),
        Panel(
            "ranking",
            "Alerts by bank",
            "Zengin codes with the most alerts in the time shown. Attacks concentrate on few banks.",
            "short",
            8,
            (Query(f"topk(15, {_new('kozamori_alerts_by_bank_total', 'bank')})", "{{bank}}"),),
        ),
        Panel(
            "ranking",
            "Alerts by service",
            "Wallet services with the most alerts in the time shown.",
            "short",
            8,
            (Query(f"topk(10, {_new('kozamori_alerts_by_service_total', 'service')})", "{{service}}"),),
        ),
        Panel(
            "lines",
            "Events that look unusual",
            "Share of scored events at least as unusual as once, or twenty times, a day in normal life. "
            "A slow rise is drift, a jump an attack or a campaign.",
            "percentunit",
            8,
            tuple(
                Query(
                    f'sum(rate(kozamori_alarm_per_day_bucket{{le="{bound}", %}}[$__rate_interval]))'
                    " / sum(rate(kozamori_alarm_per_day_count{%}[$__rate_interval]))",
                    f"at most {bound.removesuffix('.0')} a day",
                )
                for bound in ("1.0", "20.0")
            ),
        ),
        Panel(
            "lines",
            "Link attempts that fail",
            "Share of link attempts refused, by service. Typing errors make a steady level; guessing of PINs lifts it.",
            "percentunit",
            12,
            (
                Query(
                    '1 - sum by (service) (rate(kozamori_events_total{kind="link", result="ok", %}[$__rate_interval]))'
                    ' / sum by (service) (rate(kozamori_events_total{kind="link", %}[$__rate_interval]))',
                    "{{service}}",
                ),
            ),
        ),
        Panel(
            "bars",
            "Debits by result",
            "Debits per second. Many over the cap: somebody tries how much an account gives.",
            "short",
            12,
            (Query('sum by (result) (rate(kozamori_events_total{kind="debit", %}[$__rate_interval]))', "{{result}}"),),
        ),
    ),
)
ROWS = (ENGINEERS, FRAUD_DESK)


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
