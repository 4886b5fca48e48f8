"""Each rule of PROTOCOL.md broken in the project's code, and a small world in which that must be found out."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from support.protocol import breakages as broken
from support.protocol import breakages_of_rows as of_rows
from support.protocol.parts import Parts
from support.protocol.scenes import Happening, accounts_world, cases_world
from support.protocol.world import Left, Setup


class Mutation(NamedTuple):
    """A rule, how it is broken, and where."""

    rule: str
    what: str
    parts: Parts
    world: Callable[[], Setup]
    prefix: tuple[str, ...] = ()  # first steps of the search, where the shortest trace is too long to be searched for


_ONE = (Happening(1),)
_TWICE = (Happening(1), Happening(1))
#: One account is seen, another much later: the first one's row expires.
_EXPIRING = (Happening(1, 0.0), Happening(2, 2.0), Happening(1, 2.1))
#: The same, and an event of the first that comes late.
_LATE = (Happening(1, 0.0), Happening(2, 2.0), Happening(1, 0.1))
#: A replay in the hop, as a new assignment of the first stage leaves it.
_REPLAYED = ((0, 0, 0), (0, 0, 0), (0, 1, 1))

#: More of one account than its row remembers ids.
_FIVE = _ONE * 5
_RETURNS = (Happening(1), Happening(2), Happening(1), Happening(2, 2.0), Happening(2, 2.0))

_ONE_BY_ONE = tuple((0, index, index) for index in range(5))

_BEGINS = ("W1 commits", "W1 durable the header")
#: W1 asks for its commit and is paused; W2 goes on until the row it made has expired and is deleted.
_LATE_COMMIT = (
    *_BEGINS, "W1 reads", "W1 durable alerts", "W1 cuts", "W1 durable row", "W1 commits",
    "W1 reads", "W1 durable alerts", "W1 cuts", "W1 durable row", "W1 is paused",
    "W2 reads", "W2 reads", "W2 durable alerts", "W2 cuts", "W2 durable row", "W2 durable row", "W2 commits",
    "W2 reads", "W2 durable alerts", "W2 cuts", "W2 durable", "W2 durable", "W2 durable", "W2 commits",
    "W2 reads", "W2 durable alerts", "W2 cuts", "W2 durable",
)  # fmt: skip
#: W1 commits its first event and is paused; W2 goes on until the row has expired and is deleted; W1 is assigned again.
_RETURN = (
    *_BEGINS, "W1 reads", "W1 durable alerts", "W1 cuts", "W1 durable row", "W1 commits", "W1 is paused",
    "W2 reads", "W2 durable alerts", "W2 reads", "W2 durable alerts", "W2 cuts", "W2 durable row", "W2 durable row",
    "W2 commits",
    "W2 reads", "W2 durable alerts", "W2 cuts", "W2 durable", "W2 durable", "W2 commits",
    "W2 reads", "W2 durable alerts", "W2 cuts", "W2 durable",
    "W1 finds out", "W1 gets its partitions back",
)  # fmt: skip
#: W1 writes beyond what W2 recovered; W2, about to delete W1's row, is paused, and W3 recovers that row.
_TWO_ZOMBIES = (
    *_BEGINS, "W1 reads account-events 3 to 3", "W1 durable hop", "W1 cuts", "W1 durable row", "W1 commits",
    "W1 is paused",
    "W2 reads account-events 4 to 4", "W2 durable hop", "W2 cuts", "W2 durable row", "W2 commits",
    "W1 reads account-events 4 to 5", "W1 durable hop", "W1 cuts", "W1 durable row",
    "W2 reads account-events 5 to 5", "W2 durable hop", "W2 cuts", "W2 is paused",
)  # fmt: skip

_accounts = partial(partial, accounts_world)
_cases = partial(partial, cases_world)

MUTATIONS = (
    Mutation("2", "a checkpoint that broke off leaves its task to the next", broken.next_cut_goes_on(),
             _accounts(_ONE, Left(failures=1, rebalances=1))),
    Mutation("2", "a commit of another generation is taken", Parts(),
             _cases((_RETURNS,), _ONE_BY_ONE, Left(zombies=1), chunk_sizes=(1,), fences=False), _LATE_COMMIT),
    Mutation("2", "a chunk's first offset is not looked at", broken.any_chunk(),
             _accounts(_TWICE, Left(rebalances=1, old_chunks=1))),
    Mutation("2", "every chunk counts as fetched right behind the last one", broken.begins_trusted_too_far(),
             _accounts(_TWICE, Left(rebalances=1, old_chunks=1))),
    Mutation("2", "what was left out is not read again", broken.not_read_again(),
             _accounts(_TWICE, Left(rebalances=1, old_chunks=1))),
    Mutation("2", "a task goes on whatever another member committed meanwhile", broken.kept_over_commits(),
             _cases((_RETURNS,), _ONE_BY_ONE, Left(zombies=1, returns=1), chunk_sizes=(1,), skipped=0), _RETURN),
    Mutation("2", "a task goes on over generations in which another member had its partition",
             broken.kept_over_generations(),
             _cases((_RETURNS,), _ONE_BY_ONE, Left(zombies=1, returns=1), chunk_sizes=(1,)), _RETURN),
    Mutation("2", "a task goes on whose last checkpoint did not end", broken.kept_unsettled(),
             _accounts((Happening(1), Happening(2)), Left(rebalances=1), chunk_sizes=(1,))),
    Mutation("3", "two checkpoints at once", broken.no_lock(), _accounts(_ONE, Left(rebalances=1))),
    Mutation("3", "a cut in the middle of a chunk", broken.cut_within_chunk(),
             _cases((_TWICE,), ((0, 0, 1),), Left(), waits_for_room=True)),
    Mutation("4", "rows, then outputs", broken.order("send rows outputs commit"), _accounts(_ONE, Left())),
    Mutation("4", "outputs sent, not waited for", broken.order("send rows commit"), _accounts(_ONE, Left())),
    Mutation("4", "commit, then rows", broken.order("outputs commit send rows"), _accounts(_TWICE, Left())),
    Mutation("4", "rows sent, not waited for", broken.order("outputs send commit"), _accounts(_TWICE, Left())),
    Mutation("4", "commit, then outputs", broken.order("send rows commit outputs"), _accounts(_ONE, Left())),
    Mutation("5", "no marks in the commit", broken.order("outputs send rows commit", marks="none"),
             _accounts(_LATE, Left(), chunk_sizes=(1,))),
    Mutation("5", "marks of the moment of the commit", broken.order("outputs send rows commit", marks="now"),
             _accounts((Happening(1, 0.0), Happening(1, 0.1), Happening(2, 2.0)), Left(), chunk_sizes=(1,))),
    Mutation("5", "marks of upstreams of the moment of the commit",
             broken.order("outputs send rows commit", marks="now"),
             _cases((_TWICE,), ((0, 0, 0), (0, 1, 1)), Left())),
    Mutation("5", "marks of upstreams forgotten", broken.order("outputs send rows commit", marks="none"),
             _cases((_TWICE,), _REPLAYED, Left())),
    Mutation("5", "rows before the first commit", broken.no_first_commit(), _accounts(_ONE, Left())),
    Mutation("6", "several unconfirmed messages, sending goes on after a failure", broken.no_lanes(),
             _accounts(_TWICE, Left(failures=1), chunk_sizes=(1,))),
    Mutation("6", "what waits is sent after a failure", broken.lanes_go_on(),
             _accounts(_TWICE + _ONE, Left(failures=1), chunk_sizes=(1,))),
    Mutation("6", "a failed send counts as sent", broken.failures_ignored(), _accounts(_ONE, Left(failures=1))),
    Mutation("7", "a hop's repeated events are taken", of_rows.marks_unread(),
             _cases((_FIVE,), ((0, 0, 4), (0, 0, 0)), Left())),
    Mutation("7", "a row's own position is not looked at", of_rows.positions_unread(),
             _accounts(_FIVE, Left(), chunk_sizes=(5,))),
    Mutation("7, 8", "rows that may be replayed are deleted; they were recovered as clean",
             of_rows.expires_uncommitted(),
             _cases(((*_TWICE, Happening(2, 2.0)),), _ONE_BY_ONE[:3], Left(crashes=1), chunk_sizes=(1,))),
    Mutation("7", "rows are deleted before the commit", of_rows.expires_before_commit(),
             _cases(((*_TWICE, Happening(2, 2.0)),), _ONE_BY_ONE[:3], Left(refusals=1), chunk_sizes=(1,))),
    Mutation("7", "dirty rows are deleted", of_rows.expires_dirty(), _accounts(_EXPIRING, Left(), chunk_sizes=(1,))),
    Mutation("7", "expiry by a chunk's own times", of_rows.watermark_of_chunk(),
             _accounts(_LATE, Left(), chunk_sizes=(1,))),
    Mutation("7", "a deletion is written over the row of a key that is back", of_rows.tombstones_last(),
             _accounts(_EXPIRING, Left(), chunk_sizes=(1,))),
    Mutation("8", "one writer id for all", of_rows.one_writer(), _accounts(_TWICE, Left(zombies=1))),
    Mutation("8", "the last row in the log wins", of_rows.last_row_wins(), _accounts(_TWICE, Left(zombies=1))),
    Mutation("8", "recovered rows beyond the commit are clean", of_rows.recovered_are_clean(),
             _accounts((*_TWICE, *_ONE), Left(zombies=2), chunk_sizes=(1, 2)), _TWO_ZOMBIES),
    Mutation("8", "others' rows are deleted before one's own is durable", of_rows.tombstones_first(),
             _accounts(_TWICE, Left(crashes=1), chunk_sizes=(1,))),
    Mutation("8", "a standby takes over without reading to the end", of_rows.standby_reads_no_further(),
             _accounts(_TWICE, Left(crashes=1, looks=1), chunk_sizes=(1,))),
    Mutation("9", "the log's identity is not looked at", of_rows.any_log(), _accounts(_ONE, Left(recreations=1))),
    Mutation("10", "newer rows are skipped", of_rows.newer_skipped(), _accounts(_ONE, Left(upgrades=1))),
    Mutation("10", "an upgrade forgets how far its row was", of_rows.upgrade_forgets(),
             _accounts(_TWICE, Left(releases=1))),
    Mutation("11", "dead letters are not waited for", broken.letters_forgotten(),
             _accounts((Happening(1, valid=False),), Left())),
    Mutation("12", "event ids are not looked at", of_rows.ids_unread(),
             _accounts((Happening(1, event_id="a"), Happening(1, event_id="a")), Left())),
)  # fmt: skip
