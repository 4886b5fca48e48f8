"""The topic of redrives: read as a table, and written in transactions of which one command at a time has any.

A message enters its topic again and is noted here in one transaction, of which one process at a time has any
(`transactions.py`). So no message is redriven twice, whoever is killed when.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from kafka import KafkaProducer

from detector.contract.redrives import Redriven, Void, decode_redrive
from detector.kafka.reading import records_of
from detector.kafka.transactions import sole_producer
from detector.settings import Settings


@dataclass
class Redrives:
    """What is noted: redriven messages by id of their dead letter; by topic, which letters mean nothing any more."""

    by_id: dict[str, Redriven] = field(default_factory=dict)
    void: dict[str, Void] = field(default_factory=dict)

    def offsets(self, topic: str, topic_id: str) -> dict[int, list[int]]:
        """Offsets of the redriven messages of a topic with that id, by partition, in order."""
        found: dict[int, list[int]] = {}
        for noted in self.by_id.values():
            if (noted.position.topic, noted.topic_id) == (topic, topic_id):
                found.setdefault(noted.position.partition, []).append(noted.position.offset)
        return {partition: sorted(offsets) for partition, offsets in found.items()}

    def void_before(self, topic: str, topic_id: str) -> dict[int, int]:
        """Offsets, by partition of a topic of dead letters with that id, before which they are of a state before."""
        void = self.void.get(topic)
        return void.before if void is not None and void.topic_id == topic_id else {}


def read_redrives(settings: Settings) -> Redrives:
    """What is noted and committed; nothing where the topic is missing. Raises UserError as `reader` does."""
    found = Redrives()
    for record in records_of(settings, settings.redrives):
        noted = decode_redrive(record.value)
        if isinstance(noted, Void):
            found.void[record.key.decode()] = noted
        else:
            found.by_id[record.key.decode()] = noted
    return found


def redriving(settings: Settings) -> AbstractContextManager[KafkaProducer]:
    """The one producer that redrives; see `sole_producer`."""
    begun = "another redrive, or a reset, has begun meanwhile: see `kozamori dead-letters list`, run again"
    return sole_producer(settings, settings.redrives, begun)
