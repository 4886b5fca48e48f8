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

_NAMES = 8  # salts a seed: names of different things differ, and so do those of two seeds


def play(size: Size) -> Life:
    """A life of people and thieves; see `README.md` in this folder."""
    city, thieves = live_through(size)
    judged_from_ms = days_of(size.days, size.judged_days)[size.days].begin_ms
    return _told(city, thieves, judged_from_ms, size.seed)


def live_through(size: Size) -> tuple[City, Underworld]:
    """The city after all days, and its thieves, who come when the history is over."""
    rng = np.random.default_rng(size.seed)
    days = days_of(size.days, size.judged_days)
    people, wallets = born(rng, size.accounts), Wallets()
    plans, addresses = Plans(rng, len(days)), Addresses(rng, people)
    city = City(rng, people, wallets, addresses, plans, Journal(wallets), days[0])
    newcomers.settle(city, size.accounts)
    for city.day in days[: size.days]:
        _live_a_day(city, size.accounts)
    thieves = Underworld(city, size.cases, days[size.days :])
    for city.day in days[size.days :]:
        _live_a_day(city, size.accounts)
        thieves.act()
    return city, thieves


def _live_a_day(city: City, users: int) -> None:
    if city.day.date.day == 1:
        city.wallets.taken[:] = 0
    paid = live(city.people, city.rng, city.day.date.day, city.day.last_of_month)
    city.addresses.renew_homes()
    honest.buy(city, paid)
    honest.buy_big(city)
    honest.share(city)
    honest.change(city)
    newcomers.begin(city, users)


def _told(city: City, thieves: Underworld, judged_from_ms: int, seed: int) -> Life:
    """The journal as tables: two of events, and which of them are the thieves'."""
    entries = city.journal.entries()
    salt = _NAMES * (seed + 1)
    judged = entries["occurred_at_ms"] >= judged_from_ms
    tables, first_id = [], 0
    for part, events in enumerate((entries[~judged], entries[judged])):
        arrived, number = delivered(city, events, np.random.default_rng((seed, part)))
        tables.append(table_of(city, arrived, words(first_id + number, salt), salt))
        first_id += len(events)
    first_id -= len(events)
    theft = np.flatnonzero(events["case"] >= 0)
    names = [thieves.names[case] for case in events["case"][theft].tolist()]
    columns = [
        words(first_id + theft, salt),
        pa.array(names, pa.string()),
        pa.array([name.split("-")[0] for name in names], pa.string()),
        pa.array([STAGES[stage] for stage in events["stage"][theft].tolist()], pa.string()),
    ]
    return Life(tables[0], tables[1], pa.table(columns, schema=LABELS))
