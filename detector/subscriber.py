"""Alerts for programs: `for alert in AlertSubscriber("127.0.0.1:9092", bank="0116"): …`; bulletins likewise.

Alerts are delivered at least once and carry ids that are the same in every delivery. The subscriber drops repeats of
the last `REMEMBERED_IDS` alerts of each partition. That is ample: a repeat comes in the same partition, from a worker
that was stopped between two checkpoints and replays a few seconds of events. A subscriber that must act exactly once
over its own restarts keeps the ids it acted on itself.
"""

from collections.abc import Sequence
from typing import Any

from detector.contract import canary
from detector.contract.alerts import SCHEMA, Alert, decode_alert
from detector.contract.bulletins import SCHEMA as BULLETIN_SCHEMA
from detector.contract.bulletins import Bulletin, decode_bulletin
from detector.kafka.subscription import Subscriber

#: About 1.5 MB a partition. With a budget of 20 false alert groups a day it covers months.
REMEMBERED_IDS = 10_000


def concerns(alert: Alert, bank: str | None) -> bool:
    """Whether the alert is for whoever asks for `bank`, None for all: of the canary's only where it is asked for."""
    return alert.bank == bank if bank is not None else alert.bank != canary.BANK


class AlertSubscriber(Subscriber[Alert]):
    """An endless iterable of alerts; a context manager, and not thread-safe but for `stop`.

    Without `group` it reads every partition from now on, or `from_beginning`, and commits nothing. Members of one
    `group` share the partitions and go on where the group stopped: an alert counts as done when the next one is
    requested, or when the `with` block ends without an exception. `until_end` ends it at the last alert there was when
    it was built, of all partitions or of a member's share.

    `connection` are further options of `kafka.KafkaConsumer`, such as `security_protocol`. Alerts of the canary's bank
    come to those alone who ask for that bank.

    Where Kafka stops answering it waits, and logs a warning within 3 s, and another one when it is back.

    Records that are no alert, or of a newer schema than this release reads, are logged and counted in `skipped`;
    repeats are counted in `repeated`. Raises UserError when no broker answers or the topic is missing.
    """

    schema = SCHEMA
    noun = "an alert"

    def __init__(
        self,
        bootstrap: str | list[str],
        *,
        topic: str = "alerts",
        bank: str | None = None,
        group: str | None = None,
        from_beginning: bool = False,
        until_end: bool = False,
        remembered_ids: int = REMEMBERED_IDS,
        **connection: Any,
    ) -> None:
        self._bank = bank
        super().__init__(
            bootstrap,
            (topic,),
            group=group,
            from_beginning=from_beginning,
            until_end=until_end,
            remembered_ids=remembered_ids,
            connection=connection,
        )

    def read(self, value: bytes) -> Alert:
        """See `decode_alert`."""
        return decode_alert(value)

    def id_of(self, message: Alert) -> str:
        """The alert's id."""
        return message.alert_id

    def wants(self, message: Alert) -> bool:
        """Whether it is the bank's, and of the canary's only where that bank was asked for."""
        return concerns(message, self._bank)


class BulletinSubscriber(Subscriber[Bulletin]):
    """An endless iterable of the bulletins of `topics`, as `AlertSubscriber` is one of alerts.

    `topics`: that for all banks, and a bank's own. Without a group; repeats and foreign records as there.
    """

    schema = BULLETIN_SCHEMA
    noun = "a bulletin"

    def __init__(
        self,
        bootstrap: str | list[str],
        *,
        topics: Sequence[str] = ("bulletins",),
        from_beginning: bool = False,
        until_end: bool = False,
        **connection: Any,
    ) -> None:
        super().__init__(
            bootstrap,
            topics,
            group=None,
            from_beginning=from_beginning,
            until_end=until_end,
            remembered_ids=REMEMBERED_IDS,
            connection=connection,
        )

    def read(self, value: bytes) -> Bulletin:
        """See `decode_bulletin`."""
        return decode_bulletin(value)

    def id_of(self, message: Bulletin) -> str:
        """The bulletin's id."""
        return message.bulletin_id

    def wants(self, message: Bulletin) -> bool:
        """Every one."""
        return True
