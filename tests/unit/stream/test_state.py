from types import SimpleNamespace
from typing import Any

import pytest
from kafka.structs import OffsetAndMetadata

from detector.errors import UserError
from detector.stream.changelog import HEADER_KEY, Header, encode_header
from detector.stream.identity import check_log
from detector.stream.marks import Marks, decode_marks, encode_marks
from detector.stream.state import VERDICTS, Changelog, verdict

HERE = Header("account-events", "id-1", 4, "account")
KEY = (5).to_bytes(8, "little") + (7).to_bytes(8, "little")
OTHER_WRITER = (5).to_bytes(8, "little") + (8).to_bytes(8, "little")
READ = encode_marks(Marks(1_598_936_706_000))
BEGUN = encode_marks(Marks())
BEGIN, END = 10, 90


def stored(header: Header | None, *, rows: bool = True) -> Changelog:
    log = Changelog(header=header)
    if rows:
        log.feed(KEY, b"row")
    return log


def at(offset: int, metadata: str = READ) -> OffsetAndMetadata:
    return OffsetAndMetadata(offset, metadata, -1)


CASES = [
    ("ok", stored(HERE), at(50)),
    ("ok", stored(HERE), at(BEGIN)),
    ("ok", stored(HERE), at(END)),
    ("ok", stored(HERE, rows=False), at(50)),
    ("ok", stored(None, rows=False), at(BEGIN, BEGUN)),
    ("new", stored(None, rows=False), None),
    ("new", stored(HERE, rows=False), None),
    ("other log", stored(Header("p.account-events", "id-1", 4, "account")), at(50)),
    ("other log", stored(Header("account-events", "id-1", 4, "wallet")), at(50)),
    ("topic re-created", stored(Header("account-events", "id-0", 4, "account")), at(50)),
    ("topic re-created", stored(Header("account-events", "id-0", 2, "account"), rows=False), None),
    ("partitions added", stored(Header("account-events", "id-1", 2, "account")), at(50)),
    ("offsets expired", stored(HERE), None),
    ("header missing", stored(None), at(50, BEGUN)),
    ("header missing", stored(None, rows=False), at(50)),
    ("events expired", stored(HERE), at(BEGIN - 1)),
    ("beyond the log", stored(HERE), at(END + 1)),
    ("foreign offsets", stored(HERE), at(50, "")),
]


@pytest.mark.parametrize(("expected", "log", "commit"), CASES, ids=[f"{i} {case[0]}" for i, case in enumerate(CASES)])
def test_the_verdict_is_the_first_rule_that_is_broken(
    expected: str, log: Changelog, commit: OffsetAndMetadata | None
) -> None:
    assert expected == verdict(HERE, log, commit, BEGIN, END)


@pytest.mark.parametrize(("expected", "log", "commit"), CASES, ids=[f"{i} {case[0]}" for i, case in enumerate(CASES)])
def test_a_worker_starts_exactly_where_the_verdict_is_ok_or_new(
    expected: str, log: Changelog, commit: OffsetAndMetadata | None
) -> None:
    recovery: Any = SimpleNamespace(header=log.header, rows=SimpleNamespace(count=log.rows))
    starts = True
    try:
        marks = decode_marks(commit.metadata) if commit else Marks()
        check_log(0, HERE, recovery, commit.offset if commit else None, marks, BEGIN, END)
    except UserError:
        starts = False
    assert (expected in {"ok", "new"}) == starts


def test_every_verdict_is_explained() -> None:
    assert {case[0] for case in CASES} | {"header unreadable"} == set(VERDICTS)


def test_a_header_that_cannot_be_read_is_a_verdict_not_an_error() -> None:
    log = Changelog()
    log.feed(HEADER_KEY, b"{")
    assert verdict(HERE, log, at(50), BEGIN, END) == "header unreadable"


def test_the_last_header_counts() -> None:
    log = Changelog()
    for partitions in (2, 4):
        log.feed(*encode_header(Header("account-events", "id-1", partitions, "account")))
    assert log.header == HERE


def test_a_row_counts_once_whoever_wrote_it_and_not_after_all_its_tombstones() -> None:
    log = Changelog()
    seen = []
    for key, value in ((KEY, b"a"), (KEY, b"b"), (OTHER_WRITER, b"c"), (KEY, None), (OTHER_WRITER, None)):
        log.feed(key, value)
        seen.append((log.rows, log.writers))
    assert seen == [(1, 1), (1, 1), (1, 2), (1, 1), (0, 0)]
