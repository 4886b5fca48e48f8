from support.alerts import make_alert

from detector.contract.alerts import Alert
from detector.demo.board import Board

HOUR_MS = 3_600_000


def make_board(**case_of: str) -> Board:
    return Board(begins_at_ms=0, ends_at_ms=10 * HOUR_MS, case_of=case_of)


def alert(event_id: str, group: str) -> Alert:
    return make_alert(event_id=event_id, case_id=group)


def test_an_account_has_one_line_with_its_first_alert_however_many_follow() -> None:
    board = make_board()
    first, second = alert("e1", "a"), alert("e2", "a")
    assert [first] == [line.alert for line in board.take([first])]
    assert [] == board.take([second])
    assert [(first, 2)] == [(line.alert, line.alerts) for line in board.latest(5)]
    assert 2 == board.alerts


def test_a_line_is_an_attack_from_the_first_alert_on_an_event_of_a_case() -> None:
    board = make_board(e2="T1-0001", e3="T1-0001")
    board.take([alert("e1", "a")])
    assert [False] == [line.attack for line in board.latest(1)]
    board.take([alert("e2", "a"), alert("e3", "a")])
    assert [True] == [line.attack for line in board.latest(1)]
    assert {"T1-0001"} == board.cases_found


def test_the_newest_lines_come_first_and_no_more_than_fit() -> None:
    board = make_board()
    board.take([alert(f"e{i}", f"g{i}") for i in range(4)])
    assert ["g3", "g2", "g1"] == [line.alert.case_id for line in board.latest(3)]


def test_the_clock_never_goes_back_nor_beyond_the_end() -> None:
    board = make_board()
    shares = []
    for clock_ms in (-5 * HOUR_MS, 5 * HOUR_MS, 4 * HOUR_MS, 99 * HOUR_MS):
        board.measure(clock_ms, 0.0, 0)
        shares.append(board.share)
    assert [0.0, 0.5, 0.5, 1.0] == shares
