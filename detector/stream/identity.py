"""Do the offsets that a group holds mean anything for the log as it is now? (PROTOCOL rule 9)"""

from detector.errors import UserError
from detector.kafka.marks import Marks
from detector.stream.changelog import Header, Recovery

RESET = "`kozamori state show` tells more, `kozamori state reset` begins anew"


def check_log(
    partition: int,
    expected: Header,
    recovery: Recovery | None,
    committed: int | None,
    marks: Marks,
    begin: int,
    end: int,
) -> None:
    """Raise `UserError` where going on would skip events in silence or mix rows of another log into this one.

    `recovery` is None where no rows are kept, `committed` where the group holds no offset; `begin` and `end` bound
    what the input log still has.
    """
    place = f"partition {partition} of {expected.topic}"
    found = recovery.header if recovery else None
    rows = recovery.rows.count if recovery else 0
    if found is not None and found != expected:
        raise UserError(f"{place}: {_difference(found, expected)}; offsets and rows no longer match it: {RESET}")
    if committed is None:
        if rows:
            raise UserError(
                f"{place}: the changelog holds rows but the group has no committed offset"
                f" (expired, deleted, or another deployment's): {RESET}, `kozamori state migrate` carries offsets over"
            )
        return
    if marks.topic_id != expected.topic_id:
        raise UserError(
            f"{place}: the topic was re-created (id {expected.topic_id}, offsets are of {marks.topic_id});"
            f" they no longer match it: {RESET}"
        )
    if recovery and found is None and (rows or marks.watermark_ms):
        raise UserError(f"{place}: offset {committed} is committed but the changelog of its rows is gone: {RESET}")
    if not begin <= committed <= end:
        raise UserError(
            f"{place}: committed offset {committed} is outside the log, which has {begin} to {end}"
            f" (events expired before they were read, or the topic was re-created): {RESET}"
        )


def _difference(found: Header, expected: Header) -> str:
    if found.topic_id != expected.topic_id:
        return f"the topic was re-created (id {expected.topic_id}, state was built from {found.topic_id})"
    if found.partitions != expected.partitions:
        return f"the topic has {expected.partitions} partitions, state was built with {found.partitions}"
    return f"state belongs to stage {found.stage} of {found.topic}, expected {expected.stage} of {expected.topic}"
