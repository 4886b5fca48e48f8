"""Rules on checkpoints and on what comes in: is all of it durable, and is all of it there?"""

from rule import SOURCE, Rule

_WORKER = "sum by (deployment, job, instance)"
_COUNT = "kozamori_checkpoint_seconds_count"
_LETTERS = "sum by (deployment, job) (rate(kozamori_dead_letters_total[5m]))"
_IN = f"sum by (deployment, job) (rate(kozamori_chunk_events_sum{{{SOURCE}}}[5m]))"
_BY_SERVICE = f"sum by (deployment, job, service) (increase(kozamori_events_total{{{SOURCE}}}"
_READY = "and on (deployment, job) sum by (deployment, job) (kozamori_ready) > 0"

STATE = (
    Rule(
        "KozamoriCheckpointStalled",
        f"{_WORKER} (kozamori_unacknowledged_events) > 0\nand {_WORKER} ({_COUNT}) == {_WORKER} ({_COUNT} offset 2m)",
        "1m",
        "page",
        "Worker {{ $labels.instance }} finishes no checkpoint with {{ $value }} events unacknowledged",
        "Kafka does not take its writes: look at the brokers and at min.insync.replicas.",
        "Processed but in no checkpoint",
    ),
    Rule(
        "KozamoriCheckpointSlow",
        "histogram_quantile(0.99, sum by (deployment, job, instance, le) "
        "(rate(kozamori_checkpoint_seconds_bucket[5m]))) > 1",
        "10m",
        "ticket",
        "Checkpoints of {{ $labels.instance }} take up to {{ $value | humanizeDuration }}",
        "Look at the brokers' produce latency; a longer checkpoint_interval_ms writes fewer rows.",
        "Time to finish a checkpoint",
    ),
    Rule(
        "KozamoriDeadLettersRising",
        f"{_LETTERS}\n/ ({_LETTERS} + {_IN})\n> 0.01",
        "5m",
        "page",
        "{{ $value | humanizePercentage }} of the input cannot be read",
        "See the dead letters' reasons on the dashboard; a producer has probably changed its format.",
        "Unreadable by reason",
    ),
    Rule(
        "KozamoriDeadLetterFlood",
        "sum by (deployment, job, stage, partition) (rate(kozamori_dead_letters_by_partition_total[4m])) * 60 > 1000",
        "1m",
        "page",
        "{{ $value | humanize }} messages a minute of {{ $labels.stage }} partition {{ $labels.partition }}"
        " are no events",
        "`kozamori dead-letters list --since 1h` tells why and from when; ask who writes to this partition.",
        "Unreadable by reason",
    ),
    Rule(
        "KozamoriEventsLost",
        "sum by (deployment, job, stage) (increase(kozamori_deleted_events_total[15m])) > 0",
        "",
        "page",
        "Stage {{ $labels.stage }} found {{ $value | humanize }} events deleted before they were read:"
        " nobody judged them",
        "Give the topic a retention longer than any stop of the workers; see the line `events were deleted`.",
        "Duplicate, late and lost",
    ),
    # The hold is for a worker that has just begun: of its first scrape alone the least is whatever it met.
    Rule(
        "KozamoriLogHeldBack",
        "min by (deployment, job, stage, partition) (min_over_time(kozamori_withheld_events[4m])) > 0",
        "1m",
        "page",
        "An open transaction holds back {{ $value }} records of stage {{ $labels.stage }},"
        " partition {{ $labels.partition }}",
        "Its producer must end it: kafka-transactions.sh --find-hanging names it.",
        "Events waiting by partition",
    ),
    Rule(
        "KozamoriInputQuiet",
        f"sum by (deployment, job, stage) (rate(kozamori_chunk_events_sum{{{SOURCE}}}[30m])) == 0\n{_READY}",
        "30m",
        "page",
        "No event has reached stage {{ $labels.stage }} for half an hour: the watch is blind there",
        "Ask who runs the producers of these events; they go on at night too.",
        "Events by kind",
    ),
    # At a tenth of the day's mean rate, as at night, either window would have forty or two dozen events. Canaries are
    # not counted.
    Rule(
        "KozamoriServiceSilent",
        f"(\n  {_BY_SERVICE}[1d] offset 1h)) > 10000\n  unless {_BY_SERVICE}[1h])) > 0\n"
        f"  or\n  {_BY_SERVICE}[1d] offset 3h)) > 2000\n  unless {_BY_SERVICE}[3h])) > 0\n)\n{_READY}",
        "15m",
        "page",
        "Service {{ $labels.service }} is silent: it had {{ $value | humanize }} events in the day before",
        "Ask the service, and whoever runs its producer. Is it closed by plan, silence this alert for that time.",
        "Events by service",
    ),
)
