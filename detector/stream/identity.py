"""Checks that stored rows and offsets fit the log as it is now: one table for workers and `kozamori state show`.

PROTOCOL rule 9, and what of rules 5, 8 and 10 can be checked before the first record is read.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from detector.errors import UserError
from detector.kafka.marks import Marks
from detector.stream.changelog import Header

RESET = "`kozamori state show` shows more, `kozamori state reset` begins anew"


@dataclass(frozen=True, slots=True)
class Stored:
    """What is stored for an input partition, beside what a worker of this release would write.

    `expected`: the header it would write; `keeps_rows`: whether its node does; `header` and `rows`: of the changelog,
    how many; `committed`: None where the group holds no offset; `marks`: None where another program committed it;
    `begin` and `end` bound what the input log still has; `passed_on`: a hop that has met events of this partition, ""
    where none is known; `upstreams`: partitions whose marks it would have, of nodes with one of `upstreams_crcs`.
    `readable` and `loads`: whether this release reads header and rows; a worker fails earlier where it does not.
    """

    expected: Header
    keeps_rows: bool
    header: Header | None
    rows: int
    committed: int | None
    marks: Marks | None
    begin: int
    end: int
    passed_on: str = ""
    upstreams: int = 0
    upstreams_crcs: tuple[int, ...] = (0,)
    readable: bool = True
    loads: bool = True

    @property
    def found(self) -> int:
        """Upstream partitions whose marks are stored."""
        return len(self.marks.high_water) if self.marks is not None else 0


class Rule(NamedTuple):
    """A condition that ends a worker: its name, its meaning for people, and the worker's `error`, of a `Stored` s.

    No error where restoring the rows has failed before, with a message of its own.
    """

    name: str
    broken: Callable[[Stored], bool]
    meaning: str
    error: str = ""


def _other_log(stored: Stored) -> bool:
    found, expected = stored.header, stored.expected
    return found is not None and (found.topic, found.stage) != (expected.topic, expected.stage)


def _foreign_marks(stored: Stored) -> bool:
    marks = stored.marks
    return marks is not None and not any(marks.fits(crc, stored.upstreams) for crc in stored.upstreams_crcs)


def _header_missing(stored: Stored) -> bool:
    written = stored.rows or (stored.marks is not None and stored.marks.watermark_ms)
    return stored.committed is not None and stored.keeps_rows and stored.header is None and bool(written)


#: In the order in which they are checked: the first that is broken counts.
RULES = (
    Rule("header unreadable", lambda s: not s.readable,
         "the changelog was begun by a newer release: run that one, or reset"),
    Rule("half warm", lambda s: s.header is not None and s.header.warming,
         "filling the rows did not end: run `kozamori state warm` (or `import`) again, or reset",
         "the rows are being filled from a history or an export, or this was interrupted: run `kozamori state warm`"
         " again (or `import`), or begin anew with `kozamori state reset`"),
    Rule("other log", _other_log,
         "the changelog belongs to another topic or stage: check --prefix, or reset",
         "state belongs to stage {s.header.stage} of {s.header.topic}, expected {s.expected.stage} of"
         f" {{s.expected.topic}}; offsets and rows no longer match it: {RESET}"),
    Rule("topic re-created", lambda s: s.header is not None and s.header.topic_id != s.expected.topic_id,
         "offsets and rows belong to a topic of this name that was deleted: reset",
         "the topic was re-created (id {s.expected.topic_id}, state was built from {s.header.topic_id}); offsets and"
         f" rows no longer match it: {RESET}"),
    Rule("partitions added", lambda s: s.header is not None and s.header.partitions != s.expected.partitions,
         "accounts moved to other partitions, their rows did not: see `kozamori state migrate --help`",
         "the topic has {s.expected.partitions} partitions, state was built with {s.header.partitions}; offsets and"
         f" rows no longer match it: {RESET}"),
    Rule("other rows", lambda s: not s.loads,
         "another release or kernel wrote the rows: run the one that did, or reset"),
    Rule("offsets expired", lambda s: s.committed is None and s.rows > 0,
         "rows are there but no offset: deleted, expired, or another deployment's: migrate, or reset",
         "the changelog holds rows but the group has no committed offset (expired, deleted, or another deployment's):"
         f" {RESET}, `kozamori state migrate` carries offsets over"),
    # Kafka deletes a topic's offsets with it. Where there are no rows, the marks of the later stage remain: it would
    # drop events of the new topic as repeats.
    Rule("offsets gone", lambda s: s.committed is None and not s.keeps_rows and bool(s.passed_on),
         "a later stage has events of this log, but no offset says how far it was read: reset",
         "the group has no committed offset, but {s.passed_on} has events of it (the topic was re-created, or the"
         f" offset expired): {RESET}"),
    Rule("foreign offsets", lambda s: s.committed is not None and s.marks is None,
         "another program or release committed the offsets: choose another --deployment, or reset",
         "the group's committed offset carries no marks, so another program committed it: choose another deployment"
         f" name; {RESET}"),
    Rule("topic re-created", lambda s: s.marks is not None and s.marks.topic_id != s.expected.topic_id,
         "offsets and rows belong to a topic of this name that was deleted: reset",
         "the topic was re-created (id {s.expected.topic_id}, offsets are of {s.marks.topic_id}); they no longer match"
         f" it: {RESET}"),
    Rule("other upstreams", _foreign_marks,
         "the marks are of other upstream partitions than fill this hop: reset",
         "the marks stored are of {s.found} upstream partitions of other stages than this model's, which has"
         " {s.upstreams}: run the model they are of, or begin anew with `kozamori state reset`"),
    Rule("header missing", _header_missing,
         "offsets are committed but the changelog of their rows is gone: reset",
         f"offset {{s.committed}} is committed but the changelog of its rows is gone: {RESET}"),
    Rule("beyond the log", lambda s: s.committed is not None and s.committed > s.end,
         "the committed offset lies behind the log's end, so the topic was re-created: reset",
         "committed offset {s.committed} is outside the log, which has {s.begin} to {s.end} (the topic was re-created):"
         f" {RESET}"),
)  # fmt: skip


def broken_rule(stored: Stored) -> Rule | None:
    """The first rule that is broken; None: a worker can start."""
    return next((rule for rule in RULES if rule.broken(stored)), None)


def check_log(partition: int, stored: Stored) -> None:
    """Raise `UserError` where the worker would skip events in silence or mix rows of another log into this one."""
    if (rule := broken_rule(stored)) is not None:
        raise UserError(f"partition {partition} of {stored.expected.topic}: {rule.error.format(s=stored)}")
