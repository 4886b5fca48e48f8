"""What is stored is judged as a worker would judge it."""

import tracemalloc
from random import Random
from typing import Any

import pytest
from kafka.structs import OffsetAndMetadata
from support.changelogs import feed
from support.deployments import record_key, row_of

from detector.core.stages.account import ACCOUNT
from detector.core.stages.cases import CASES
from detector.errors import UserError
from detector.kafka.marks import Marks, encode_marks
from detector.ops.state import marks_of
from detector.ops.stored import Changelog
from detector.ops.verdicts import HALF_WARM, VERDICTS, verdict
from detector.stream.changelog import HEADER_KEY, Header, Recovery, encode_header
from detector.stream.identity import Stored

HERE = Header("account-events", "id-1", 4, "account")
KEY, OTHER_WRITER = record_key(5, 7), record_key(5, 8)
ROW = row_of(ACCOUNT)
READ = Marks(1_598_936_706_000, "id-1")
BEGUN = Marks(0, "id-1")
BEGIN, END = 10, 90

ACCOUNTS: dict[str, Any] = {"stage": ACCOUNT}
FORWARDER: dict[str, Any] = {"stage": None}


def stored(header: Header | None, *, row: bytes | None = ROW) -> Changelog:
    log = Changelog(header=header)
    if row is not None:
        log.feed(KEY, row)
    return log


def at(offset: int, marks: Marks = READ) -> OffsetAndMetadata:
    return OffsetAndMetadata(offset, encode_marks(marks), -1)


def judged(log: Changelog, commit: OffsetAndMetadata | None, stage: Any, **more: Any) -> str:
    offset, marks = (commit.offset, marks_of(commit)) if commit else (None, None)
    loads = stage is None or log.loads(stage)
    found: dict[str, Any] = {"readable": log.readable, "loads": loads} | more
    return verdict(Stored(HERE, stage is not None, log.header, log.rows, offset, marks, BEGIN, END, **found))


def named(cases: list[Any]) -> dict[str, Any]:
    return {"argvalues": cases, "ids": [f"{i} {case[0]}" for i, case in enumerate(cases)]}


NOTHING = stored(None, row=None)
BY_THE_LOG = [
    ("ok", ACCOUNTS, stored(HERE), at(50)),
    ("ok", ACCOUNTS, stored(HERE), at(BEGIN)),
    ("ok", ACCOUNTS, stored(HERE), at(END)),
    ("ok", ACCOUNTS, stored(HERE, row=None), at(50)),
    ("ok", ACCOUNTS, NOTHING, at(BEGIN, BEGUN)),
    ("new", ACCOUNTS, NOTHING, None),
    ("new", ACCOUNTS, stored(HERE, row=None), None),
    (HALF_WARM, ACCOUNTS, stored(Header("account-events", "id-1", 4, "account", warming=True)), None),
    (HALF_WARM, ACCOUNTS, stored(Header("account-events", "id-1", 4, "account", warming=True), row=None), at(50)),
    ("other log", ACCOUNTS, stored(Header("p.account-events", "id-1", 4, "account")), at(50)),
    ("other log", ACCOUNTS, stored(Header("account-events", "id-1", 4, "wallet")), at(50)),
    ("topic re-created", ACCOUNTS, stored(Header("account-events", "id-0", 4, "account")), at(50)),
    ("topic re-created", ACCOUNTS, stored(Header("account-events", "id-0", 2, "account"), row=None), None),
    ("topic re-created", ACCOUNTS, stored(HERE), at(50, Marks(READ.watermark_ms, "id-0"))),
    ("topic re-created", ACCOUNTS, NOTHING, at(BEGIN, Marks(0, "id-0"))),
    ("partitions added", ACCOUNTS, stored(Header("account-events", "id-1", 2, "account")), at(50)),
    ("offsets expired", ACCOUNTS, stored(HERE), None),
    ("header missing", ACCOUNTS, stored(None), at(50, BEGUN)),
    ("header missing", ACCOUNTS, stored(None, row=None), at(50)),
    ("events expired", ACCOUNTS, stored(HERE), at(BEGIN - 1)),
    ("beyond the log", ACCOUNTS, stored(HERE), at(END + 1)),
    ("ok", FORWARDER, NOTHING, at(50)),
    ("new", FORWARDER, NOTHING, None),
    ("topic re-created", FORWARDER, NOTHING, at(50, Marks(READ.watermark_ms, "id-0"))),
    ("events expired", FORWARDER, NOTHING, at(BEGIN - 1)),
    ("beyond the log", FORWARDER, NOTHING, at(END + 1)),
]
#: What a worker may find before it looks at the log: as it reads headers, rows and marks, or puts them together.
BEFORE_THE_LOG = [
    ("foreign offsets", ACCOUNTS, stored(HERE), OffsetAndMetadata(50, "", -1)),
    ("foreign offsets", ACCOUNTS, stored(HERE), OffsetAndMetadata(50, '{"v":1,"w":5}', -1)),
    ("other rows", ACCOUNTS, stored(HERE, row=row_of(CASES)), at(50)),
    ("other rows", ACCOUNTS, stored(HERE, row=ROW[:-1]), at(50)),
    ("other rows", ACCOUNTS, stored(HERE, row=b"\xff" + ROW[1:]), at(50)),
    ("ok", ACCOUNTS | {"upstreams": 3}, stored(HERE), at(50, Marks(1, "id-1", (5, -1, 7)))),
    ("other upstreams", ACCOUNTS | {"upstreams": 3}, stored(HERE), at(50, Marks(1, "id-1", (5, 6)))),
    ("offsets gone", FORWARDER | {"passed_on": "a-hop"}, NOTHING, None),
]


@pytest.mark.parametrize(("name", "expected", "log", "commit"), **named([*BY_THE_LOG, *BEFORE_THE_LOG]))
def test_the_verdict_is_the_first_rule_that_is_broken(
    name: str, expected: dict[str, Any], log: Changelog, commit: OffsetAndMetadata | None
) -> None:
    assert name == judged(log, commit, **expected)


def test_every_verdict_is_explained() -> None:
    elsewhere = {"header unreadable", "topic missing"}
    assert {case[0] for case in (*BY_THE_LOG, *BEFORE_THE_LOG)} | elsewhere == set(VERDICTS)


def test_a_header_that_cannot_be_read_is_a_verdict_not_an_error() -> None:
    log = Changelog()
    log.feed(HEADER_KEY, b"{")
    assert judged(log, at(50), **ACCOUNTS) == "header unreadable"


def test_the_last_header_counts() -> None:
    log = Changelog()
    for partitions in (2, 4):
        log.feed(*encode_header(Header("account-events", "id-1", partitions, "account")))
    assert log.header == HERE


def test_a_row_counts_once_whoever_wrote_it_and_not_after_all_its_tombstones() -> None:
    log = Changelog()
    counts = []
    for key, value in ((KEY, ROW), (KEY, ROW), (OTHER_WRITER, ROW), (KEY, None), (OTHER_WRITER, None)):
        log.feed(key, value)
        counts.append((log.rows, log.writers))
    assert counts == [(1, 1), (1, 1), (1, 2), (1, 1), (0, 0)]


def test_live_records_are_those_whose_last_record_has_a_row_whenever_one_looks() -> None:
    random, log, last = Random(1), Changelog(), dict[bytes, bytes | None]()
    for step in range(3_000):
        key, value = record_key(random.randrange(40), random.randrange(3)), random.choice((ROW, ROW, None))
        log.feed(key, value)
        last[key] = value
        if step % 7 == 0:
            live = [key for key, value in last.items() if value is not None]
            assert (len({key[:8] for key in live}), len({key[8:] for key in live})) == (log.rows, log.writers)


def test_a_live_record_takes_sixteen_bytes_and_not_an_object() -> None:
    log, rows = Changelog(), 50_000
    tracemalloc.start()
    for key in range(rows):
        log.feed(record_key(key, 1), ROW)
    assert (rows, 1) == (log.rows, log.writers)
    held, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 17 * rows
    assert most < 120 * rows


@pytest.mark.parametrize(
    ("expected", "values"),
    [(True, [ROW]), (False, [row_of(CASES), ROW]), (False, [ROW, ROW[:-1]]), (False, [b"\xff" + ROW[1:]])],
    ids=["ours", "another kernel, superseded", "another length", "another version"],
)
def test_rows_are_refused_as_a_recovery_refuses_them(expected: bool, values: list[bytes | None]) -> None:
    log, loads = Changelog(), True
    for value in values:
        log.feed(KEY, value)
    try:
        feed(Recovery(ACCOUNT), [(KEY, value) for value in values])
    except UserError:
        loads = False
    assert (expected, expected) == (log.loads(ACCOUNT), loads)
