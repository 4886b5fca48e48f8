"""The service: a courier for each receiver, each a member of a group of its own, on a thread of its own."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from random import Random

import structlog
from prometheus_client import CollectorRegistry

from detector.errors import KafkaAwayError, KozamoriError
from detector.kafka.clients import admin_client
from detector.kafka.inbox import KafkaInbox, begin_now
from detector.kafka.security import client_options
from detector.kafka.subscription import LogRecord
from detector.kafka.watch import BrokerWatch
from detector.notify.courier import AWAY_S, Courier
from detector.notify.mail import Mail, Mailbox
from detector.notify.messages import Wanted, read_notice
from detector.notify.parked import Parked, ParkedFile
from detector.notify.ports import Clock, Deliverer, Inbox, Receiver
from detector.notify.receivers import MailSettings, NotifySettings, ReceiverSettings, WebhookSettings
from detector.notify.retry import Circuit, Pace
from detector.notify.secrets import mail_password, read_secret, signing_keys, trust
from detector.notify.texts import Texts
from detector.notify.webhook import Webhook
from detector.observe.health import HealthServer, Report
from detector.observe.notify_metrics import NotifyMetrics
from detector.settings import NOTIFY_TABLE, Settings

log = structlog.get_logger(__name__)

#: A stopped service is gone within 5 s; whoever has not ended by then is cut off, and its message comes again.
END_S = 4.0
LOOK_S = 1.0


def receivers_of(
    settings: Settings, notify: NotifySettings, environ: Mapping[str, str], pace: Pace, seed: int
) -> list[Receiver]:
    """All receivers, with secrets, certificates and templates read; UserError for the first that is not usable."""
    texts = Texts(notify.templates)
    return [
        Receiver(
            each.name,
            Wanted(each.bank, each.severity, frozenset(each.events)),
            _webhook(each, environ, pace) if isinstance(each, WebhookSettings) else _mail(each, texts, environ, pace),
            Circuit(pace, Random(f"{seed} {each.name}")),
            partial(read_notice, alerts_topic=settings.alerts_of(each.bank)),
        )
        for each in notify.receivers
    ]


def _webhook(each: WebhookSettings, environ: Mapping[str, str], pace: Pace) -> Deliverer:
    place = f"{NOTIFY_TABLE}.webhooks.{each.name}"
    keys = signing_keys(place, read_secret(f"{place}.secret", each.secret_file, each.secret_env, environ))
    return Webhook(each.url, keys, trust(place, each.tls_ca) if each.url.startswith("https:") else None, pace)


def _mail(each: MailSettings, texts: Texts, environ: Mapping[str, str], pace: Pace) -> Deliverer:
    place = f"{NOTIFY_TABLE}.mails.{each.name}"
    host, _, port = each.server.rpartition(":")
    password = ""
    if each.username:
        secret = f"{place}.password"
        password = mail_password(secret, read_secret(secret, each.password_file, each.password_env, environ))
    tls = None if each.insecure else trust(place, each.tls_ca)
    box = Mailbox(each.to, each.sender, host.strip("[]"), int(port), each.lang, tls, each.username, password)
    return Mail(box, texts, pace)


def topics_of(settings: Settings, each: ReceiverSettings) -> list[str]:
    """What a receiver reads: with a bank, its own alerts where it has a topic, and bulletins on its own accounts."""
    alerts = [settings.alerts_of(each.bank)] if "alerts" in each.messages else []
    if "bulletins" not in each.messages:
        return alerts
    return [*alerts, settings.bulletins, *([settings.bulletins_of(each.bank)] if each.bank else [])]


def group_of(settings: Settings, receiver: str) -> str:
    """The consumer group of a receiver: its position is its own."""
    return f"kozamori.notify.{settings.prefix}{settings.deployment}.{receiver}"


def parker(parked: ParkedFile, receiver: str, clock: Clock) -> Callable[[LogRecord, str, str], None]:
    """Keeps what this receiver refuses."""

    def park(record: LogRecord, identity: str, cause: str) -> None:
        at_ms = int(clock.wall_s() * 1000)
        parked.add(Parked(receiver, identity, record.topic, record.partition, record.offset, cause, at_ms))

    return park


class Service:
    """The couriers' threads."""

    def __init__(
        self,
        receivers: Sequence[Receiver],
        open_inbox: Callable[[str], Inbox],
        parked: ParkedFile,
        metrics: NotifyMetrics,
        clock: Clock,
    ) -> None:
        self._stop = threading.Event()
        self._ways = [receiver.way for receiver in receivers]
        self._couriers = {
            receiver.name: Courier(
                receiver,
                partial(open_inbox, receiver.name),
                parker(parked, receiver.name, clock),
                metrics.of[receiver.name],
                self._stop,
                clock,
            )
            for receiver in receivers
        }
        self._threads = [
            threading.Thread(target=courier.run, name=f"courier {name}", daemon=True)
            for name, courier in self._couriers.items()
        ]

    def start(self) -> None:
        """Begin to carry."""
        for thread in self._threads:
            thread.start()

    def alive(self) -> Report:
        """Whether each receiver has its courier: one that a defect ended is mended by a restart."""
        return Report(all(thread.is_alive() for thread in self._threads))

    def ready(self) -> Report:
        """Whether all is read, and why not of which receiver; one that takes nothing is its own affair."""
        trouble = {name: courier.trouble for name, courier in self._couriers.items() if courier.trouble}
        return Report(not trouble, trouble)

    def end(self) -> None:
        """Cut off what is under way, and leave the groups; bounded in time."""
        self._stop.set()
        for way in self._ways:
            way.abort()
        deadline_s = time.monotonic() + END_S
        for thread in self._threads:
            thread.join(max(deadline_s - time.monotonic(), 0.0))


def run_notify(settings: Settings, notify: NotifySettings, environ: Mapping[str, str], stop: threading.Event) -> None:
    """Carry until `stop` is set, with metrics at `metrics_port`; UserError for what a person must mend first."""
    receivers = receivers_of(settings, notify, environ, Pace(), time.time_ns())
    topics = {each.name: topics_of(settings, each) for each in notify.receivers}
    parked = ParkedFile(notify.parked)
    parked.check()
    registry = CollectorRegistry()

    def inbox(name: str) -> Inbox:
        return KafkaInbox(settings, group_of(settings, name), topics[name])

    service = Service(receivers, inbox, parked, NotifyMetrics(registry, list(topics)), Clock())
    host, port = settings.metrics_host, settings.metrics_port
    with ExitStack() as ending:
        watch = BrokerWatch(client_options(settings), "alerts wait for it", log.warning)
        watch.start()
        ending.callback(watch.stop)
        server = HealthServer(host=host, port=port, registry=registry, alive=service.alive, ready=service.ready)
        ending.enter_context(server)
        for name, read in topics.items():
            _begin(settings, group_of(settings, name), read, stop)
        if stop.is_set():
            return
        service.start()
        ending.callback(service.end)
        log.info("notify starts", metrics_port=server.port, receivers=len(receivers))
        while not stop.wait(LOOK_S):
            if not service.alive().ok:
                raise KozamoriError("the courier of a receiver has ended: its log line says why; start again")
    log.info("notify ends: what is not delivered is sent after the next start")


def _begin(settings: Settings, group: str, topics: Sequence[str], stop: threading.Event) -> None:
    """Wait until Kafka answers and the group has a position."""
    while not stop.is_set():
        try:
            with admin_client(settings, LOOK_S):  # a short look: a stop must be heard within 5 s
                begin_now(settings, group, topics)
        except KafkaAwayError:
            stop.wait(AWAY_S)
        else:
            return
