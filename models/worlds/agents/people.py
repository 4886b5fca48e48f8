"""People: what they earn and when, what they have on the account, how they live and buy."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.worlds.agents import assumptions as a

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
STUDENT, PENSIONER, EMPLOYEE = range(3)
FRIENDS = 4
_NEIGHBOURS = 60  # friends live no further away than so many people: circles overlap


@dataclass(slots=True)
class People:
    """One index is a person and the person's bank account; `wallet[i, s]` is the wallet at service s, -1 for none."""

    household: Ints
    region: Ints
    life: Ints
    income: Ints
    payday: Ints
    balance: Ints
    bank: Ints
    rate: Floats
    unit: Ints
    budget: Ints
    prudent: Mask
    rhythm: Ints
    favourite: Ints
    friends: Ints
    wallet: Ints

    @property
    def size(self) -> int:
        """How many."""
        return len(self.income)


def picked(rng: np.random.Generator, table: dict[int, float], size: int) -> Ints:
    """Keys of the table, each as often as its share says."""
    shares = np.array(list(table.values()))
    return rng.choice(np.array(list(table)), size, p=shares / shares.sum())


def born(rng: np.random.Generator, users: int) -> People:
    """People around so many users, none of them with a wallet yet."""
    n = int(users * a.PEOPLE_A_USER)
    sizes = rng.choice(len(a.HOUSEHOLD_SIZES), n, p=a.HOUSEHOLD_SIZES) + 1
    household = np.repeat(np.arange(n), sizes)[:n]
    region_of = rng.integers(0, a.REGIONS, n)
    life = rng.choice(3, n, p=(a.STUDENTS, a.PENSIONERS, 1 - a.STUDENTS - a.PENSIONERS))
    income = (np.array(a.INCOME_YEN)[life] * rng.lognormal(0, a.INCOME_SIGMA, n)).astype(np.int64)
    services = np.array([service.share for service in a.SERVICES])
    first, second = rng.choice(len(services), (2, n), p=services)
    around = np.arange(n)[:, None] + rng.integers(-_NEIGHBOURS, _NEIGHBOURS + 1, (n, FRIENDS))
    return People(
        household=household,
        region=region_of[household],
        life=life,
        income=income,
        # Pensions are paid on the 15th of even months, here half of it each month.
        payday=np.where(life == PENSIONER, 15, picked(rng, a.PAYDAYS, n)),
        balance=(a.BALANCE_MEDIAN_YEN * rng.lognormal(0, a.BALANCE_SIGMA, n)).astype(np.int64)
        // np.where(life == STUDENT, 5, 1),
        bank=rng.choice(len(a.BANKS), n, p=[bank.share for bank in a.BANKS]),
        rate=rng.gamma(a.PURCHASES_SHAPE, a.PURCHASES_A_DAY / a.PURCHASES_SHAPE, n)
        * np.where(life == EMPLOYEE, 1.1, 0.75),
        unit=picked(rng, a.CHARGE_UNITS, n),
        budget=np.where(rng.random(n) < a.BUDGETERS, rng.choice(a.BUDGETS, n), 0),
        prudent=rng.random(n) < a.PRUDENT,
        rhythm=rng.integers(0, 3, n),
        favourite=np.stack((first, second), axis=1),
        friends=around % n,
        wallet=np.full((n, len(a.SERVICES)), -1),
    )


def live(people: People, rng: np.random.Generator, day_of_month: int, last_of_month: int) -> Mask:
    """One day of incomes, rent and all spending but by wallet; returns who was paid. No balance gets below 0."""
    payday = np.minimum(people.payday, last_of_month)
    paid: Mask = payday == day_of_month
    people.balance[paid] += people.income[paid]
    out = people.income / 30 * a.OTHER_SPENDING * rng.exponential(1.0, people.size)
    if day_of_month == a.RENT_DAY:
        out += people.income * a.RENT_OF_INCOME * (people.life != STUDENT)  # they live with their parents
    people.balance -= np.minimum(out.astype(np.int64), people.balance)
    return paid
