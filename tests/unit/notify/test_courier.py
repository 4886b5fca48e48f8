"""The life of one receiver's courier, turn by turn: what is delivered, passed over, parked, tried again."""

import threading
import time
from pathlib import Path

import pytest
from support.alerts import make_alert
from support.couriers import IDS, Stand, Way, values
from support.memory_topics import MemoryInbox

from detector.contract import canary
from detector.contract.alerts import encode_alert
from detector.contract.bulletins import encode_bulletin
from detector.contract.examples import MESSAGES
from detector.errors import KafkaAwayError, UserError
from detector.notify.messages import Wanted
from detector.notify.parked import Parked
from detector.notify.ports import Failed, Outcome, Refused
from detector.notify.retry import Pace


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
