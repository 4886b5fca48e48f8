"""Says that dead letters of a state that is reset mean nothing: a message read again may be an event by now."""

from kafka import KafkaAdminClient

from detector.contract.redrives import Void, encode_redrive
from detector.kafka.declarations import TOPICS
from detector.kafka.redrives import redriving
from detector.kafka.topics import create_topics, describe
from detector.ops.state import log_bounds_of
from detector.settings import Settings


def void_letters(client: KafkaAdminClient, settings: Settings, replication: int) -> None:
    """Note where the dead letters end, and end a redrive under way; before anything of the state is deleted.

    A second reader redrives nothing, and notes nothing beside topics that are another deployment's.
    """
    if settings.is_second_reader:
        return
    ours = {settings.dead_letters, settings.redrives}
    found = describe(client, ours)
    if settings.dead_letters not in found:
        return
    missing = [topic for topic in TOPICS if topic.name(settings) in ours - found.keys()]
    create_topics(client, settings, missing, 1, replication)
    letters = found[settings.dead_letters]
    bounds = log_bounds_of(client, [letters])
    void = Void(letters.topic_id, {tp.partition: end for tp, (_, end) in bounds.items()})
    with redriving(settings) as producer:
        producer.begin_transaction()
        producer.send(settings.redrives, encode_redrive(void), key=letters.name.encode(), partition=0)
        producer.commit_transaction()
