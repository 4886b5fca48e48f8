"""What desks have not read yet, and for how long it has been there: from ends and commits; no alert is read."""

from collections import deque
from collections.abc import Mapping

from detector.observe.canary_metrics import Unread


class Desk:
    """One group's reading of the alerts topic, by partition.

    A partition of which the group has committed nothing counts as read up to the first look: it has just begun.
    """

    def __init__(self) -> None:
        self._begins: dict[int, int] = {}
        self._ends: dict[int, deque[tuple[int, float]]] = {}

    def look(self, ends: Mapping[int, int], committed: Mapping[int, int], now_s: float) -> Unread:
        """What is unread at a look: `ends` and `committed` are offsets by partition, `now_s` any clock that only grows.

        The oldest unread alert is as old as the first look at which it was there.
        """
        unread, oldest_s = 0, now_s
        for partition, end in ends.items():
            done = committed.get(partition, self._begins.setdefault(partition, end))
            seen = self._ends.setdefault(partition, deque())
            if not seen or seen[-1][0] < end:
                seen.append((end, now_s))
            while seen and seen[0][0] <= done:
                seen.popleft()
            if seen:
                unread += end - done
                oldest_s = min(oldest_s, seen[0][1])
        return Unread(unread, now_s - oldest_s)
