"""The life of one receiver's courier, turn by turn: what is delivered, passed over, parked, tried again."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import msgspec
import pytest
from prometheus_client import CollectorRegistry
from support.alerts import make_alert
from support.memory_topics import MemoryInbox, MemoryRecord, MemoryTopics

from detector.contract import canary
from detector.contract.alerts import encode_alert
from detector.contract.bulletins import encode_bulletin
from detector.contract.examples import MESSAGES
from detector.errors import KafkaAwayError, UserError
from detector.kafka.subscription import LogRecord
from detector.notify.courier import Courier
from detector.notify.messages import Notice, Wanted, read_notice
from detector.notify.parked import Parked, ParkedFile
from detector.notify.ports import Clock, Delivered, Failed, Inbox, Outcome, Receiver, Refused
from detector.notify.redrive import Redriven, redrive
from detector.notify.retry import Circuit, Pace
from detector.notify.run import parker
from detector.observe.notify_metrics import NotifyMetrics

QUICK = Pace(first_s=0.0, longest_s=0.0, open_s=0.0)
NOW_S = 1_600_000_000.0
ALERTS = [make_alert(number) for number in range(5)]
IDS = [alert.alert_id for alert in ALERTS]


class Way:
    """Answers as told, then delivers."""

    def __init__(self, *outcomes: Outcome | BaseException) -> None:
        self._outcomes = list(outcomes)
        self.sent: list[str] = []
        self.on_send: Callable[[], None] = lambda: None

    def deliver(self, notice: Notice, wall_s: float) -> Outcome:
        self.sent.append(notice.id)
        self.on_send()
        outcome = self._outcomes.pop(0) if self._outcomes else Delivered()
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    def abort(self) -> None:
        """Nothing is ever under way."""


class Stand:
    """One receiver on a topic in memory."""

    def __init__(self, folder: Path, way: Way, wanted: Wanted | None = None, pace: Pace = QUICK) -> None:
        self.topics, self.way, self.stop = MemoryTopics(), way, threading.Event()
        self.parked = ParkedFile(folder / "parked.jsonl")
        self.registry = CollectorRegistry()
        metrics = NotifyMetrics(self.registry, ["soc"])
        self.receiver = Receiver(
            "soc", wanted or Wanted(), way, Circuit(pace, Random(1)), lambda record: read_notice(record, "alerts")
        )
        self.clock = Clock(time.monotonic, lambda: NOW_S)
        park = parker(self.parked, "soc", self.clock)
        self.courier = Courier(self.receiver, self.inbox, park, metrics.of["soc"], self.stop, self.clock)

    def inbox(self) -> MemoryInbox:
        return self.topics.inbox("soc", ["alerts", "bulletins"])

    def put(self, *values: bytes, topic: str = "alerts") -> None:
        for value in values:
            self.topics.put(topic, value, timestamp=int(NOW_S * 1000) - 2_500)

    @property
    def committed(self) -> dict[tuple[str, int], int]:
        return self.topics.committed["soc"]

    def turns(self, number: int, inbox: Inbox | None = None) -> None:
        inbox = inbox or self.inbox()
        for _ in range(number):
            self.courier.turn(inbox)

    def value(self, name: str) -> float | None:
        return self.registry.get_sample_value(f"kozamori_notify_{name}", {"receiver": "soc"})


def values(*numbers: int) -> list[bytes]:
    return [encode_alert(ALERTS[number]) for number in numbers]


def test_what_is_delivered_is_committed_at_once_and_counted_with_its_age(tmp_path: Path) -> None:
    stand = Stand(tmp_path, Way())
    stand.put(*values(0, 1))
    stand.turns(1)
    assert ([IDS[0]], {("alerts", 0): 1}) == (stand.way.sent, stand.committed)
    assert (1.0, 2.5, 0.0) == (stand.value("delivered_total"), stand.value("seconds_sum"), stand.value("circuit"))


def test_a_failure_is_tried_again_before_anything_else(tmp_path: Path) -> None:
    stand = Stand(tmp_path, Way(Failed("status 500"), Failed("status 500")))
    stand.put(*values(0, 1))
    stand.turns(2)
    assert [IDS[0]] * 3 + [IDS[1]] == stand.way.sent
    assert (2.0, 2.0) == (stand.value("failures_total"), stand.value("delivered_total"))


def test_repeats_are_passed_over(tmp_path: Path) -> None:
    stand = Stand(tmp_path, Way())
    stand.put(*values(0, 1, 0, 2))
    stand.turns(4)
    assert ([IDS[0], IDS[1], IDS[2]], {("alerts", 0): 4}) == (stand.way.sent, stand.committed)


def test_what_cannot_be_read_is_parked_and_a_release_that_can_delivers_it_to_whom_it_is_for(tmp_path: Path) -> None:
    stand = Stand(tmp_path, Way(), Wanted(bank="0116"))
    alerts = [make_alert(0), make_alert(1, bank="0117")]
    newer = [msgspec.json.encode({**msgspec.to_builtins(alert), "schema": 99}) for alert in alerts]
    stand.put(*newer, b"{", *values(3))
    stand.turns(4)
    assert ([IDS[3]], {("alerts", 0): 4}, 3.0) == (stand.way.sent, stand.committed, stand.value("refused_total"))

    def read_newer(record: LogRecord) -> Notice | None:
        value = (record.value or b"").replace(b'"schema":99', b'"schema":1')
        return read_notice(MemoryRecord(record.topic, 0, record.offset, 0, value), "alerts")

    upgraded = replace(stand.receiver, read=read_newer)
    assert Redriven(delivered=1, parked=1, dropped=1) == redrive(
        stand.parked, [upgraded], records_of(stand), stand.clock
    )
    assert [IDS[3], IDS[0]] == stand.way.sent
    assert [(2, "this release cannot read it")] == [(line.offset, line.cause) for line in stand.parked.take()]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Wanted(), [0, 1, 2, 3]),
        (Wanted(bank="0117"), [1]),
        (Wanted(bank=canary.BANK), [4]),
        (Wanted(severity="high"), [0, 1, 3]),
        (Wanted(severity="critical"), [0, 1]),
        (Wanted(events=frozenset({"link"})), [2]),
    ],
    ids=str,
)
def test_a_receiver_gets_its_bank_s_alerts_of_a_severity_and_kind(
    tmp_path: Path, wanted: Wanted, expected: list[int]
) -> None:
    alerts = [
        make_alert(0),
        make_alert(1, bank="0117"),
        make_alert(2, kind="link", severity="low"),
        make_alert(3, severity="high"),
        make_alert(4, bank=canary.BANK),
    ]
    stand = Stand(tmp_path, Way(), wanted)
    stand.put(*map(encode_alert, alerts))
    stand.turns(5)
    assert [alerts[number].alert_id for number in expected] == stand.way.sent


def test_bulletins_come_whatever_the_severity_of_alerts(tmp_path: Path) -> None:
    stand = Stand(tmp_path, Way(), Wanted(bank="0117", severity="critical"))
    (bulletin,) = MESSAGES["bulletins"]
    stand.put(encode_bulletin(bulletin), topic="bulletins")  # type: ignore[arg-type]
    stand.turns(1)
    assert [bulletin.bulletin_id] == stand.way.sent  # type: ignore[attr-defined]


@pytest.mark.parametrize("outcome", [Refused("status 404"), ZeroDivisionError()], ids=["refused", "a defect"])
def test_what_is_refused_for_good_is_parked_before_its_position_and_what_follows_comes(
    tmp_path: Path, outcome: Outcome | Exception
) -> None:
    stand = Stand(tmp_path, Way(outcome))
    stand.put(*values(0, 1))
    stand.turns(2)
    cause = outcome.cause if isinstance(outcome, Refused) else "a defect: ZeroDivisionError"
    assert [Parked("soc", IDS[0], "alerts", 0, 0, cause, 1_600_000_000_000)] == stand.parked.take()
    assert (IDS[:2], {("alerts", 0): 2}, 1.0) == (stand.way.sent, stand.committed, stand.value("refused_total"))


def test_what_cannot_be_parked_is_tried_again(tmp_path: Path) -> None:
    stand = Stand(tmp_path, Way(Refused("status 404"), Refused("status 404")))
    (tmp_path / "parked.jsonl").mkdir()
    stand.way.on_send = lambda: (tmp_path / "parked.jsonl").rmdir() if len(stand.way.sent) == 2 else None
    stand.put(*values(0))
    stand.turns(1)
    assert ([IDS[0]] * 2, 1.0) == (stand.way.sent, stand.value("failures_total"))
    assert [IDS[0]] == [line.id for line in stand.parked.take()]


def test_a_message_whose_partition_was_taken_away_is_left_to_whoever_has_it_and_comes_again(tmp_path: Path) -> None:
    stand = Stand(tmp_path, Way(Failed("status 500")), pace=Pace(first_s=5.0, longest_s=5.0))
    stand.put(*values(0, 1))
    inbox = stand.inbox()
    stand.way.on_send = inbox.lose
    stand.turns(1, inbox)
    assert ({}, [IDS[0]]) == (stand.committed, stand.way.sent)
    stand.turns(2, inbox)
    assert ({("alerts", 0): 2}, [IDS[0], *IDS[:2]]) == (stand.committed, stand.way.sent)


def test_a_stop_amid_a_back_off_is_heard_at_once_and_nothing_is_committed(tmp_path: Path) -> None:
    stand = Stand(tmp_path, Way(*[Failed("status 500")] * 9), pace=Pace(first_s=60.0, longest_s=60.0))
    stand.put(*values(0))
    threading.Timer(0.05, stand.stop.set).start()
    began_s = time.monotonic()
    stand.courier.run()
    assert time.monotonic() - began_s < 1.0
    assert ({}, [IDS[0]]) == (stand.committed, stand.way.sent)


def test_an_inbox_that_kafka_refuses_is_told_and_opened_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("detector.notify.courier.REFUSED_S", 0.0)
    monkeypatch.setattr("detector.notify.courier.AWAY_S", 0.0)
    stand = Stand(tmp_path, Way())
    stand.put(*values(0))
    stand.way.on_send = stand.stop.set
    troubles = iter([KafkaAwayError("away"), UserError("not allowed")])
    said = [stand.courier.trouble]

    def open_inbox() -> MemoryInbox:
        said.append(stand.courier.trouble)
        for error in troubles:
            raise error
        return stand.inbox()

    stand.courier._open_inbox = open_inbox
    stand.courier.run()
    assert ["it has not asked Kafka yet"] * 2 + ["away", "not allowed"] == said
    assert ("", [IDS[0]]) == (stand.courier.trouble, stand.way.sent)


def parked_stand(folder: Path, way: Way) -> Stand:
    """All five alerts refused at first."""
    stand = Stand(folder, way)
    stand.put(*values(*range(5)))
    for record in stand.topics.logs["alerts", 0]:
        stand.parked.add(Parked("soc", IDS[record.offset], "alerts", 0, record.offset, "status 404", 7))
    return stand


def records_of(stand: Stand, *gone: int) -> Callable[[object], Sequence[LogRecord]]:
    return lambda _wanted: [record for record in stand.topics.logs["alerts", 0] if record.offset not in gone]


def test_a_redrive_delivers_what_is_parked_and_parks_again_what_is_not_taken(tmp_path: Path) -> None:
    stand = parked_stand(tmp_path, Way(Delivered(), Refused("status 422"), Failed("status 500")))
    expected = Redriven(delivered=2, parked=2, dropped=1)
    assert expected == redrive(stand.parked, [stand.receiver], records_of(stand, 4), stand.clock)
    again = [("status 422", IDS[1], 7), ("status 500", IDS[2], 7)]
    assert again == [(line.cause, line.id, line.parked_at_ms) for line in stand.parked.take()]


def test_a_redrive_keeps_what_is_of_no_receiver_and_one_that_falls_is_done_again(tmp_path: Path) -> None:
    stand = parked_stand(tmp_path, Way(ZeroDivisionError(), KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        redrive(stand.parked, [stand.receiver], records_of(stand), stand.clock)
    stand.parked.add(Parked("gone", IDS[0], "alerts", 0, 0, "status 410", 8))
    expected = Redriven(delivered=6, parked=1)  # the first again, which was parked for a defect before the fall
    assert expected == redrive(stand.parked, [stand.receiver], records_of(stand), stand.clock)
    assert ["gone"] == [line.receiver for line in stand.parked.take()]


def test_a_line_cut_short_is_left_out_and_spoils_no_other(tmp_path: Path) -> None:
    parked = ParkedFile(tmp_path / "parked.jsonl")
    first, second = (Parked("soc", name, "alerts", 0, 1, "status 404", 7) for name in "ab")
    (tmp_path / "parked.jsonl").write_bytes(msgspec.json.encode(first) + b'\n{"receiver": "so')
    parked.add(second)
    assert [first, second] == parked.take()
    parked.taken()
    assert [] == parked.take()


def test_a_place_that_cannot_be_written_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"setting notify.parked: .* cannot be written \(No such file"):
        ParkedFile(tmp_path / "nowhere" / "parked.jsonl").check()
