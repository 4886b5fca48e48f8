"""The worlds that are explored whole: what is read, which faults may happen."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from support.protocol.scenes import Happening, accounts_world, both_world, campaigns_world, cases_world
from support.protocol.world import Left, Setup


class Explored(NamedTuple):
    """A world and why it is one; `long` where it takes more than a few seconds."""

    name: str
    world: Callable[[], Setup]
    long: bool = False


_TWO_KEYS = (Happening(1), Happening(2), Happening(1))
_ONE_KEY = (Happening(1), Happening(1))
_ODD = (Happening(1, event_id="a"), Happening(1, valid=False), Happening(1, event_id="a"))
#: Offsets that hold no record, between two that do.
_MARKED = (Happening(1), Happening(0, marker=True), Happening(1), Happening(0, marker=True), Happening(1))
_LATE = (Happening(1, 0.0), Happening(2, 2.0), Happening(1, 0.1))
_BACK = (Happening(1, 0.0), Happening(2, 2.0), Happening(1, 2.1))
#: Hop logs as new assignments of the first stage leave them: a message each of (upstream partition, first event, last).
_REPLAYED = ((0, 0, 0), (0, 1, 1), (0, 0, 1))
_TWO_UPSTREAMS = ((0, 0, 0), (1, 0, 0), (0, 1, 1), (0, 0, 1))
_GROWING = ((0, 0, 0), (0, 1, 1), (0, 0, 0), (1, 0, 0), (0, 1, 2))
_FOUR_KEYS = (Happening(1), Happening(2), Happening(3), Happening(4))
_EMPTIED = ((0, 0, 2), (0, 2, 3))
_LOGS = (_TWO_KEYS, (Happening(1),))

_accounts = partial(partial, accounts_world)
_cases = partial(partial, cases_world, _LOGS)

WORLDS = (
    Explored("two crashes, a zombie", _accounts(_ONE_KEY[:1], Left(crashes=2, zombies=1))),
    Explored("two crashes", _accounts(_ONE_KEY, Left(crashes=2))),
    Explored("two crashes, two keys", _accounts(_TWO_KEYS, Left(crashes=2)), long=True),
    Explored("a crash, a zombie", _accounts(_ONE_KEY, Left(crashes=1, zombies=1))),
    Explored("a zombie, two keys", _accounts(_TWO_KEYS, Left(zombies=1)), long=True),
    Explored("a crash, a zombie, two keys", _accounts(_TWO_KEYS[:2], Left(crashes=1, zombies=1)), long=True),
    Explored("two zombies", _accounts(_ONE_KEY, Left(zombies=2)), long=True),
    Explored("a zombie that goes on when refused, nothing compacted",
             _accounts(_ONE_KEY, Left(zombies=1), refused_go_on=True, compacts=False)),
    Explored("a send fails, a commit is refused, a crash",
             _accounts(_ONE_KEY, Left(crashes=1, failures=1, refusals=1))),
    Explored("partitions go and come back, a send fails", _accounts(_ONE_KEY[:1], Left(failures=1, rebalances=1))),
    Explored("partitions go and come back, a chunk of before is delivered",
             _accounts(_ONE_KEY, Left(rebalances=1, old_chunks=1), chunk_sizes=(1,))),
    Explored("transaction markers, a crash", _accounts(_MARKED, Left(crashes=1), chunk_sizes=(1,))),
    Explored("transaction markers, partitions go and come back, a chunk of before is delivered",
             _accounts(_MARKED[:3], Left(rebalances=1, old_chunks=1), chunk_sizes=(1,))),
    Explored("partitions go and come back, a chunk of before is delivered, a crash",
             _accounts(_ONE_KEY, Left(crashes=1, rebalances=1, old_chunks=1)), long=True),
    Explored("partitions go and come back, two chunks of before are delivered, a commit is refused",
             _accounts(_TWO_KEYS, Left(rebalances=1, old_chunks=2, refusals=1), chunk_sizes=(1,)), long=True),
    Explored("second stage, partitions go and come back, a chunk of before is delivered",
             _cases(((0, 0, 0), (0, 0, 1)), Left(rebalances=1, old_chunks=1), chunk_sizes=(1,)), long=True),
    Explored("partitions go and come back, two events, a send fails",
             _accounts(_ONE_KEY, Left(failures=1, rebalances=1)), long=True),
    Explored("partitions go and come back, a crash", _accounts(_ONE_KEY, Left(crashes=1, rebalances=1)), long=True),
    Explored("a zombie gets its partitions back",
             _accounts(_ONE_KEY[:1], Left(zombies=1, returns=1), refused_go_on=True)),
    Explored("a zombie gets its partitions back, two events",
             _accounts(_ONE_KEY, Left(zombies=1, returns=1), chunk_sizes=(1,), refused_go_on=True), long=True),
    Explored("a zombie gets its partitions back, two events, the group was made anew",
             _accounts(_ONE_KEY, Left(zombies=1, returns=1), chunk_sizes=(1,), refused_go_on=True, skipped=0),
             long=True),
    Explored("both stages, a zombie gets one partition back as it left it",
             partial(both_world, _ONE_KEY[:1], Left(zombies=1, returns=1), refused_go_on=True, skipped=0,
                     reads_rows=True), long=True),
    Explored("a standby takes over after a crash",
             _accounts(_ONE_KEY, Left(crashes=1, looks=2), chunk_sizes=(1,))),
    Explored("a standby takes over from a zombie, nothing compacted",
             _accounts(_ONE_KEY[:1], Left(zombies=1, looks=2), compacts=False)),
    Explored("a standby takes over after an expiry, a crash",
             _accounts(_BACK, Left(crashes=1, looks=2), chunk_sizes=(1,)), long=True),
    Explored("a standby takes over after an expiry, a crash, nothing compacted",
             _accounts(_BACK, Left(crashes=1, looks=2), chunk_sizes=(1,), compacts=False), long=True),
    Explored("chunks that wait for a checkpoint, a send fails, partitions go and come back",
             _accounts(_ONE_KEY, Left(failures=1, rebalances=1), chunk_sizes=(1,), most_in_flight=1)),
    Explored("topic made anew, rows of a newer release", _accounts(_TWO_KEYS, Left(recreations=1, upgrades=1))),
    Explored("rows of the release before, a crash", _accounts(_TWO_KEYS[:2], Left(crashes=1, releases=1))),
    Explored("rows of the release before, a zombie", _accounts(_ONE_KEY, Left(zombies=1, releases=1)), long=True),
    Explored("an event twice and one that is none, a crash", _accounts(_ODD, Left(crashes=1))),
    Explored("a late event of an expired row, a crash", _accounts(_LATE, Left(crashes=1), chunk_sizes=(1,))),
    Explored("an expired key that is back, a crash", _accounts(_BACK, Left(crashes=1), chunk_sizes=(1,))),
    Explored("an expired key that is back, a zombie", _accounts(_BACK, Left(zombies=1), chunk_sizes=(1,))),
    Explored("an expired key that is back, two crashes",
             _accounts(_BACK, Left(crashes=2), chunk_sizes=(1,)), long=True),
    Explored("second stage, replayed hop, a crash", _cases(_REPLAYED, Left(crashes=1))),
    Explored("second stage, replayed hop, a zombie", _cases(_REPLAYED, Left(zombies=1))),
    Explored("second stage, replayed hop, two crashes", _cases(_REPLAYED, Left(crashes=2)), long=True),
    Explored("second stage, two upstreams, a crash", _cases(_TWO_UPSTREAMS, Left(crashes=1))),
    Explored("second stage, growing replays, a crash, a zombie",
             _cases(_GROWING, Left(crashes=1, zombies=1)), long=True),
    Explored("second stage, chunks that wait for the producer, a crash",
             partial(cases_world, (_ONE_KEY,), ((0, 0, 1),), Left(crashes=1), waits_for_room=True)),
    Explored("second stage, alerts also to the topic of their bank, a send fails, a crash",
             partial(cases_world, (_ONE_KEY,), ((0, 0, 1),), Left(crashes=1, failures=1), alert_banks=("0116",))),
    Explored("campaigns, replayed hop, a crash",
             partial(campaigns_world, (_FOUR_KEYS,), _EMPTIED, Left(crashes=1), chunk_sizes=(1,))),
    Explored("campaigns, replayed hop, a zombie",
             partial(campaigns_world, (_FOUR_KEYS,), _EMPTIED, Left(zombies=1)), long=True),
    Explored("both stages, a crash", partial(both_world, _ONE_KEY[:1], Left(crashes=1))),
    Explored("both stages, two events, a crash",
             partial(both_world, _ONE_KEY, Left(crashes=1), chunk_sizes=(1,)), long=True),
    Explored("both stages, a crash, a zombie",
             partial(both_world, _ONE_KEY[:1], Left(crashes=1, zombies=1)), long=True),
)  # fmt: skip
