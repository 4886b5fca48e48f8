"""Panels on the stages of a worker and the hops between them: which one is slow, which one falls behind?"""

from panel import Panel, Query, Row, behind_a_hop, by_stage, source_only

SPENT = "sum by (stage) (rate(kozamori_process_seconds_sum{%}[$__rate_interval]))"
EVENTS = "sum by (stage) (rate(kozamori_chunk_events_sum{%}[$__rate_interval]))"
CHUNKS = "sum by (stage) (rate(kozamori_chunk_events_count{%}[$__rate_interval]))"
REACHED = "kozamori_watermark_timestamp_seconds"

STAGES = Row(
    "For engineers: which stage is the slow one?",
    (
        Panel(
            "lines",
            "Time spent by stage",
            "Seconds of work per second, over all workers: where the time goes. A worker does one chunk at a time.",
            "short",
            8,
            (Query(SPENT, "{{stage}}"),),
        ),
        Panel(
            "lines",
            "Time per event by stage",
            "The work on a chunk, from its bytes to its messages, shared among its events; an alert costs more.",
            "s",
            8,
            (Query(f"{SPENT} / {EVENTS}", "{{stage}}"),),
        ),
        Panel(
            "lines",
            "Time to process a chunk by stage",
            "99 of 100 chunks take at most so long. While one is processed all others wait.",
            "s",
            8,
            (
                Query(
                    "histogram_quantile(0.99, sum by (stage, le)"
                    " (rate(kozamori_process_seconds_bucket{%}[$__rate_interval])))",
                    "{{stage}}",
                ),
            ),
        ),
        Panel(
            "lines",
            "Messages waiting in hops",
            "Messages of many events each. A line that rises: that stage is slower than those before it.",
            "short",
            8,
            (Query(f"sum by (stage) ({behind_a_hop('kozamori_lag_events')})", "{{stage}}"),),
            ((None, "green"), (1_000, "red")),
        ),
        Panel(
            "lines",
            "Behind the newest event",
            "Event time a stage has still to go to the newest source event. Between the two that read what comes"
            " in: one kind of events arrives later than the other, and features see less than they could.",
            "s",
            8,
            (
                Query(
                    f'scalar(max({source_only(REACHED)})) - max by (stage) ({REACHED}{{stage!="cases", %}})',
                    "{{stage}}",
                ),
            ),
        ),
        Panel(
            "lines",
            "Events in a chunk by stage",
            "Mean. Small chunks: the stage keeps up easily. Near max_chunk_records: it works through a queue.",
            "short",
            8,
            (Query(f"{EVENTS} / {CHUNKS}", "{{stage}}"),),
        ),
        Panel(
            "lines",
            "Hop messages sent by stage",
            "Per second, one for each chunk and partition it goes on to. Behind the last stage only alerts go on.",
            "short",
            8,
            (by_stage('kozamori_hop_messages_total{stage!="cases", %}'),),
        ),
        Panel(
            "lines",
            "Hop bytes sent by stage",
            "Per second, as handed to the producer; an event goes on with all its features, from hop to hop.",
            "Bps",
            8,
            (by_stage('kozamori_hop_bytes_total{stage!="cases", %}'),),
        ),
        Panel(
            "lines",
            "Read again by stage",
            "Events per second, skipped after a restart. Replayed: known to their row. Repeated: sent again by a stage"
            " before, known to the marks.",
            "short",
            8,
            (
                Query("sum by (stage) (rate(kozamori_replayed_total{%}[$__rate_interval]))", "{{stage}} replayed"),
                Query(
                    f"sum by (stage) (rate({behind_a_hop('kozamori_hop_repeats_total')}[$__rate_interval]))",
                    "{{stage}} repeated",
                ),
            ),
        ),
    ),
)
