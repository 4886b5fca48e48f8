"""What is refused for good, or cannot be read: parked, and delivered once more."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from support.alerts import make_alert
from support.couriers import IDS, Stand, Way, values
from support.memory_topics import MemoryRecord

from detector.errors import UserError
from detector.kafka.subscription import LogRecord
from detector.notify.messages import Notice, Wanted, read_notice
from detector.notify.parked import Parked, ParkedFile
from detector.notify.ports import Delivered, Failed, Refused
from detector.notify.redrive import Redriven, redrive


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


def test_what_is_nested_too_deeply_to_be_read_is_parked_and_holds_up_nothing(tmp_path: Path) -> None:
    stand = Stand(tmp_path, Way())
    depth = 200_000
    stand.put(b'{"schema": 1, "x": ' + b"[" * depth + b"]" * depth + b"}", *values(0))
    stand.turns(2)
    assert ([IDS[0]], {("alerts", 0): 2}) == (stand.way.sent, stand.committed)
    assert [(0, "this release cannot read it")] == [(line.offset, line.cause) for line in stand.parked.take()]


def test_a_second_redrive_at_the_same_time_is_refused_and_none_is_lost(tmp_path: Path) -> None:
    stand = Stand(tmp_path, Way(Refused("status 404")))
    stand.put(*values(0))
    stand.turns(1)
    again = ParkedFile(stand.parked.path)

    def twice() -> None:
        with pytest.raises(UserError, match="another redrive is under way"):
            redrive(again, [stand.receiver], records_of(stand), stand.clock)

    stand.way.on_send = twice
    assert Redriven(delivered=1) == redrive(stand.parked, [stand.receiver], records_of(stand), stand.clock)
    assert ([IDS[0]] * 2, []) == (stand.way.sent, again.take())
