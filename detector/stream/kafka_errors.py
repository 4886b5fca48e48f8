"""What kafka-python raises, as one line for people: which broker was asked, what it said, what to do."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from kafka.errors import AuthorizationError, KafkaError, SaslAuthenticationFailedError

from detector.errors import UserError


@contextmanager
def kafka_errors(address: str) -> Iterator[None]:
    """Turn whatever kafka-python raises inside into a UserError about the broker at `address`."""
    try:
        yield
    except KafkaError as error:
        raise UserError(explain(error, address)) from error


@contextmanager
def quiet_kafka() -> Iterator[None]:
    """Silence kafka-python's logger: what it reports here is raised as well, and people get that one line."""
    logger = logging.getLogger("kafka")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)


def explain(error: KafkaError, address: str) -> str:
    """One line on what Kafka refused, with the address asked and the next step."""
    detail = type(error).__name__
    if isinstance(error, SaslAuthenticationFailedError):
        return f"Kafka at {address} refused the credentials ({detail}): check the sasl_… and tls_… settings"
    if isinstance(error, AuthorizationError):
        return f"Kafka at {address} does not allow this ({detail}): give the user of sasl_username the right to do it"
    if error.retriable:
        return (
            f"Kafka at {address} does not answer ({detail}): check that it runs, that --bootstrap names it"
            " and that the tls_… settings fit its listener"
        )
    return f"Kafka at {address} refused: {detail}: {(str(error).splitlines() or [''])[0][:300]}"
