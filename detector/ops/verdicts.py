"""Whether a worker could go on from what is stored for a partition, as a name with an explanation."""

from dataclasses import dataclass

from kafka.structs import OffsetAndMetadata

from detector.core.stage import Stage
from detector.errors import UserError
from detector.kafka.marks import Marks, decode_marks
from detector.ops.stored import Changelog
from detector.stream.changelog import Header

#: Verdict → what it means and what to do. A worker starts with the first two and refuses all others.
VERDICTS = {
    "ok": "offsets and rows fit the log",
    "new": "nothing stored yet; the worker begins at the start of the log",
    "topic missing": "the input or the rows' topic is gone: run `kozamori topics create`, then look again",
    "header unreadable": "the changelog was begun by a newer release: run that one, or reset",
    "other log": "the changelog belongs to another topic or stage: check --prefix, or reset",
    "topic re-created": "offsets and rows belong to a topic of this name that was deleted: reset",
    "partitions added": "accounts moved to other partitions, their rows did not: see `kozamori state migrate --help`",
    "other rows": "another release or kernel wrote the rows: run the one that did, or reset",
    "offsets expired": "rows are there but no offset: deleted, expired, or another deployment's: migrate, or reset",
    "offsets gone": "a later stage has events of this log, but no offset says how far it was read: reset",
    "foreign offsets": "another program or release committed the offsets: choose another --deployment, or reset",
    "other upstreams": "the marks are of other upstream partitions than fill this hop: reset",
    "header missing": "offsets are committed but the changelog of their rows is gone: reset",
    "events expired": "the log no longer has the events after the committed offset: reset",
    "beyond the log": "the committed offset lies behind the log's end, so the topic was re-created: reset",
}
#: A worker starts with these.
GOOD = ("ok", "new")


@dataclass(frozen=True, slots=True)
class Expected:
    """What a worker of today would write for a partition.

    The header, rows of `stage` (None: it keeps none), marks of so many `upstreams` partitions, of the nodes of one of
    `upstreams_crcs` (a model decides which there are). `passed_on`: whether a node behind has met events of it.
    """

    header: Header
    stage: Stage | None
    upstreams: int = 0
    passed_on: bool = False
    upstreams_crcs: tuple[int, ...] = (0,)


def verdict(expected: Expected, changelog: Changelog, committed: OffsetAndMetadata | None, begin: int, end: int) -> str:
    """The first rule of PROTOCOL 9 that is broken, as a worker would find it; `begin` and `end` bound the log."""
    return (
        _of_rows(expected, changelog)
        or _of_offset(expected, changelog, committed)
        or _of_bounds(committed, begin, end)
        or ("ok" if committed else "new")
    )


def _of_rows(expected: Expected, changelog: Changelog) -> str:
    found, header = changelog.header, expected.header
    if not changelog.readable:
        return "header unreadable"
    if found is not None and found != header:
        if (found.topic, found.stage) != (header.topic, header.stage):
            return "other log"
        return "topic re-created" if found.topic_id != header.topic_id else "partitions added"
    return "" if expected.stage is None or changelog.loads(expected.stage) else "other rows"


def _of_offset(expected: Expected, changelog: Changelog, committed: OffsetAndMetadata | None) -> str:
    if committed is None:
        # Without rows it is the later stage that remembers, and would drop what begins anew as known already.
        forgotten = "offsets gone" if expected.stage is None and expected.passed_on else ""
        return "offsets expired" if changelog.live else forgotten
    marks = marks_of(committed)
    if marks is None:
        return "foreign offsets"
    if marks.topic_id != expected.header.topic_id:
        return "topic re-created"
    if not any(marks.fits(crc, expected.upstreams) for crc in expected.upstreams_crcs):
        return "other upstreams"
    gone = expected.stage is not None and changelog.header is None and (changelog.live or marks.watermark_ms)
    return "header missing" if gone else ""


def _of_bounds(committed: OffsetAndMetadata | None, begin: int, end: int) -> str:
    if committed is None or begin <= committed.offset <= end:
        return ""
    return "events expired" if committed.offset < begin else "beyond the log"


def marks_of(commit: OffsetAndMetadata) -> Marks | None:
    """The marks in a commit's metadata; None where another program or release committed."""
    try:
        return decode_marks(commit.metadata)
    except UserError:
        return None
