"""Thieves: each case does what is usual for somebody, and unusual for its victim.

Sums are those of people who charge more, addresses those of other people or like travellers' own, wallets as anybody's;
what gives a thief away is that this account has neither charged so much, nor from there, nor at that hour.
"""

from typing import NamedTuple

import numpy as np

from detector.contract.vocabulary import CHARGE, DEBIT, INSUFFICIENT, LINK, OK, OPEN, UNLINK
from models.worlds.settled.debits import NO_MONEY
from models.worlds.settled.habits import amounts, rounded
from models.worlds.settled.log import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    NONE,
    SECOND_MS,
    Ints,
    Log,
    Rng,
    join,
    log,
    with_mistakes,
)
from models.worlds.settled.people import SERVICE_SHARES, Wallets, together, wallets
from models.worlds.settled.plans import PLANS, Plan
from models.worlds.settled.town import Town, ages_at_link
from models.worlds.settled.whereabouts import unrecorded

#: A thief's address: that of somebody's home (a proxy on a stolen router), a carrier's in any region, or one that
#: nobody had before. Assumed.
SOURCES = (0.35, 0.40, 0.25)
#: Six cases of ten come while the owner sleeps, half a day from the middle one of his hours, give or take 2.5
#: hours. Assumed.
OWNER_ASLEEP, ASLEEP_H = 0.6, 2.5
#: A thief asks for what people charge who usually charge at least three times as much as the victim; the top 2 % are
#: left out, as their sums would stand out among everybody's.
TIMES_USUAL, TOP = 3.0, 0.98
#: Where hardly anybody charges that much more, the thief asks for what the top tenth does.
HIGH = 0.90
#: Tests take a tenth to a half of what the victim usually charges; hours before the drain. Assumed.
TEST_SHARE, AFTER_TEST_MS = (0.1, 0.5), (10 * MINUTE_MS, 20 * HOUR_MS)
#: Tests are whole hundreds.
TEST_UNIT = np.array([100])
#: Debits follow each other within 15 seconds to 90 minutes, log-uniform: bursts of owners are as fast. Assumed.
GAP_MS = (15 * SECOND_MS, 90 * MINUTE_MS)
#: Half of those who take over a wallet link it to the account again, as with a new phone. Assumed.
LINKED_AGAIN = 0.5
#: Cases begin in the first nine tenths of the days, and wait no longer than leaves a fifth of what is left. Assumed.
BEGINS, WAITS = 0.9, 0.8


class Thefts(NamedTuple):
    """`town` with the thieves' wallets; `links`: their opens, links and unlinks; `debits` whatever the cap.

    `plans` and `sources`: of each case, int64 (cases,) indices.
    """

    town: Town
    links: Log
    debits: Log
    plans: Ints
    sources: Ints


def thefts(town: Town, known: int, cases: int, days: tuple[int, int], rng: Rng) -> Thefts:
    """`cases` cases on days `days[0]` until before `days[1]`, all typologies equally often; victims are long known."""
    thief = _Thief(town, days[0] * DAY_MS, days[1] * DAY_MS, rng)
    victims = rng.choice(known, min(cases, known), replace=False)
    plans = np.arange(len(victims)) % len(PLANS)
    sources = _sources(town, victims, days[0] * DAY_MS, rng)
    for case, (victim, source) in enumerate(zip(victims.tolist(), sources.tolist(), strict=True)):
        thief.steal(case, PLANS[plans[case]], victim, source)
    links = thief.log(thief.links)
    linked = links.kind == LINK
    return Thefts(
        town=town._replace(wallets=together(town.wallets, thief.wallets())),
        links=join(with_mistakes(links.where(linked), rng), links.where(~linked)),
        debits=thief.log(thief.debits),
        plans=plans,
        sources=sources,
    )


class _Thief:
    """Plays cases one by one and keeps what came of them."""

    def __init__(self, town: Town, begin_ms: int, end_ms: int, rng: Rng) -> None:
        self._town, self._begin_ms, self._end_ms, self._rng = town, begin_ms, end_ms, rng
        self._by_usual = np.argsort(town.people.usual_ln)
        # Columns of new wallets, opens and links, debits.
        self._new: list[tuple[int, int, int, int]] = []
        self.links: list[dict[str, int]] = []
        self.debits: list[dict[str, int]] = []

    def steal(self, case: int, plan: Plan, victim: int, source: int) -> None:
        """Plays a case."""
        rng = self._rng
        at_ms = self._begins(victim)
        common = {"case": case, "account": victim, "source": source}
        count = int(rng.integers(*plan.wallets))
        services = rng.choice(len(SERVICE_SHARES), max(1, count), replace=False, p=SERVICE_SHARES)
        for index in range(max(1, count)):
            if count:
                service = int(services[0 if plan.one_service else index])
                common["wallet"] = self._open(victim, service, at_ms, common)
                self.links.append({**common, "at_ms": at_ms, "kind": LINK, "result": OK})
            else:
                common["wallet"] = int(self._town.people.first_wallet[victim])
                if rng.random() < LINKED_AGAIN:
                    self.links.append({**common, "at_ms": at_ms, "kind": LINK, "result": OK})
            at_ms = self._drain(plan, at_ms, common)
            if plan.typology == "T7":
                self.links.append({**common, "at_ms": at_ms + MINUTE_MS, "kind": UNLINK})
            at_ms += int(rng.integers(*plan.apart_ms))

    def wallets(self) -> Wallets:
        """The wallets that were opened, to be numbered after all others."""
        account, service, opened_ms, linked_ms = np.array(self._new, np.int64).reshape(-1, 4).T
        return wallets(account, service, opened_ms, linked_ms, self._rng)

    def log(self, rows: list[dict[str, int]]) -> Log:
        """The rows as a log."""
        names = {name for row in rows for name in row}
        return log(**{name: [row.get(name, NONE) for row in rows] for name in sorted(names | {"at_ms", "kind"})})

    def _begins(self, victim: int) -> int:
        """When the case begins: often while the owner sleeps."""
        rng, people = self._rng, self._town.people
        last_ms = self._begin_ms + BEGINS * (self._end_ms - self._begin_ms)
        day = int(rng.uniform(self._begin_ms, last_ms)) // DAY_MS
        asleep_h = people.peak_h[victim, 1] + 12 + ASLEEP_H * rng.uniform(-1, 1)
        hour = asleep_h if rng.random() < OWNER_ASLEEP else rng.uniform(0, 24)
        return int(day * DAY_MS + hour % 24 * HOUR_MS)

    def _open(self, victim: int, service: int, linked_ms: int, common: dict[str, int]) -> int:
        """The number of a new wallet, opened as long before as owners open theirs, but on the judged days."""
        age = int(ages_at_link(1, self._rng)[0])
        known = linked_ms - self._begin_ms
        opened_ms = linked_ms - (age if age < known else int(self._rng.random() * known))
        wallet = self._town.wallets.size + len(self._new)
        self._new.append((victim, service, opened_ms, linked_ms))
        self.links.append(
            {"case": common["case"], "source": common["source"], "wallet": wallet, "at_ms": opened_ms, "kind": OPEN}
        )
        return wallet

    def _drain(self, plan: Plan, at_ms: int, common: dict[str, int]) -> int:
        """The debits through one wallet after `at_ms`; the time of the last."""
        rng, people, victim = self._rng, self._town.people, common["account"]
        wait_ms = int(rng.integers(*plan.wait_ms))
        at_ms += min(wait_ms, int(WAITS * max(0, self._end_ms - at_ms)))
        for _ in range(rng.integers(*plan.tests)):
            yen = np.exp(people.usual_ln[[victim]]) * rng.uniform(*TEST_SHARE)
            self._debit(at_ms, int(rounded(yen, TEST_UNIT)[0]), common)
            at_ms += int(rng.integers(*AFTER_TEST_MS))
        for _ in range(rng.integers(*plan.debits)):
            self._debit(at_ms, self._sum(victim, at_ms), common)
            at_ms += int(np.exp(rng.uniform(*np.log(GAP_MS))))
        return at_ms

    def _debit(self, at_ms: int, yen: int, common: dict[str, int]) -> None:
        result = INSUFFICIENT if self._rng.random() < NO_MONEY else OK
        asked = {"at_ms": at_ms, "kind": DEBIT, "amount_yen": yen, "purpose": CHARGE, "result": result}
        self.debits.append(common | asked)

    def _sum(self, victim: int, at_ms: int) -> int:
        """What somebody charges who usually charges far more than the victim."""
        usual = self._town.people.usual_ln
        rank = np.searchsorted(usual, usual[victim] + np.log(TIMES_USUAL), sorter=self._by_usual) / len(usual)
        donor = self._by_usual[int(len(usual) * self._rng.uniform(min(rank, HIGH), TOP))]
        return int(amounts(self._town.people, np.array([donor]), np.array([at_ms]), self._rng)[0])


def _sources(town: Town, victims: Ints, at_ms: int, rng: Rng) -> Ints:
    """An address for each case."""
    n = len(victims)
    stranger, at = rng.integers(0, town.people.size, n), np.full(n, at_ms)
    kinds = np.stack(
        [
            town.whereabouts.home(stranger, at),
            town.whereabouts.carrier(rng.integers(0, town.whereabouts.regions, n), stranger, at),
            town.whereabouts.fresh(n),
        ]
    )
    return unrecorded(kinds[rng.choice(len(SOURCES), n, p=SOURCES), np.arange(n)], rng)
