"""The topics a deployment needs, as a table: names, partitions, retention and compaction, each with its reason."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from detector.core.topology import COMPLETE
from detector.settings import Settings

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


#: What a topic is for: who may do what with it follows (`access.py`).
Kind = Literal[
    "account events",
    "wallet events",
    "alerts",
    "bulletins",
    "acknowledgements",
    "dead letters",
    "redrives",
    "audit",
    "hop",
    "rows",
]


@dataclass(frozen=True, slots=True)
class Declaration:
    """One topic: `name` takes it from the settings, `partitions` None means as many as the input has.

    `bank`: whose alone it is, "" where it is nobody's.
    """

    kind: Kind
    name: Callable[[Settings], str]
    partitions: int | None
    config: Mapping[str, str]
    why: str
    bank: str = ""


#: Kafka's own default, stated so that a cluster with another default still takes our batches and refuses giants.
_LARGEST_BATCH = {"max.message.bytes": "1048588"}


def _log(retention_days: int, timestamps: str) -> dict[str, str]:
    return {
        "cleanup.policy": "delete",
        "retention.ms": str(retention_days * DAY_MS),
        "message.timestamp.type": timestamps,
        **_LARGEST_BATCH,
    }


#: By the broker's clock: retention and the check for times in the future must not trust a source's clock, and a
#: replay of 2020 must not be deleted as six years old.
_SOURCE = _log(35, "LogAppendTime")
#: Where a source topic takes its producers' timestamps, the broker must refuse those further ahead than this: Kafka 4's
#: default for `message.timestamp.after.max.ms`. Older brokers have no bound by default.
MAX_TIMESTAMP_AHEAD_MS = HOUR_MS

_ROWS = {
    "cleanup.policy": "compact",
    # The open segment is never compacted: an hour or 64 MiB bounds what a restart reads twice.
    "segment.ms": str(HOUR_MS),
    "segment.bytes": str(64 * 1024 * 1024),
    # Half by default: a log of twice the rows. A fifth costs the broker more copying and a restart less reading.
    "min.cleanable.dirty.ratio": "0.2",
    "max.compaction.lag.ms": str(6 * HOUR_MS),
    # Recovery does not need tombstones (they only remove what is superseded or expired), so they go soon.
    "delete.retention.ms": str(HOUR_MS),
    "message.timestamp.type": "CreateTime",
    **_LARGEST_BATCH,
}

#: Little, and the last of each key for ever.
_NOTED = {"cleanup.policy": "compact", "message.timestamp.type": "CreateTime", **_LARGEST_BATCH}

#: Kafka frees whole segments: with these a hop partition takes no more disk than two of them once it is read.
_SMALL_SEGMENTS = {"segment.bytes": str(32 * 1024 * 1024), "segment.ms": str(HOUR_MS)}

#: Nodes that keep rows, and those behind a hop. Of every chain: a model of fewer stages leaves the others' topics
#: empty, and one of more finds its own.
STAGES = tuple(node.name for node in COMPLETE.nodes if node.stage is not None)
HOPS = tuple(node.name for node in COMPLETE.nodes if node.source is None)
#: Most upstreams of one hop, each with a mark a partition.
UPSTREAMS = max(len(COMPLETE.upstreams(name)) for name in HOPS)


def _hop(stage: str) -> Declaration:
    # Kafka keeps the offsets of a stopped group for seven days: what it has not read yet must be kept longer.
    why = (
        f"input events of the stage {stage}, keyed as its rows are; deleted once they are read, after 8 days"
        " at the latest, longer than offsets are kept"
    )
    return Declaration(
        "hop", lambda settings: settings.hop_topic(stage), None, _log(8, "CreateTime") | _SMALL_SEGMENTS, why
    )


def _rows(stage: str) -> Declaration:
    why = f"state of the stage {stage}, partitioned as its input"
    return Declaration("rows", lambda settings: settings.rows_topic(stage), None, _ROWS, why)


TOPICS = (
    Declaration(
        "account events",
        lambda settings: settings.account_events,
        None,
        _SOURCE,
        "link, unlink and debit events; 35 days, so that a replay rebuilds every window up to the monthly cap",
    ),
    Declaration(
        "wallet events",
        lambda settings: settings.wallet_events,
        None,
        _SOURCE,
        "open, payment, transfer and payout events; kept as long as account events",
    ),
    Declaration(
        "alerts",
        lambda settings: settings.alerts,
        None,
        _log(90, "CreateTime"),
        "alerts by account; 90 days for subscribers that start late",
    ),
    Declaration(
        "bulletins",
        lambda settings: settings.bulletins,
        1,
        _log(90, "CreateTime"),
        "what concerns every bank; few, and in one order",
    ),
    Declaration(
        "acknowledgements",
        lambda settings: settings.acknowledgements,
        1,
        _NOTED,
        "which bank has read which bulletin",
    ),
    Declaration(
        "dead letters",
        lambda settings: settings.dead_letters,
        1,
        # Some forty million letters: a flood that lasts for weeks must not fill the brokers' disks.
        _log(30, "CreateTime") | {"retention.bytes": str(16 * 1024**3)},
        "messages that are no events, with the reason; 30 days to mend the source, or to send them again",
    ),
    Declaration(
        "redrives",
        lambda settings: settings.redrives,
        1,
        _NOTED,
        "messages that were no events and entered their topic again; kept, so that each counts once also after a reset",
    ),
    Declaration(
        "audit",
        lambda settings: settings.audit,
        1,
        {**_log(1, "LogAppendTime"), "retention.ms": "-1"},
        "who changed what, in a chain of keyed hashes; for ever",
    ),
    *(_hop(stage) for stage in HOPS),
    *(_rows(stage) for stage in STAGES),
)


def declared(settings: Settings) -> tuple[Declaration, ...]:
    """The topics of a deployment with these settings: `TOPICS`, and those of single banks."""
    alerts = (_alerts_of(bank) for bank in settings.alert_banks)
    return *TOPICS, *alerts, *(topic for bank in settings.bulletin_banks for topic in _bulletins_of(bank))


def _alerts_of(bank: str) -> Declaration:
    why = f"alerts of bank {bank}, for that bank alone; few, and in one order"
    return Declaration("alerts", lambda settings: settings.alerts_of(bank), 1, _log(90, "CreateTime"), why, bank)


def _bulletins_of(bank: str) -> tuple[Declaration, Declaration]:
    why = f"accounts of bank {bank} that campaigns concern, for that bank alone"
    read = f"which bulletins bank {bank} has read; only it may say so"
    return (
        Declaration("bulletins", lambda settings: settings.bulletins_of(bank), 1, _log(90, "CreateTime"), why, bank),
        Declaration("acknowledgements", lambda settings: settings.acknowledgements_of(bank), 1, _NOTED, read, bank),
    )


def declared_config(topic: Declaration, replication: int) -> dict[str, str]:
    """The configuration `topic` is created with when it has `replication` copies."""
    return {
        **topic.config,
        # One copy may be down for maintenance, and what was acknowledged lies on two.
        "min.insync.replicas": str(max(1, replication - 1)),
        # A copy that lags must not become the log: offsets would go back, and events with them.
        "unclean.leader.election.enable": "false",
    }
