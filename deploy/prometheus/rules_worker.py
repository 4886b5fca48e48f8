"""Rules on the workers: are they there, do they read, do they keep up?"""

from rule import HOP, SOURCE, Rule

_UP = 'count by (deployment, job) (up{job="kozamori"} == 1)'
_MOST = f"max_over_time({_UP}[6h:5m])"
# What the workers that are left say; where none is left, or has begun, what was said last: over a long weekend nobody
# mends it.
_ALL = (
    "(max by (deployment, job) (kozamori_partitions > 0)"
    " or max by (deployment, job) (max_over_time(kozamori_partitions[3d])))"
)
_WAITING = f"sum by (deployment, job) (kozamori_lag_events{{{SOURCE}}})"
_BY_STAGE = "sum by (deployment, job, instance, stage)"
_HOP_WAITING = f"sum by (deployment, job, stage) (kozamori_lag_events{{{HOP}}})"

WORKER = (
    Rule(
        "KozamoriWorkerDown",
        'up{job="kozamori"} == 0',
        "1m",
        "page",
        "Worker {{ $labels.instance }} does not answer",
        "Read its last log lines. Status 2 wants a person, 1 and 3 want a restart by the supervisor.",
        "Workers ready",
    ),
    Rule(
        "KozamoriNoWorker",
        'absent(up{job="kozamori"} == 1)',
        "2m",
        "page",
        "No worker runs: nobody watches the accounts",
        "Start a worker; it goes on where the last one stopped.",
        "Workers ready",
    ),
    # Of what discovery no longer finds there is no `up` at all. What is missing shows in what is left.
    Rule(
        "KozamoriPartitionsUnread",
        f"{_ALL} - (sum by (deployment, job) (kozamori_assigned_partitions) or 0 * {_ALL}) > 0",
        "3m",
        "page",
        "{{ $value }} partitions are read by no worker that Prometheus sees",
        "Look for workers that discovery no longer finds; if they run, mend discovery, else start them.",
        "Partitions read",
    ),
    Rule(
        "KozamoriFewerWorkers",
        f"({_UP} or 0 * {_MOST}) <= 0.5 * {_MOST}",
        "15m",
        "ticket",
        "{{ $value }} workers are left, half of those of the last six hours or fewer",
        "If nobody scaled down, start the others: what is left has their work and their rows.",
        "Workers ready",
    ),
    Rule(
        "KozamoriRestartsOften",
        'changes(process_start_time_seconds{job="kozamori"}[20m]) >= 4 or changes(up{job="kozamori"}[20m]) >= 8',
        "",
        "page",
        "Worker {{ $labels.instance }} begins again and again",
        "Read the last log lines of each run: its exit status and the error before it.",
        "Restarts",
    ),
    Rule(
        "KozamoriNotReady",
        "kozamori_ready == 0",
        "3m",
        "page",
        "Worker {{ $labels.instance }} runs but reads nothing",
        "Ask its /readyz. Restoring takes about 3 s for a million accounts; longer means Kafka is slow or away.",
        "Workers ready",
    ),
    Rule(
        "KozamoriStalled",
        "kozamori_stalled_seconds > 10",
        "15s",
        "page",
        "Worker {{ $labels.instance }} has stood still for {{ $value | humanizeDuration }} with events waiting",
        "Its watchdog ends it at watchdog_s. If it comes back and stalls again, look at the broker.",
        "Standing still",
    ),
    # A counter against itself two minutes ago: rate() would need two scrapes in that time.
    Rule(
        "KozamoriNoProgress",
        f"{_BY_STAGE} (kozamori_lag_events) > 0\n"
        f"and {_BY_STAGE} (kozamori_chunk_events_count) == {_BY_STAGE} (kozamori_chunk_events_count offset 2m)",
        "2m",
        "page",
        "Stage {{ $labels.stage }} of worker {{ $labels.instance }} processes nothing while {{ $value }} records wait",
        "Its watchdog gives one stage ten times watchdog_s: do not wait, restart the worker and keep its log.",
        "Events waiting by partition",
    ),
    Rule(
        "KozamoriLagGrowing",
        f"{_WAITING} > 10000\nand sum by (deployment, job) (deriv(kozamori_lag_events{{{SOURCE}}}[10m])) > 0",
        "10m",
        "page",
        "{{ $value }} events wait and their number grows: alerts come too late",
        "Add workers, up to the number of partitions. If events per second fell, look at CPU and checkpoints.",
        "Events waiting by partition",
    ),
    # A queue that neither grows nor shrinks delays every event by its length. Where no rate is known it counts as one.
    Rule(
        "KozamoriBehind",
        f"{_WAITING} > 1000\n"
        f"unless {_WAITING} <= 30 * sum by (deployment, job) (rate(kozamori_chunk_events_sum{{{SOURCE}}}[5m]))",
        "5m",
        "page",
        "{{ $value | humanize }} events wait, more than half a minute's work, for five minutes: alerts come too late",
        "Add workers, up to the number of partitions. If events per second fell, look at CPU and checkpoints.",
        "Events waiting by partition",
    ),
    # A thousand messages are some hundred thousand events: none before a queue of hours, many after it.
    Rule(
        "KozamoriHopLagGrowing",
        f"{_HOP_WAITING} > 1000\nand sum by (deployment, job, stage) (deriv(kozamori_lag_events{{{HOP}}}[10m])) > 0",
        "10m",
        "page",
        "{{ $value }} messages wait for stage {{ $labels.stage }} and their number grows: alerts come too late",
        "Compare the stages' time per event on the dashboard; where all are as usual, add workers.",
        "Messages waiting in hops",
    ),
    Rule(
        "KozamoriHopBehind",
        f"{_HOP_WAITING} > 1000",
        "15m",
        "page",
        "{{ $value }} messages or more have waited for stage {{ $labels.stage }} for a quarter of an hour",
        "Compare the stages' time per event on the dashboard; where all are as usual, add workers.",
        "Messages waiting in hops",
    ),
    Rule(
        "KozamoriRebalancesOften",
        "increase(kozamori_rebalances_total[15m]) > 6",
        "5m",
        "ticket",
        "The partitions of {{ $labels.instance }} moved {{ $value | humanize }} times in 15 minutes",
        "A worker restarts again and again, or is paused for longer than session_timeout_s.",
        "Partitions",
    ),
    Rule(
        "KozamoriTwoModels",
        "count by (deployment, job) (count by (deployment, job, version, sha256) (kozamori_model_info)) > 1",
        "30m",
        "ticket",
        "Workers run {{ $value }} different models",
        "Finish the roll-out or roll back: accounts are judged differently by partition.",
        "What runs",
    ),
)
