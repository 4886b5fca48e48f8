"""How long a row is kept without an event (in event time): at most as long as what it remembers can matter."""

from detector.jst import DAY_MS

#: By stage; rows of the others are kept as those of accounts are. A case takes alerts for a day after its first; but
#: the watermark is the latest event's of all accounts, and of a backlog some partitions are read days ahead of others:
#: a case that this let expire would be opened anew. What is usual at a campaign's key is a mean of thirty days, and a
#: campaign ends after thirty quiet ones at most; its rows, one for every address seen, all lie in one partition.
MOST_MS = {"cases": 14 * DAY_MS, "campaigns": 60 * DAY_MS}


def ttl_of(stage: str, ttl_ms: int) -> int:
    """The time that rows of a stage are kept where accounts are kept for `ttl_ms`."""
    return min(ttl_ms, MOST_MS.get(stage, ttl_ms))
