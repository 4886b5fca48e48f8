"""A producer for transactions of which one process at a time has any.

All who use a transactional id share it: one that begins ends the transaction of another that was killed or still runs,
and what it reads then is final.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from kafka import KafkaProducer
from kafka.errors import InvalidProducerEpochError, ProducerFencedError

from detector.errors import OvertakenError
from detector.kafka.clients import open_client
from detector.kafka.errors import address_of, kafka_errors
from detector.kafka.security import client_options
from detector.settings import Settings

#: Of `close`: nothing is left to send, or nothing of it may be sent.
CLOSE_S = 1.0


@contextmanager
def sole_producer(settings: Settings, transactional_id: str, overtaken: str) -> Iterator[KafkaProducer]:
    """A producer: whoever else has one fails from now on, and what it had not committed is undone.

    Raises UserError for whatever Kafka refuses; OvertakenError, which says `overtaken`, where another one has begun.
    """
    connection = client_options(settings)
    with kafka_errors(address_of(connection)):
        producer = open_client(KafkaProducer, connection, transactional_id=transactional_id, acks="all")
        try:
            producer.init_transactions()
            yield producer
        except (ProducerFencedError, InvalidProducerEpochError) as error:
            raise OvertakenError(overtaken) from error
        finally:
            producer.close(timeout=CLOSE_S)
