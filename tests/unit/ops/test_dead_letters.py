"""Dead letters grouped for an operator, and the times that a command takes."""

import time

import pytest

from detector.cli.dead_letters import parse_since
from detector.contract.alerts import Position
from detector.contract.dead_letters import Rejected, build_dead_letter
from detector.errors import UserError
from detector.kafka.reading import GAP_RECORDS, spans
from detector.ops.dead_letters import Group, Letter, Status, groups_of


def letter(reason: str, partition: int, offset: int, status: Status = "open") -> Letter:
    source = Position("account-events", partition, offset)
    return Letter(build_dead_letter(b"{", Rejected(0, reason, "m"), source, offset), status, offset)


def test_letters_are_grouped_by_reason_and_partition_the_largest_group_first() -> None:
    found = groups_of(
        [
            letter("bad_value", 1, 5),
            letter("malformed_json", 0, 30, "redriven"),
            letter("malformed_json", 0, 10),
            letter("malformed_json", 0, 20, "void"),
            letter("malformed_json", 1, 40),
        ]
    )
    assert [
        Group("malformed_json", "account-events", 0, 3, 1, 10, 30, "dl-account-events-0-30"),
        Group("bad_value", "account-events", 1, 1, 1, 5, 5, "dl-account-events-1-5"),
        Group("malformed_json", "account-events", 1, 1, 1, 40, 40, "dl-account-events-1-40"),
    ] == found


@pytest.mark.parametrize(("text", "seconds"), [("30m", 1_800), ("2h", 7_200), ("7d", 604_800)])
def test_a_span_is_so_long_ago(text: str, seconds: int) -> None:
    now_ms = int(time.time() * 1000)
    assert now_ms - 1000 * seconds == parse_since(text, now_ms)


def test_a_date_is_one_by_japanese_clocks() -> None:
    assert 1_598_886_000_000 == parse_since("2020-09-01", 0)
    assert 1_598_886_000_000 == parse_since("2020-08-31T15:00+00:00", 0)


@pytest.mark.parametrize("text", ["", "1w", "yesterday", "-1h", "2020-13-01"])
def test_another_time_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="expected a span such as 30m"):
        parse_since(text, 0)


def test_positions_far_apart_are_not_read_through() -> None:
    near = [5, 6, 5 + GAP_RECORDS]
    far = [near[-1] + GAP_RECORDS + 1, near[-1] + GAP_RECORDS + 2]
    assert [near, far] == list(spans([*near, *far]))
    assert [] == list(spans([]))
