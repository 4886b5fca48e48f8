"""Which faults happen when: drawn from a seed, and nothing else, so that a failure can be made again."""

import random
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from support.crash_points import POINTS
from support.proxy import DELAY, FAULTS

#: What one thread does, one after the other; those of two lanes overlap.
BROKER, NETWORK = "broker", "network"

KILL, ZOMBIE, REBALANCE = "kill", "zombie", "rebalance"
CRASH, FREEZE, FULL_DISK = "crash", "freeze", "full disk"
PARTITIONS = "partitions"
#: How many of them in a minute; in 25 minutes 100 kills, 20 restarts, 10 zombies, 50 rebalances, 20 faults of the
#: network and 5 full disks.
PER_MINUTE = {KILL: 4.0, ZOMBIE: 0.4, REBALANCE: 2.0, CRASH: 0.8, FREEZE: 0.4, FULL_DISK: 0.2, NETWORK: 0.8}
PER_MINUTE[PARTITIONS] = 0.1
OF_WORKERS = (KILL, ZOMBIE, REBALANCE)
#: How long, in seconds. A zombie is silent for longer than its session, 6 s: its partitions go to others.
SECONDS = {
    ZOMBIE: (7.5, 11.0),
    REBALANCE: (0.0, 4.0),
    CRASH: (0.0, 4.0),
    FREEZE: (1.0, 9.0),
    FULL_DISK: (0.0, 4.0),
    NETWORK: (1.0, 9.0),
    PARTITIONS: (0.0, 0.0),
}
#: How long each piece of data is held up.
DELAY_S = (0.02, 0.25)
#: At the end all is well for a while, or a fault of the last moment would be tested by nothing.
QUIET_SHARE = 0.1


class Fault(NamedTuple):
    """What begins `at_s` seconds after the beginning, or when its lane has done with the fault before.

    `detail`: a named point of a crash, "" for any moment; which fault of the network. `workers`: whose network it is.
    """

    at_s: float
    lane: str
    kind: str
    seconds: float = 0.0
    detail: str = ""
    workers: tuple[int, ...] = ()
    delay_s: float = 0.0

    def __str__(self) -> str:
        words = [f"{self.at_s:.1f} s", self.kind, self.detail, f"of {list(self.workers)}" if self.workers else ""]
        return " ".join([*filter(None, words), *([f"for {self.seconds:.1f} s"] if self.seconds else [])])


def draw_schedule(
    seed: int, minutes: float, workers: int, per_minute: Mapping[str, float] = PER_MINUTE
) -> tuple[Fault, ...]:
    """The faults of a run in the order in which they begin; of each kind so many a minute, one at least."""
    draw = random.Random(seed)
    until_s = 60 * minutes * (1 - QUIET_SHARE)
    kinds = [kind for kind, often in per_minute.items() for _ in range(max(1, round(often * minutes)))]
    return tuple(sorted(_draw_all(draw, kinds, until_s, workers)))


def _draw_all(draw: random.Random, kinds: list[str], until_s: float, workers: int) -> Iterator[Fault]:
    everybody = tuple(range(workers))
    for kind in kinds:
        at_s, worker = draw.uniform(0, until_s), (draw.randrange(workers),)
        lane = f"worker {worker[0]}"
        if kind == KILL:
            # Half of them at a named point, the others at any moment.
            yield Fault(at_s, lane, kind, detail=draw.choice([*POINTS, *("",) * len(POINTS)]), workers=worker)
        elif kind in OF_WORKERS:
            yield Fault(at_s, lane, kind, draw.uniform(*SECONDS[kind]), workers=worker)
        elif kind == NETWORK:
            detail, whose = draw.choice(FAULTS), draw.choice([worker, everybody])
            delay_s = draw.uniform(*DELAY_S) if detail == DELAY else 0.0
            yield Fault(at_s, NETWORK, kind, draw.uniform(*SECONDS[kind]), detail, whose, delay_s)
        else:
            yield Fault(at_s, BROKER, kind, draw.uniform(*SECONDS[kind]))
