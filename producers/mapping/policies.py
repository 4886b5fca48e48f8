"""What becomes of bad rows; without numpy, for the options of commands."""

from dataclasses import dataclass

POLICIES = ("refuse", "skip", "aside")
#: Bad rows that are left out before the share of them is looked at: a few say nothing about a file.
FEW = 100
#: Beyond this share of the rows more is wrong than a few rows.
LIMIT = 0.01


@dataclass(frozen=True, slots=True)
class BadRows:
    """What becomes of bad rows: refused, left out, or also written to a file; `limit` is a share of all rows."""

    policy: str = "refuse"
    limit: float = LIMIT


REFUSED = BadRows()
