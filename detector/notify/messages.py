"""What is delivered: an alert or a bulletin with its id, its bytes as on the bus, and when Kafka got it."""

from dataclasses import dataclass
from typing import Literal, get_args

from detector.contract.alerts import SCHEMA as ALERT_SCHEMA
from detector.contract.alerts import Alert, Severity, decode_alert
from detector.contract.bulletins import SCHEMA as BULLETIN_SCHEMA
from detector.contract.bulletins import Bulletin, decode_bulletin
from detector.kafka.subscription import LogRecord, readable
from detector.subscriber import concerns

Kind = Literal["alert", "bulletin"]
#: From the least on.
SEVERITIES: tuple[Severity, ...] = get_args(Severity)


@dataclass(frozen=True, slots=True)
class Notice:
    """One message for a receiver. `id` is the same in every delivery; `body` the message byte for byte."""

    kind: Kind
    id: str
    topic: str
    occurred_at_ms: int
    body: bytes
    content: Alert | Bulletin


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which messages a receiver gets: of a bank ("" for all), alerts at least so severe, of these kinds of event."""

    bank: str = ""
    severity: Severity = "low"
    events: frozenset[str] = frozenset()

    def takes(self, notice: Notice) -> bool:
        """Whether this one is among them. Topics decide which bulletins are of a bank."""
        alert = notice.content
        return not isinstance(alert, Alert) or (
            concerns(alert, self.bank or None)
            and SEVERITIES.index(alert.severity) >= SEVERITIES.index(self.severity)
            and (not self.events or alert.kind in self.events)
        )


def notice_of(content: Alert | Bulletin, topic: str, body: bytes) -> Notice:
    """The message of that content, whose bytes are `body`."""
    if isinstance(content, Alert):
        return Notice("alert", content.alert_id, topic, content.occurred_at_ms, body, content)
    return Notice("bulletin", content.bulletin_id, topic, content.occurred_at_ms, body, content)


def read_notice(record: LogRecord, alerts_topic: str) -> Notice | None:
    """The message of a record; None, and a warning, where this release cannot read it."""
    content: Alert | Bulletin | None
    if record.topic == alerts_topic:
        content = readable(record, ALERT_SCHEMA, "an alert", decode_alert)
    else:
        content = readable(record, BULLETIN_SCHEMA, "a bulletin", decode_bulletin)
    return None if content is None else notice_of(content, record.topic, record.value or b"")
