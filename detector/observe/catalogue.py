"""Every metric of a worker, declared once: rules, dashboards, docs and tests are checked against this table."""

from dataclasses import dataclass
from typing import Literal

#: Fine between 5 ms and 5 s: the goal for event to alert is a p99 of 150 ms, checkpoints come every 0.3 s.
LATENCY_S = (0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.125, 0.15, 0.2, 0.25, 0.35, 0.5, 0.75, 1, 1.5, 2.5, 5, 10)
#: A chunk of one event takes about 0.1 ms, one of 4096 some 30 ms.
PROCESS_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1)
RESTORE_S = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
CHUNK_EVENTS = (1, 4, 16, 64, 256, 1024, 2048, 4096, 16_384)
#: From the minute in which all partners are to be told to the sixteen months that 33 banks waited for May 2019.
TOLD_S = (10, 30, 60, 300, 900, 3600, 4 * 3600, 12 * 3600, 86_400, 3 * 86_400, 7 * 86_400, 30 * 86_400, 480 * 86_400)
#: From a receiver next door to one that was down for a week.
DELIVERY_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 4 * 3600, 86_400, 7 * 86_400)
#: Around budgets people set: 20 false alert groups a day over all banks is the example of the documentation.
ALARM_PER_DAY = (0.1, 1, 5, 10, 20, 50, 100, 1_000, 10_000, 100_000)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its name as exposed, type, help text, labels in order and, for histograms, upper bucket bounds.

    `STAGE` explains the label `stage`.
    """

    name: str
    type: Literal["counter", "gauge", "histogram"]
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


#: The label that most metrics have, for people.
STAGE = """\
`stage` is the stage of the worker. Two stages read source topics: `account` account
events, `wallet-events` wallet events, which it only brings into the log of the wallets. Each later one, up to `cases`,
reads a hop: a topic the stages before it fill, keyed anew, with many events in a message. So an event is counted once
by each stage it passes. **Source events are those of `stage=~"account|wallet-events"`**; a sum over all stages
has no meaning. A transfer touches two wallets and is one event all the same: its receiving side is not
counted. Where a stage reads a hop, lag and what is unacknowledged are messages, not events."""

METRICS = (
    # The stream.
    Metric(
        "kozamori_events_total",
        "counter",
        "Valid events read by a stage, replays and duplicates included, canaries not; the result may be empty.",
        ("stage", "kind", "service", "result"),
    ),
    Metric("kozamori_replayed_total", "counter", "Events read again after a restart and skipped.", ("stage",)),
    Metric("kozamori_duplicates_total", "counter", "Events whose id their row had just seen; skipped.", ("stage",)),
    Metric(
        "kozamori_late_events_total",
        "counter",
        "Events more than a minute of event time behind the newest of their chunk or before it.",
        ("stage",),
    ),
    Metric("kozamori_dead_letters_total", "counter", "Records that could not be read, by reason.", ("reason",)),
    Metric(
        "kozamori_dead_letters_by_partition_total",
        "counter",
        "The same by the partition that they were read from: where a flood comes from.",
        ("stage", "partition"),
    ),
    Metric(
        "kozamori_chunk_events",
        "histogram",
        "Events in one chunk of a stage's input, canaries left out.",
        ("stage",),
        CHUNK_EVENTS,
    ),
    Metric(
        "kozamori_process_seconds",
        "histogram",
        "Time from a chunk's bytes to what comes of it, messages of the next hop or alerts, handed to the producer.",
        ("stage",),
        PROCESS_S,
    ),
    Metric(
        "kozamori_lag_events",
        "gauge",
        "Records of a stage's input that were not processed yet: events, behind a hop messages of many.",
        ("stage", "partition"),
    ),
    Metric(
        "kozamori_withheld_events",
        "gauge",
        "Records of a stage's input that Kafka gives to nobody yet: they lie behind a transaction open for seconds.",
        ("stage", "partition"),
    ),
    Metric(
        "kozamori_deleted_events_total",
        "counter",
        "Records of a stage's input that were deleted before they were read: nobody judged them.",
        ("stage",),
    ),
    Metric(
        "kozamori_watermark_timestamp_seconds",
        "gauge",
        "Greatest event time a stage has seen; the cases stage sees alerts only.",
        ("stage", "partition"),
    ),
    Metric(
        "kozamori_unacknowledged_events",
        "gauge",
        "Records processed but in no checkpoint yet: events, behind a hop messages of many.",
        ("stage", "partition"),
    ),
    # Between the stages.
    Metric(
        "kozamori_hop_messages_total",
        "counter",
        "Messages a stage handed to the producer for the next hop.",
        ("stage",),
    ),
    Metric("kozamori_hop_bytes_total", "counter", "Bytes of those messages.", ("stage",)),
    Metric(
        "kozamori_hop_repeats_total",
        "counter",
        "Events a stage met again in its hop, sent anew by a stage before it that was restarted; dropped by its marks.",
        ("stage",),
    ),
    # State and checkpoints.
    Metric(
        "kozamori_checkpoint_seconds",
        "histogram",
        "Time from the cut of a checkpoint, one for all stages, to its acknowledgement.",
        ("stage",),
        LATENCY_S,
    ),
    Metric("kozamori_checkpoint_rows_total", "counter", "Rows written to the changelog.", ("stage",)),
    Metric(
        "kozamori_rows",
        "gauge",
        "Rows held in memory: one an account, a wallet, a subject of cases.",
        ("stage", "partition"),
    ),
    Metric("kozamori_rows_bytes", "gauge", "Memory held for rows and their index.", ("stage", "partition")),
    Metric(
        "kozamori_state_age_seconds",
        "gauge",
        "Event time that the rows of a stage reflect; below the burn-in everybody looks new, and alerts mean little.",
        ("stage", "partition"),
    ),
    Metric(
        "kozamori_expired_rows_total",
        "counter",
        "Rows forgotten: see ttl_days.",
        ("stage",),
    ),
    Metric("kozamori_restore_seconds", "histogram", "Time to restore a partition's rows.", ("stage",), RESTORE_S),
    Metric("kozamori_restored_rows_total", "counter", "Rows restored from the changelog.", ("stage",)),
    Metric(
        "kozamori_standby_lag_records",
        "gauge",
        "Records of a changelog that this worker follows for another and has not read yet.",
        ("stage", "partition"),
    ),
    Metric("kozamori_kept_partitions_total", "counter", "Partitions that stayed over a rebalance, with their rows."),
    Metric("kozamori_rebalances_total", "counter", "Times the partitions were shared out anew."),
    Metric(
        "kozamori_assigned_partitions", "gauge", "Input partitions this worker holds, those of all stages together."
    ),
    Metric(
        "kozamori_partitions",
        "gauge",
        "Input partitions that Kafka has, of all stages: what all workers hold together; 0 before any is assigned.",
    ),
    # Health.
    Metric(
        "kozamori_ready",
        "gauge",
        "1 when partitions are read, or none is assigned, else 0.",
    ),
    Metric("kozamori_stalled_seconds", "gauge", "Time without progress while events were waiting; 0 when all is well."),
    # Alerts.
    Metric("kozamori_alerts_total", "counter", "Alerts raised, updates of a case included.", ("severity", "detector")),
    Metric(
        "kozamori_alert_events_held_total",
        "counter",
        "Alerting events with nothing new for their case: no update was raised, the next one counts them.",
    ),
    Metric(
        "kozamori_alerts_by_bank_total",
        "counter",
        "Alerts raised, by the bank's Zengin code; none for wallet events.",
        ("bank",),
    ),
    Metric(
        "kozamori_alerts_by_service_total",
        "counter",
        "Alerts raised, by wallet service; other for those without a code of their own.",
        ("service",),
    ),
    Metric(
        "kozamori_cases_total",
        "counter",
        "Cases opened: the first alert of an account, or of a wallet without one, in 24 h.",
        ("severity",),
    ),
    Metric(
        "kozamori_cases_by_bank_total",
        "counter",
        "Cases opened, by the bank's Zengin code: what of its budget was used; none for wallets.",
        ("bank",),
    ),
    Metric("kozamori_yen_debited_total", "counter", "Yen already gone when a case was opened, summed over cases."),
    Metric("kozamori_yen_at_risk_total", "counter", "Yen left to the cap when a case was opened, summed over cases."),
    Metric("kozamori_yen_debited_by_bank_total", "counter", "The former by the bank's Zengin code.", ("bank",)),
    Metric("kozamori_yen_at_risk_by_bank_total", "counter", "The latter by the bank's Zengin code.", ("bank",)),
    Metric(
        "kozamori_event_to_alert_seconds",
        "histogram",
        "Time from the source record's timestamp, through all stages and hops, to its alert being durable in Kafka.",
        (),
        LATENCY_S,
    ),
    Metric(
        "kozamori_alarm_per_day",
        "histogram",
        "Scored events by how often a day normal life looks as bad, no canary; a shift of its lower buckets is drift.",
        ("stage",),
        ALARM_PER_DAY,
    ),
    # Campaigns.
    Metric(
        "kozamori_campaigns_total",
        "counter",
        "Campaigns begun, by the pattern that was too large.",
        ("pattern",),
    ),
    Metric("kozamori_bulletins_total", "counter", "Bulletins for all banks, by state of their campaign.", ("state",)),
    Metric(
        "kozamori_first_event_to_bulletin_seconds",
        "histogram",
        "Time from a campaign's first event to its first bulletin being durable in Kafka: event time up to the event"
        " that told it, then the clock.",
        (),
        TOLD_S,
    ),
    Metric(
        "kozamori_first_yen_to_bulletin_seconds",
        "histogram",
        "The same from its first stolen yen; campaigns told before any was taken are not in it.",
        (),
        TOLD_S,
    ),
    # What runs.
    Metric("kozamori_alert_budget_per_day", "gauge", "False alert groups a day that the model was calibrated to."),
    Metric("kozamori_burn_in_seconds", "gauge", "Event time that state takes until alerts mean what they say."),
    Metric(
        "kozamori_bank_alert_budget_per_day",
        "gauge",
        "False alert groups a day that a bank may expect: its own budget, or its share of that of all.",
        ("bank",),
    ),
    Metric(
        "kozamori_limit_multiplier",
        "gauge",
        "What the controller multiplies a limit by, 1 without one; bank is shared for banks without an own budget.",
        ("bank",),
    ),
    Metric("kozamori_model_info", "gauge", "1 for the model in use.", ("version", "sha256")),
    Metric("kozamori_build_info", "gauge", "1 for the release that runs.", ("version", "python")),
)
BY_NAME = {metric.name: metric for metric in METRICS}

#: What `kozamori canary` shows: seen from outside the workers.
OUTSIDE = (
    Metric("kozamori_canary_sent_total", "counter", "Canary events sent, one a minute."),
    Metric("kozamori_canary_failures_total", "counter", "Canary events whose alert did not come within a minute."),
    Metric(
        "kozamori_canary_seconds",
        "histogram",
        "Time from sending a canary event until its alert was read.",
        (),
        LATENCY_S,
    ),
    Metric(
        "kozamori_desk_unread_alerts",
        "gauge",
        "Alerts, those of other banks among them, that a desk's group has not committed as read.",
        ("bank", "group"),
    ),
    Metric(
        "kozamori_desk_unread_seconds",
        "gauge",
        "Time for which the oldest of them has been there, as this process saw it; 0 where all is read.",
        ("bank", "group"),
    ),
    Metric(
        "kozamori_desk_look_failures_total",
        "counter",
        "Looks, one a minute, at which Kafka did not tell what a desk's group has read: it has no figures then.",
        ("bank", "group"),
    ),
)

#: What `kozamori notify` shows. Receivers are named in its settings.
NOTIFY = (
    Metric("kozamori_notify_delivered_total", "counter", "Alerts and bulletins that the receiver has.", ("receiver",)),
    Metric(
        "kozamori_notify_failures_total",
        "counter",
        "Attempts that failed and are made again: no answer, an error of the receiver, 408 or 429.",
        ("receiver",),
    ),
    Metric(
        "kozamori_notify_refused_total",
        "counter",
        "Messages parked: refused for good, by another status of the 400s, or that this release cannot read.",
        ("receiver",),
    ),
    Metric(
        "kozamori_notify_circuit",
        "gauge",
        "0 closed: messages are sent; 1 half-open: one attempt; 2 open: after five failures in a row nothing is sent.",
        ("receiver",),
    ),
    Metric(
        "kozamori_notify_waiting_seconds",
        "gauge",
        "Time for which the receiver has not taken the message that is its next; 0 where none waits.",
        ("receiver",),
    ),
    Metric(
        "kozamori_notify_seconds",
        "histogram",
        "Time from the message's timestamp in Kafka until the receiver had it.",
        ("receiver",),
        DELIVERY_S,
    ),
)
