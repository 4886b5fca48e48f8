"""Panels for those who run the workers."""

from panel import Panel, Query, Row, by_stage, quantiles, source_only

#: Of every process that Prometheus knows, those that are workers.
OURS = "and on (job, instance) kozamori_build_info{%}"

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
            "Events in the source topics that no stage has processed yet, over all partitions.",
            "short",
            4,
            (Query(f"sum({source_only('kozamori_lag_events')})"),),
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
            "Valid source events, replays included; each once, however many stages it passes.",
            "short",
            4,
            (Query(f"sum(rate({source_only('kozamori_chunk_events_sum')}[$__rate_interval]))"),),
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
            (Query(f"max({source_only('kozamori_watermark_timestamp_seconds')}) * 1000"),),
        ),
        Panel(
            "lines",
            "Events by kind",
            "Valid source events per second, replays and duplicates included.",
            "short",
            8,
            (Query(f"sum by (kind) (rate({source_only('kozamori_events_total')}[$__rate_interval]))", "{{kind}}"),),
        ),
        Panel(
            "lines",
            "Events by service",
            "Source events per second. A service that falls to nothing while others go on is cut off, or closed.",
            "short",
            8,
            (
                Query(
                    f"sum by (service) (rate({source_only('kozamori_events_total')}[$__rate_interval]))", "{{service}}"
                ),
            ),
        ),
        Panel(
            "lines",
            "Restarts",
            "Times each process began anew in 20 minutes. More than one or two of a roll-out: see its exit status.",
            "short",
            8,
            (Query(f"changes(process_start_time_seconds{{%}}[20m]) {OURS}", "{{instance}}"),),
            ((None, "green"), (4, "red")),
        ),
        Panel(
            "lines",
            "Partitions read",
            "Share of the deployment's input partitions, over all stages, that the workers hold. Below 100% for longer"
            " than a rebalance: nobody reads the others.",
            "percentunit",
            12,
            (Query("sum(kozamori_assigned_partitions{%}) / max(kozamori_partitions{%})", "read"),),
            ((None, "red"), (1, "green")),
        ),
        Panel(
            "lines",
            "Events waiting by partition",
            "One line far above the others is a key far more frequent than others, or a partition nobody reads. Held"
            " back: a transaction of their producer is still open.",
            "short",
            12,
            (
                Query(f"sum by (stage, partition) ({source_only('kozamori_lag_events')})", "{{stage}} {{partition}}"),
                Query("sum(kozamori_withheld_events{%})", "held back"),
            ),
        ),
        Panel(
            "lines",
            "From event to alert",
            "From the source record's timestamp until Kafka confirmed the alert. The goal is 99 % within 0.15 s.",
            "s",
            8,
            quantiles("kozamori_event_to_alert_seconds"),
            ((None, "green"), (2.5, "red")),
        ),
        Panel(
            "lines",
            "Time to finish a checkpoint",
            "From its cut, one for all stages, to the commit: outputs durable, rows durable, offsets committed.",
            "s",
            8,
            quantiles("kozamori_checkpoint_seconds"),
            ((None, "green"), (1, "red")),
        ),
        Panel(
            "lines",
            "Processed but in no checkpoint",
            "Records that would be read again if the worker died now: events, behind a hop messages of many.",
            "short",
            8,
            (Query("sum by (stage) (kozamori_unacknowledged_events{%})", "{{stage}}"),),
        ),
        Panel(
            "lines",
            "Rows written",
            "Rows sent to the changelog per second.",
            "short",
            8,
            (by_stage("kozamori_checkpoint_rows_total{%}"),),
        ),
        Panel(
            "lines",
            "Rows held",
            "Rows in memory, one an account, a wallet and so on; they go ttl_days after their last event.",
            "short",
            8,
            (Query("sum by (stage) (kozamori_rows{%})", "{{stage}}"),),
        ),
        Panel(
            "lines",
            "Rows restored and forgotten",
            "Restored from the changelog after a start or a rebalance; forgotten after ttl_days.",
            "short",
            8,
            (
                Query("sum(increase(kozamori_restored_rows_total{%}[$__rate_interval]))", "restored"),
                Query("sum(increase(kozamori_expired_rows_total{%}[$__rate_interval]))", "forgotten"),
            ),
        ),
        Panel(
            "lines",
            "Memory",
            "Of each process, and what the rows take of it.",
            "bytes",
            8,
            (
                Query(f"process_resident_memory_bytes{{%}} {OURS}", "{{instance}}"),
                Query("sum by (instance) (kozamori_rows_bytes{%})", "{{instance}} rows"),
            ),
        ),
        Panel(
            "lines",
            "CPU",
            "Cores used by each process.",
            "short",
            8,
            (Query(f"rate(process_cpu_seconds_total{{%}}[$__rate_interval]) {OURS}", "{{instance}}"),),
        ),
        Panel(
            "lines",
            "Partitions",
            "Input partitions each worker holds, of all stages; how often they were shared out anew, how many stayed;"
            " records that standbys have not read yet.",
            "short",
            8,
            (
                Query("kozamori_assigned_partitions{%}", "{{instance}} holds"),
                Query("sum(increase(kozamori_rebalances_total{%}[$__rate_interval]))", "rebalances"),
                Query("sum(increase(kozamori_kept_partitions_total{%}[$__rate_interval]))", "stayed"),
                Query("sum(kozamori_standby_lag_records{%}) or vector(0)", "unread by standbys"),
            ),
        ),
        Panel(
            "bars",
            "Unreadable by reason",
            "Dead letters per second, and of the worst partition; the reasons are explained in the contract.",
            "short",
            8,
            (
                Query("sum by (reason) (rate(kozamori_dead_letters_total{%}[$__rate_interval]))", "{{reason}}"),
                Query(
                    "topk(1, sum by (stage, partition)"
                    " (rate(kozamori_dead_letters_by_partition_total{%}[$__rate_interval])))",
                    "{{stage}} partition {{partition}}",
                ),
            ),
        ),
        Panel(
            "lines",
            "Duplicate, late and lost",
            "Per second. Duplicate: sent twice by its source, and skipped. Late: over a minute behind. Lost: deleted"
            " unread.",
            "short",
            8,
            (
                Query("sum(rate(kozamori_duplicates_total{%}[$__rate_interval]))", "duplicate"),
                Query(f"sum(rate({source_only('kozamori_late_events_total')}[$__rate_interval]))", "late"),
                Query("sum(rate(kozamori_deleted_events_total{%}[$__rate_interval]))", "lost"),
            ),
        ),
        Panel(
            "lines",
            "What runs",
            "Workers by release and by model: two lines for longer than a roll-out are a mistake.",
            "short",
            8,
            (
                Query("count by (version, python) (kozamori_build_info{%})", "kozamori {{version}}, python {{python}}"),
                Query("count by (version) (kozamori_model_info{%})", "model {{version}}"),
            ),
        ),
    ),
)
