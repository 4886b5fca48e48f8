"""Sources: the address an event comes from, and who shares it."""

import numpy as np
import numpy.typing as npt

from models.worlds.agents import assumptions as a
from models.worlds.agents.people import People

Ints = npt.NDArray[np.int64]
UNKNOWN = 0
_HOUR_MS = 3_600_000
_TELLS = np.array([service.tells_source for service in a.SERVICES])


class Addresses:
    """Addresses by number, from 1; 0 is unknown. Carriers' NAT first, then changing ones, exits, offices, homes."""

    def __init__(self, rng: np.random.Generator, people: People) -> None:
        self._rng = rng
        self._people = people
        n = people.size
        self._carrier = rng.choice(len(a.CARRIER_SHARES), n, p=a.CARRIER_SHARES)
        self._nat = 1
        self._changing = self._nat + len(a.NAT_ADDRESSES) * a.REGIONS * max(a.NAT_ADDRESSES)
        self._exits = self._changing + a.CHANGING_ADDRESSES
        offices = self._exits + a.VPN_EXITS
        self._office = np.where(
            rng.random(n) < a.AT_AN_OFFICE, offices + (rng.random(n) ** 2 * a.OFFICES).astype(np.int64), UNKNOWN
        )
        self._home = offices + a.OFFICES + np.arange(people.household.max() + 1)
        self._private = rng.random(n) < a.VPN_USERS
        self._given_up: Ints = np.zeros(0, np.int64)
        self._next = offices + a.OFFICES + len(self._home)

    def fresh(self, count: int) -> Ints:
        """Addresses nobody had before."""
        self._next += count
        return np.arange(self._next - count, self._next)

    def renew_homes(self) -> None:
        """One day of routers that get another address: one given up before, or a new one."""
        moved = np.flatnonzero(self._rng.random(len(self._home)) < a.HOME_RENEWAL_A_DAY)
        old = self._home[moved].copy()
        again = min(len(moved) // 2, len(self._given_up))
        self._home[moved] = np.concatenate((self._given_up[:again], self.fresh(len(moved) - again)))
        self._given_up = np.concatenate((self._given_up[again:], old))

    def of(self, who: Ints, ms: Ints, service: npt.NDArray[np.int8]) -> Ints:
        """Where each person is online at that moment; `UNKNOWN` for services that do not tell."""
        hour = (ms // _HOUR_MS + 9) % 24
        chance = self._rng.random(len(who))
        at_home = np.array(a.AT_HOME)[np.where(hour < 7, 0, np.where(hour < 18, 1, 2))]
        office = self._office[who]
        at_work = (office > 0) & (hour >= 9) & (hour < 18) & (chance > 0.7)  # wireless of the office
        source = np.where(chance < at_home, self._home[self._people.household[who]], self.mobile(who, ms))
        source = np.where(at_work, office, source)
        source = np.where(self._private[who], self.exits(len(who)), source)
        return np.where(_TELLS[service], source, UNKNOWN)

    def mobile(self, who: Ints, ms: Ints) -> Ints:
        """The address of each person's phone in the carrier's network."""
        carrier, region = self._carrier[who], self._people.region[who]
        most = max(a.NAT_ADDRESSES)
        own = np.array(a.NAT_ADDRESSES)[carrier]
        shift = (who + ms // (6 * _HOUR_MS)) % np.maximum(own, 1)
        nat = self._nat + (carrier * a.REGIONS + region) * most + shift
        changing = self._changing + self._rng.integers(0, a.CHANGING_ADDRESSES, len(who))
        return np.where(own > 0, nat, changing)

    def homes(self, who: Ints) -> Ints:
        """The home address of each person: what a proxy in a private router shows."""
        return self._home[self._people.household[who]]

    def exits(self, count: int) -> Ints:
        """Exits of a commercial VPN, that anyone may rent."""
        return self._exits + self._rng.integers(0, a.VPN_EXITS, count)
