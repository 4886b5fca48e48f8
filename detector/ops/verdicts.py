"""Whether a worker could start from what is stored for a partition, as a name with an explanation."""

from detector.stream.identity import RULES, Stored, broken_rule

#: Verdict → what it means and what to do. A worker starts with the first three and refuses all others.
VERDICTS = {
    "ok": "offsets and rows fit the log",
    "new": "nothing stored yet; the worker begins at the start of the log",
    "events expired": "events after the committed offset were deleted unread; the worker counts them and goes on",
    "topic missing": "the input or the rows' topic is gone: run `kozamori topics create`, then look again",
    **{rule.name: rule.meaning for rule in RULES},
}
#: A worker starts with these.
GOOD = ("ok", "new", "events expired")
#: What an interrupted `kozamori state warm` leaves.
HALF_WARM = "half warm"


def verdict(stored: Stored) -> str:
    """The first rule that is broken, as a worker finds it."""
    if (rule := broken_rule(stored)) is not None:
        return rule.name
    if stored.committed is None:
        return "new"
    return "ok" if stored.begin <= stored.committed else "events expired"
