"""One receiver's messages, one after the other: each is tried until it is delivered, or refused for good."""

import threading
from collections.abc import Callable
from contextlib import closing

import structlog

from detector.errors import KafkaAwayError, UserError
from detector.kafka.subscription import LogRecord, RecentIds
from detector.notify.messages import Notice
from detector.notify.ports import UNREADABLE, Clock, Delivered, Failed, Inbox, Outcome, Receiver, Refused, send
from detector.observe.notify_metrics import ReceiverMetrics

log = structlog.get_logger(__name__)

#: As of `detector.subscriber`: a repeat comes from a worker that replays a few seconds of events.
REMEMBERED_IDS = 10_000
#: Longest wait in one piece: so soon a stop is heard, and a partition that was taken away noticed.
PIECE_S = 0.2
#: Before reading is begun anew after Kafka refused it.
REFUSED_S = 30.0
AWAY_S = 1.0


class Courier:
    """Carries the messages of `open_inbox()` to one receiver until `stop` is set; `run` is a thread's life.

    `park` keeps where a message lies that is refused for good, or that a newer release may read, with id and cause; it
    raises OSError where it cannot, and then the message is tried again. The position moves on only behind what was
    delivered, parked or is not for this receiver.
    """

    def __init__(
        self,
        receiver: Receiver,
        open_inbox: Callable[[], Inbox],
        park: Callable[[LogRecord, str, str], None],
        metrics: ReceiverMetrics,
        stop: threading.Event,
        clock: Clock,
    ) -> None:
        self._receiver = receiver
        self._open_inbox = open_inbox
        self._park = park
        self._metrics = metrics
        self._stop = stop
        self._clock = clock
        self._recent = RecentIds(REMEMBERED_IDS)
        self._log = log.bind(receiver=receiver.name)
        #: Why nothing is read, "" where it is.
        self.trouble = "it has not asked Kafka yet"

    def run(self) -> None:
        """Carry until stopped; also over refusals of Kafka, which are told."""
        while not self._stop.is_set():
            try:
                with closing(self._open_inbox()) as inbox:
                    self.trouble = ""
                    while not self._stop.is_set():
                        self.turn(inbox)
            except KafkaAwayError as error:  # told once for all receivers, by a watch
                self.trouble = str(error)
                self._stop.wait(AWAY_S)
            except UserError as error:
                self.trouble = str(error)
                self._log.error("nothing is read for a receiver", cause=str(error))
                self._stop.wait(REFUSED_S)

    def turn(self, inbox: Inbox) -> None:
        """Settle the next record, if there is one."""
        record = inbox.next()
        if record is None:
            return
        notice = self._receiver.read(record)
        if notice is not None and (notice.id in self._recent or not self._receiver.wanted.takes(notice)):
            inbox.done(record)
        elif self._settle(inbox, record, notice):
            if notice is not None:
                self._recent.repeated(notice.id)
            inbox.done(record)
            inbox.commit()

    def _settle(self, inbox: Inbox, record: LogRecord, notice: Notice | None) -> bool:
        """Try until it is delivered or parked; False where it is to come again: at a stop, or for another member."""
        began_s = self._clock.steady_s()
        while not self._stop.is_set():
            outcome = self._attempt(record, notice)
            if not isinstance(outcome, Failed):
                self._metrics.waits(0.0)
                return True
            if self._stop.is_set():  # cut off by it
                break
            next_s = self._clock.steady_s() + self._failed(outcome)
            while not self._stop.is_set() and (left_s := next_s - self._clock.steady_s()) > 0:
                self._metrics.waits(self._clock.steady_s() - began_s)
                if not inbox.stay(min(left_s, PIECE_S)):
                    self._metrics.waits(0.0)
                    return False
        return False

    def _attempt(self, record: LogRecord, notice: Notice | None) -> Outcome:
        circuit = self._receiver.circuit
        circuit.attempts()
        self._metrics.circuit(circuit.state)
        outcome = UNREADABLE if notice is None else send(self._receiver, notice, self._clock.wall_s())
        if isinstance(outcome, Refused):
            identity = "" if notice is None else notice.id
            try:
                self._park(record, identity, outcome.cause)
            except OSError as error:
                return Failed(f"refused ({outcome.cause}), and cannot be parked ({error.strerror})")
            self._log.warning("refused for good, parked", id=identity, cause=outcome.cause)
            self._metrics.refused()
        elif isinstance(outcome, Delivered):
            self._metrics.delivered(max(self._clock.wall_s() - record.timestamp / 1000, 0.0))
        if not isinstance(outcome, Failed):
            self._recovered()
        return outcome

    def _recovered(self) -> None:
        if self._receiver.circuit.state != "closed":
            self._log.warning("a receiver takes messages again")
        self._receiver.circuit.delivered()
        self._metrics.circuit(self._receiver.circuit.state)

    def _failed(self, outcome: Failed) -> float:
        """Seconds until the next attempt."""
        circuit = self._receiver.circuit
        was_closed = circuit.state == "closed"
        wait_s = circuit.failed(outcome.wish_s)
        self._metrics.retried(circuit.state)
        if was_closed and circuit.state != "closed":
            self._log.warning("a receiver takes nothing: its messages wait", cause=outcome.cause)
        else:
            self._log.info("not delivered, tried again", cause=outcome.cause, in_s=round(wait_s, 3))
        return wait_s
