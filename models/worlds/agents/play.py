"""Plays the world day by day; start reading here."""

import numpy as np
import pyarrow as pa

from models.worlds.agents import honest, newcomers
from models.worlds.agents.addresses import Addresses
from models.worlds.agents.calendar import Plans, days_of
from models.worlds.agents.city import City
from models.worlds.agents.journal import Journal
from models.worlds.agents.loot import STAGES
from models.worlds.agents.people import born, live
from models.worlds.agents.tables import delivered, table_of, words
from models.worlds.agents.thieves import Underworld
from models.worlds.agents.wallets import Wallets
from models.worlds.world import LABELS, Life, Size

_SALTS = 8  # names of different things differ, and so do those of two seeds


def play(size: Size) -> Life:
    """A life of people and thieves; see `README.md` in this folder."""
    rng = np.random.default_rng(size.seed)
    days = days_of(size.days, size.judged_days)
    people, wallets = born(rng, size.accounts), Wallets()
    plans, addresses = Plans(rng, len(days)), Addresses(rng, people)
    city = City(rng, people, wallets, addresses, plans, Journal(wallets), days[0])
    newcomers.settle(city, size.accounts)
    thieves = Underworld(city, size.cases, days[size.days :])
    for day in days:
        city.day = day
        live_a_day(city, size.accounts)
        if day.number >= size.days:
            thieves.act()
    return _life(city, thieves, days[size.days].begin_ms, size.seed)


def live_a_day(city: City, users: int) -> None:
    """One day of all honest people."""
    if city.day.date.day == 1:
        city.wallets.taken[:] = 0
    paid = live(city.people, city.rng, city.day.date.day, city.day.last_of_month)
    city.addresses.renew_homes()
    honest.buy(city, paid)
    honest.buy_big(city)
    honest.share(city)
    honest.change(city)
    newcomers.begin(city, users)


def _life(city: City, thieves: Underworld, judged_from_ms: int, seed: int) -> Life:
    entries = city.journal.entries()
    salt = _SALTS * (seed + 1)
    parts, judged = [], entries["occurred_at_ms"] >= judged_from_ms
    first_id = 0
    for part in (entries[~judged], entries[judged]):
        arrived, number = delivered(city, part)
        parts.append(table_of(city, arrived, words(first_id + number, salt), salt))
        first_id += len(part)
    theft = np.flatnonzero(entries[judged]["case"] >= 0)
    case = entries[judged]["case"][theft]
    stage = entries[judged]["stage"][theft]
    columns = [
        words(first_id - int(judged.sum()) + theft, salt),
        pa.array([thieves.names[number] for number in case.tolist()], pa.string()),
        pa.array([thieves.names[number].split("-")[0] for number in case.tolist()], pa.string()),
        pa.array([STAGES[number] for number in stage.tolist()], pa.string()),
    ]
    return Life(parts[0], parts[1], pa.table(columns, schema=LABELS))
