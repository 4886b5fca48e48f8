"""Turns errors of kafka-python into one line for people: which broker, what went wrong, what to do."""

import logging
import threading
from collections import deque
from collections.abc import Iterator, Mapping, MutableSequence, Sequence
from contextlib import contextmanager
from typing import Any

from kafka.errors import AuthorizationError, KafkaError

from detector.errors import KafkaAwayError, UserError

#: What the client's log says when a connection ends → what that means. The error raised afterwards says only that
#: time ran out. The first that fits counts.
CAUSES = (
    ("SaslAuthenticationFailed", "it refuses the credentials: check sasl_username and sasl_password_file"),
    ("UnsupportedSaslMechanism", "it does not offer this sasl_mechanism: choose one that its listener has"),
    ("CERTIFICATE_VERIFY_FAILED", "its certificate is not trusted: check tls_ca and the host name in --bootstrap"),
    ("Handshake failed", "TLS cannot be agreed on: check the tls_… settings and that this port is a TLS listener"),
    ("DNS", "the name is unknown: check --bootstrap"),
    ("ECONNREFUSED", "nothing listens there: start Kafka, or check --bootstrap"),
    # Also after a wrong password, when the broker closes before its answer is read.
    ("socket disconnected", "it hangs up: check that tls_… and sasl_… are what its listener wants, the password too"),
)
#: Of these, what a broker says that is there: waiting mends none.
REFUSALS = CAUSES[:3]
NO_CAUSE = "check that it runs and that --bootstrap names one of its listeners"


@contextmanager
def kafka_errors(address: str) -> Iterator[None]:
    """Turn whatever kafka-python raises inside into a UserError about the broker at `address`, or `KafkaAwayError`.

    Its log is kept from the screen meanwhile: it has a dozen lines for what becomes one here.
    """
    logged: list[str] = []
    try:
        with _collecting(logged):
            yield
    except KafkaError as error:
        kind = KafkaAwayError if _is_away(error, logged) else UserError
        raise kind(explain(error, address, logged)) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep kafka-python's log from the screen: what it reports is raised or told as well, in one line."""
    with _collecting(deque(maxlen=1)):
        yield


def address_of(connection: Mapping[str, Any]) -> str:
    """The brokers that a client's keyword arguments name, for messages."""
    servers = connection["bootstrap_servers"]
    return servers if isinstance(servers, str) else ",".join(servers)


def explain(error: KafkaError, address: str, logged: Sequence[str] = ()) -> str:
    """One line on what Kafka refused, with the address asked and the next step; `logged` is the client's log."""
    detail = type(error).__name__
    if isinstance(error, AuthorizationError):
        return f"Kafka at {address} does not allow this ({detail}): give the user of sasl_username the right to do it"
    if error.retriable:
        meanings = (meaning for sign, meaning in CAUSES if any(sign in line for line in logged))
        return f"Kafka at {address} cannot be reached ({detail}): {next(meanings, NO_CAUSE)}"
    return f"Kafka at {address} refused: {detail}: {(str(error).splitlines() or [''])[0][:300]}"


def _is_away(error: KafkaError, logged: Sequence[str]) -> bool:
    if isinstance(error, AuthorizationError):
        return False
    return error.retriable and not any(sign in line for sign, _ in REFUSALS for line in logged)


class _Collector(logging.Handler):
    """Writes warnings and errors of the client into `logged`."""

    def __init__(self, logged: MutableSequence[str]) -> None:
        super().__init__(logging.WARNING)
        self._logged = logged

    def emit(self, record: logging.LogRecord) -> None:
        self._logged.append(record.getMessage())


_lock = threading.Lock()
_collectors: list[_Collector] = []


@contextmanager
def _collecting(logged: MutableSequence[str]) -> Iterator[None]:
    logger, collector = logging.getLogger("kafka"), _Collector(logged)
    with _lock:
        _collectors.append(collector)
        logger.addHandler(collector)
        logger.propagate = False
    try:
        yield
    finally:
        with _lock:
            _collectors.remove(collector)
            logger.removeHandler(collector)
            # The last one to leave, since several threads may be connected at once.
            logger.propagate = not _collectors
