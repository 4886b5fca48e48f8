"""What a courier relies on of its inbox: the same tests for topics in memory and for a real Kafka."""

from typing import Protocol

from support.alerts import make_alert

from detector.contract.alerts import encode_alert
from detector.kafka.subscription import LogRecord
from detector.notify.ports import Inbox

PIECE_S = 0.2
VALUES = [encode_alert(make_alert(number)) for number in range(4)]


class Log(Protocol):
    """One topic of two partitions, and one group of it."""

    def put(self, partition: int, *values: bytes) -> None:
        """Append records."""

    def inbox(self) -> Inbox:
        """The group's only member."""

    def lose(self, inbox: Inbox) -> None:
        """Give partition 0 to another member, which commits nothing, and leave partition 1 where it is."""

    def give_back(self) -> None:
        """The other member leaves."""


def take(inbox: Inbox, number: int) -> list[LogRecord]:
    """The next records, each done."""
    found: list[LogRecord] = []
    while len(found) < number:
        record = inbox.next()
        if record is not None:
            found.append(record)
            inbox.done(record)
    return found


def one(inbox: Inbox) -> LogRecord:
    """The next record, in hand."""
    while (record := inbox.next()) is None:
        continue
    return record


class InboxSuite:
    """Subclasses have the fixture `log`."""

    def test_a_group_goes_on_behind_what_is_done_and_begins_again_with_what_is_not(self, log: Log) -> None:
        first = log.inbox()
        log.put(0, *VALUES)
        take(first, 2)
        assert VALUES[2] == one(first).value
        first.close()
        second = log.inbox()
        assert VALUES[2:] == [record.value for record in take(second, 2)]
        second.close()

    def test_what_is_committed_stays_done_though_the_member_never_leaves(self, log: Log) -> None:
        first = log.inbox()
        log.put(0, VALUES[0])
        log.put(1, VALUES[1])
        taken = {record.value for record in take(first, 2)}
        first.commit()
        assert {VALUES[0], VALUES[1]} == taken
        first.close()
        second = log.inbox()
        log.put(0, VALUES[3])
        assert VALUES[3] == one(second).value
        second.close()

    def test_a_record_in_hand_stays_while_others_come(self, log: Log) -> None:
        inbox = log.inbox()
        log.put(0, *VALUES[:2])
        record = one(inbox)
        log.put(0, *VALUES[2:])
        assert inbox.stay(PIECE_S)
        assert inbox.stay(PIECE_S)
        inbox.done(record)
        assert VALUES == [each.value for each in (record, *take(inbox, 3))]
        inbox.close()

    def test_a_partition_taken_away_is_told_and_begins_again_with_what_was_in_hand(self, log: Log) -> None:
        inbox = log.inbox()
        log.put(0, *VALUES)
        take(inbox, 1)
        inbox.commit()
        assert VALUES[1] == one(inbox).value
        log.lose(inbox)
        assert not inbox.stay(PIECE_S)
        log.give_back()
        assert VALUES[1:] == [record.value for record in take(inbox, 3)]
        inbox.close()

    def test_a_partition_that_stays_while_others_are_taken_away_goes_on_without_a_gap(self, log: Log) -> None:
        inbox = log.inbox()
        log.put(1, *VALUES)
        take(inbox, 1)
        record = one(inbox)
        log.lose(inbox)
        assert inbox.stay(PIECE_S)
        log.give_back()
        assert inbox.stay(PIECE_S)
        inbox.done(record)
        assert VALUES[1:] == [each.value for each in (record, *take(inbox, 2))]
        inbox.close()
