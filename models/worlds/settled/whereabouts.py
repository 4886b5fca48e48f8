"""Where an account's events come from: its home, its work, its carrier, a hotel; each with neighbours of its own."""

import numpy as np

from models.worlds.settled.episodes import Episodes
from models.worlds.settled.log import DAY_MS, HOUR_MS, NONE, Ints, Rng
from models.worlds.settled.people import People

#: A carrier has so many addresses in a region, and gives a phone another one each day.
ADDRESSES_OF_A_REGION = 8
#: Two thirds of travellers stay at a hotel, whose address its guests share; the others have one of their own.
HOTEL_GUESTS, PEOPLE_A_HOTEL = 0.67, 100
#: The service did not record where the event came from; assumed, and as often for thieves.
UNRECORDED = 0.03
OFFICE_H = (9, 18)
_MIX = 2_654_435_761  # Knuth's multiplier: another address each day without a table of days


class Whereabouts:
    """Addresses as indices, one range for each kind; `NONE` is an address that was not recorded."""

    def __init__(self, people: People, episodes: Episodes, rng: Rng) -> None:
        n = people.size
        self._people, self._episodes = people, episodes
        self.regions = int(people.region.max()) + 1
        # Homes before and after a change of address, employers, carriers, hotels, addresses that one traveller has.
        self._work = 2 * n
        self._carrier = self._work + int(people.employer.max()) + 1
        hotel = self._carrier + self.regions * ADDRESSES_OF_A_REGION
        hotels = max(2, n // PEOPLE_A_HOTEL)
        guest = rng.random(n) < HOTEL_GUESTS
        self._away = np.where(guest, hotel + rng.integers(0, hotels, n), hotel + hotels + np.arange(n))
        self._new_region = rng.integers(0, self.regions, n)
        self._unused = hotel + hotels + n

    def fresh(self, count: int) -> Ints:
        """Addresses that nobody has had; they are taken for good."""
        self._unused += count
        return np.arange(self._unused - count, self._unused)

    def home(self, account: Ints, at_ms: Ints) -> Ints:
        """The address at home; it changes when its inhabitant moves."""
        household = self._people.household[account]
        moved = self._episodes.new_home[account] <= at_ms / DAY_MS
        return np.asarray(household + self._people.size * moved, np.int64)

    def regions_of(self, account: Ints, at_ms: Ints) -> Ints:
        """The region of each account's phone; a new phone comes with a new contract, elsewhere in the carrier's net."""
        phone = self._episodes.new_phone[account] <= at_ms / DAY_MS
        return np.where(phone, self._new_region[account], self._people.region[account])

    def carrier(self, region: Ints, account: Ints, at_ms: Ints) -> Ints:
        """The carrier's address for a phone in a region that day."""
        slot = ((account + 1) * _MIX + at_ms // DAY_MS * 7_919) % ADDRESSES_OF_A_REGION
        return np.asarray(self._carrier + region * ADDRESSES_OF_A_REGION + slot, np.int64)

    def sources(self, account: Ints, at_ms: Ints, rng: Rng) -> Ints:
        """Where each account is at each moment, int64 (n,)."""
        people = self._people
        hour, day = at_ms // HOUR_MS % 24, at_ms // DAY_MS
        # The first day is a Monday.
        office = (hour >= OFFICE_H[0]) & (hour < OFFICE_H[1]) & (day % 7 < 5)
        region = self.regions_of(account, at_ms)
        u, v = rng.random(len(account)), rng.random(len(account))
        source = np.where(v < people.at_home[account], self.home(account, at_ms), self.carrier(region, account, at_ms))
        source = np.where(office & (u < people.at_work[account]), self._work + people.employer[account], source)
        source = np.where(self._episodes.away(account, at_ms), self._away[account], source)
        return unrecorded(source, rng)


def unrecorded(source: Ints, rng: Rng) -> Ints:
    """The addresses, some of which were not recorded."""
    return np.where(rng.random(len(source)) < UNRECORDED, NONE, source)
