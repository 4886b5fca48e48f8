"""Who is assigned what: as even as can be, each topic for itself and all together, and as little moves as that allows.

The group's leader asks for all of this. What members had before they say when they join; standbys follow the rows of
partitions that others have, and are given those first when they have to move.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from faust.types import TP


class Member(NamedTuple):
    """What a member says of itself: partitions that it had in a generation, and those whose rows it follows."""

    generation: int = -1
    had: frozenset[TP] = frozenset()
    follows: frozenset[TP] = frozenset()


class Assigned(NamedTuple):
    """The partitions of a member, and those whose rows it shall follow."""

    has: frozenset[TP]
    follows: frozenset[TP]


def assign(
    partitions: Sequence[TP], members: Mapping[str, Member], standbys: int = 0, with_rows: Collection[str] = ()
) -> dict[str, Assigned]:
    """Every partition's owner; of those of topics `with_rows` also `standbys` others, as far as there are so many."""
    owners = _owners(partitions, members)
    _even_out(owners, sorted(members))
    followers = _followers({tp: owner for tp, owner in owners.items() if tp.topic in with_rows}, members, standbys)
    return {
        name: Assigned(
            frozenset(tp for tp, owner in owners.items() if owner == name),
            frozenset(tp for tp, names in followers.items() if name in names),
        )
        for name in members
    }


def _owners(partitions: Sequence[TP], members: Mapping[str, Member]) -> dict[TP, str]:
    """Everybody has what they had; what nobody had goes to who follows it, then to who has least of its topic."""
    owners: dict[TP, str] = {}
    for name in sorted(members, key=lambda name: (members[name].generation, name)):
        # Of two that had it, one is late by generations.
        owners.update(dict.fromkeys(members[name].had & set(partitions), name))
    has = Counter(owners.values())
    of_topic = Counter((owner, tp.topic) for tp, owner in owners.items())
    for tp in sorted(set(partitions) - owners.keys()):
        owner = min(
            members, key=lambda name: (tp not in members[name].follows, of_topic[name, tp.topic], has[name], name)
        )
        owners[tp] = owner
        has[owner] += 1
        of_topic[owner, tp.topic] += 1
    return owners


def _even_out(owners: dict[TP, str], names: Sequence[str]) -> None:
    """Move partitions until nobody has two more than another, of a topic or of all."""
    topics = sorted({tp.topic for tp in owners})
    while True:
        has = Counter(owners.values())
        of_topic = Counter((owner, tp.topic) for tp, owner in owners.items())
        moves = [
            (of_topic[giver, topic] - of_topic[taker, topic], has[giver] - has[taker], topic, giver, taker)
            for topic in topics
            for giver in names
            for taker in names
        ]
        uneven = [move for move in moves if move[0] > 1] or [move for move in moves if move[0] > 0 and move[1] > 1]
        if not uneven:
            return
        _, _, topic, giver, taker = max(uneven)
        owners[max(tp for tp, owner in owners.items() if owner == giver and tp.topic == topic)] = taker


def _followers(owners: Mapping[TP, str], members: Mapping[str, Member], standbys: int) -> dict[TP, set[str]]:
    follows: Counter[str] = Counter()
    followers: dict[TP, set[str]] = {tp: set() for tp in owners}
    copies = min(standbys, len(members) - 1)
    most = -(-len(owners) * copies // len(members))  # memory is bounded: nobody follows more than their share
    for _ in range(copies):
        for tp, owner in sorted(owners.items()):
            others = members.keys() - {owner} - followers[tp]
            # Who follows it knows its rows already; who had it has let go of them.
            knows = {name for name in others if tp in members[name].follows}
            follower = min(others, key=lambda name: (follows[name] >= most, name not in knows, follows[name], name))
            followers[tp].add(follower)
            follows[follower] += 1
    return followers
