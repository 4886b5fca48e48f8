"""Gangs: what each can and prefers, and where its cases come from."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import PIN4
from models.worlds.agents import assumptions as a
from models.worlds.agents import loot
from models.worlds.agents.city import City

Ints = npt.NDArray[np.int64]
NAMES = [service.name for service in a.SERVICES]


@dataclass(slots=True)
class Gang:
    """A group with a purse. `jobs`: typologies of the cases it will try, one by one; `buyer`: its mule's address."""

    number: int
    first_day: int
    banks: Ints
    service: int
    split: tuple[int, ...]
    pace_s: int
    hour: float
    hands: int
    region: int
    purse_yen: int
    own: int
    buyer: int
    jobs: list[str] = field(default_factory=list)


def found(city: City, count: int, first_day: int, days: int) -> list[Gang]:
    """So many gangs: one begins at once, the others within the first two thirds of the days."""
    rng = city.rng
    weak = np.flatnonzero([bank.auth == PIN4 for bank in a.BANKS])
    known = rng.choice(weak, loot.FAVOURITE_BANKS, replace=False)
    gangs = []
    for number in range(count):
        own, buyer = city.addresses.fresh(2).tolist()
        if rng.random() < loot.BUYER_ON_A_PHONE:
            buyer = int(city.addresses.mobile(*_somebody(city))[0])
        gangs.append(
            Gang(
                number=number,
                first_day=first_day + (int(rng.integers(0, max(1, days * 2 // 3))) if number else 0),
                banks=rng.choice(known, loot.BANKS_A_GANG, replace=False),
                service=a_service(rng),
                split=loot.SPLITS[int(rng.integers(len(loot.SPLITS)))],
                pace_s=int(rng.choice(loot.PACES_S)),
                hour=float(rng.uniform(9, 24)),
                hands=int(rng.integers(loot.HANDS[0], loot.HANDS[1] + 1)),
                region=int(rng.integers(a.REGIONS)),
                purse_yen=int(rng.integers(*loot.PURSE_YEN)),
                own=own,
                buyer=buyer,
            )
        )
    return gangs


def a_service(rng: np.random.Generator) -> int:
    """A service, as often as thieves choose it."""
    return NAMES.index(str(rng.choice(list(loot.SERVICES), p=list(loot.SERVICES.values()))))


def an_address(city: City, gang: Gang) -> int:
    """Where the gang goes online for a case: through its own proxy, or where other people are too."""
    rng = city.rng
    if rng.random() >= loot.SHARED:
        if rng.random() < 1 / loot.CASES_AN_ADDRESS:
            gang.own = int(city.addresses.fresh(1)[0])
        return gang.own
    somebody, now = _somebody(city)
    kind = int(rng.choice(3, p=loot.SHARED_KINDS))
    source = (city.addresses.homes(somebody), city.addresses.mobile(somebody, now), city.addresses.exits(1))[kind]
    return int(source[0])


def a_victim(city: City, gang: Gang, robbed: set[int], least_yen: int) -> int:
    """An account whose credentials the gang can buy; of a bank that asks for a PIN only, with few exceptions."""
    rng, people = city.rng, city.people
    if rng.random() < loot.PHISHED_CODE:
        offered = np.arange(people.size)
    else:
        weak = city.auth(np.arange(people.size)) == PIN4
        offered = np.flatnonzero(weak & np.isin(people.bank, gang.banks))
        offered = offered if len(offered) else np.flatnonzero(weak)
    rich = offered[people.balance[offered] >= least_yen]
    if len(rich) and rng.random() < loot.RICH:
        offered = rich
    victim = int(rng.choice(offered))
    while victim in robbed:
        victim = int(rng.integers(0, people.size))
    robbed.add(victim)
    return victim


def allot(rng: np.random.Generator, cases: int, *, straddle: bool) -> dict[str, int]:
    """How many cases of each typology; each has one if there are enough. Without a month's turn T2 is a T1."""
    names, shares = list(loot.TYPOLOGIES), np.array(list(loot.TYPOLOGIES.values()))
    least = 1 if cases >= len(names) else 0
    counts = rng.multinomial(cases - least * len(names), shares / shares.sum()) + least
    plan = dict(zip(names, counts.tolist(), strict=True))
    if not straddle:
        plan["T1"] += plan.pop("T2")
    return plan


def _somebody(city: City) -> tuple[Ints, Ints]:
    """A person, whose address it is, and a moment of today."""
    return city.rng.integers(0, city.people.size, 1), np.array([city.day.begin_ms])
