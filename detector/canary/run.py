"""The canary's life: once a minute an event, and a look at what desks have not read."""

import json
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import structlog
from kafka import TopicPartition
from prometheus_client import CollectorRegistry

from detector.canary.desks import Desk
from detector.canary.probe import prove
from detector.contract.canary import MINUTE_MS
from detector.errors import UserError
from detector.kafka.clients import admin_client
from detector.kafka.groups import active_members, committed_offsets
from detector.kafka.reading import reader, records_at
from detector.observe.canary_metrics import CanaryMetrics, Unread
from detector.observe.health import HealthServer, Report
from detector.settings import Settings

log = structlog.get_logger(__name__)

#: Of the newest event there is. A stream that is older is a replay: an event of today would end its days at once.
STREAM_MS = 24 * 60 * MINUTE_MS

#: By partition.
Offsets = Mapping[int, int]


def alert_ends(settings: Settings, topic: str) -> Offsets:
    """The end of each partition of a topic of alerts; UserError where Kafka fails."""
    with reader(settings) as consumer:
        places = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        ends = consumer.end_offsets(places)
    if not places:
        raise UserError(f"there is no topic {topic}, or this user may not describe it: let it read the topic")
    return {tp.partition: end for tp, end in ends.items()}


def alerts_read(settings: Settings, group: str, topic: str) -> Offsets:
    """What the group has committed of that topic; UserError where Kafka fails, or does not allow this group."""
    with admin_client(settings) as client:
        active_members(client, group)  # a new cluster needs seconds for its first answer
        return {part: at.offset for part, at in committed_offsets(client, group, topic).items()}


class Canary:
    """Proves the path, and sees whether desks read; `desks`: the consumer group of each bank's code.

    `prove` sends the event of a minute, `ends` asks for the ends of a topic of alerts, `commits` for what a group has
    read of it: of its bank's own topic, where there is one.
    """

    def __init__(
        self,
        settings: Settings,
        desks: Mapping[str, str],
        metrics: CanaryMetrics,
        *,
        prove: Callable[[Settings, int], float | None] = prove,
        ends: Callable[[Settings, str], Offsets] = alert_ends,
        commits: Callable[[Settings, str, str], Offsets] = alerts_read,
    ) -> None:
        self._settings = settings
        self._desks = {(bank, group): Desk() for bank, group in desks.items()}
        self._metrics = metrics
        self._prove = prove
        self._ends = ends
        self._commits = commits
        for bank, group in self._desks:
            metrics.watched(bank, group)

    def turn(self, minute: int) -> None:
        """Prove the path with the event of that minute, then look at the desks. Kafka that fails is a failure told."""
        self._metrics.sent()
        try:
            seconds = self._prove(self._settings, minute)
        except UserError as error:
            log.warning("a canary event could not be sent or waited for", cause=str(error))
            self._metrics.failed()
        else:
            if seconds is None:
                log.warning("no alert came of a canary event", minute=minute)
                self._metrics.failed()
            else:
                self._metrics.answered(seconds)
        self.look(time.monotonic())

    def look(self, now_s: float) -> None:
        """Look at what desks have not read; one of which Kafka does not tell has no figure, and a failure."""
        unread: dict[tuple[str, str], Unread] = {}
        topics = {self._settings.alerts_of(bank) for bank, _ in self._desks}
        all_ends = {topic: _told(partial(self._ends, self._settings, topic)) for topic in topics}
        for (bank, group), desk in self._desks.items():
            topic = self._settings.alerts_of(bank)
            ends = all_ends[topic]
            read = None if ends is None else _told(partial(self._commits, self._settings, group, topic), group)
            if ends is None or read is None:
                self._metrics.unseen(bank, group)
            else:
                unread[bank, group] = desk.look(ends, read, now_s)
        self._metrics.desks(unread)


def _told(ask: Callable[[], Offsets], group: str = "") -> Offsets | None:
    """The answer; None where Kafka does not give it."""
    try:
        return ask()
    except UserError as error:
        log.warning("it is not known what a desk has read", group=group or "of all desks", cause=str(error))
        return None


def refuse_a_replay(settings: Settings, now_ms: int) -> None:
    """UserError where the newest account event is over a day old: the days of a replay would end with today's."""
    topic = settings.account_events
    with reader(settings) as consumer:
        places = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
        ends = consumer.end_offsets(places)
    if not places:
        raise UserError(f"there is no topic {topic}: run `kozamori topics create`")
    last = {tp: [end - 1] for tp, end in ends.items() if end}
    newest_ms = max((_time_ms(record.value) for record in records_at(settings, last)), default=now_ms)
    if 0 < newest_ms < now_ms - STREAM_MS:
        raise UserError(
            f"the newest event of {topic} is {(now_ms - newest_ms) / STREAM_MS:,.0f} days old: this is a replay, and an"
            " event of today would end its days; send canaries where events are of now"
        )


def _time_ms(value: bytes | None) -> int:
    try:
        found: Any = json.loads(value or b"{}").get("occurred_at_ms", 0)
    except (ValueError, AttributeError):
        return 0
    return found if isinstance(found, int) else 0


def run_canary(settings: Settings, desks: Mapping[str, str]) -> None:
    """One event a minute until Ctrl-C, with metrics at `metrics_port`; UserError for what a person must mend."""
    refuse_a_replay(settings, int(time.time() * 1000))
    registry, well = CollectorRegistry(), Report(ok=True)
    canary = Canary(settings, desks, CanaryMetrics(registry))
    host, port = settings.metrics_host, settings.metrics_port
    with HealthServer(host=host, port=port, registry=registry, alive=lambda: well, ready=lambda: well) as server:
        log.info("canary starts", metrics_port=server.port, desks=len(desks))
        while True:
            time.sleep(MINUTE_MS / 1000 - time.time() % (MINUTE_MS / 1000))
            canary.turn(int(time.time() * 1000) // MINUTE_MS)
