"""One canary event on its way: sent to Kafka, and waited for as an alert."""

import threading
import time

from detector.contract.canary import BANK, canary_of
from detector.contract.codec import encode
from detector.kafka.security import client_options
from detector.settings import Settings
from detector.subscriber import AlertSubscriber
from producers.sender import Sender

#: A whole drain takes a minute: an alert that comes later is none.
LIMIT_S = 60.0


def prove(settings: Settings, minute: int, limit_s: float = LIMIT_S) -> float | None:
    """Send the canary of that minute since 1970; seconds until its alert was read, None where it did not come in time.

    Raises UserError where Kafka fails.
    """
    event, connection = canary_of(minute), client_options(settings)
    brokers = connection.pop("bootstrap_servers")
    with AlertSubscriber(brokers, topic=settings.alerts, bank=BANK, **connection) as alerts:
        timer = threading.Timer(limit_s, alerts.stop)
        timer.start()
        started = time.monotonic()
        try:
            with Sender(client_options(settings)) as sender:
                sender.send(settings.account_events, encode(event), event.account.encode())
            for alert in alerts:
                if alert.event_id == event.event_id:
                    return time.monotonic() - started
        finally:
            timer.cancel()
    return None
