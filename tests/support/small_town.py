"""A history made by hand: three hundred people of three banks over forty days, and seven newcomers a day."""

import datetime as dt
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa

from detector.jst import DAY_MS, JST_MS
from models.worlds.world import EVENTS

FIRST = dt.date(2020, 7, 12)
DAYS, PEOPLE, NEWCOMERS = 40, 300, 7
BEGINS_MS = (FIRST - dt.date(1970, 1, 1)).days * DAY_MS - JST_MS
BANKS, SERVICES = ("0005", "0116", "9900"), ("paypay", "d_payment", "merpay")
CARRIERS = tuple(f"carrier-{number}" for number in range(10))
UNKNOWN = 0.05  # of the sources
PAY_DAY = 25


class _Town:
    def __init__(self) -> None:
        self.rng = np.random.default_rng(20)
        self.lines: list[dict[str, Any]] = []
        self.people: list[dict[str, Any]] = []
        self.count = 0

    def live(self) -> None:
        for _ in range(PEOPLE):
            self.people.append(self.person(opened_ms=BEGINS_MS - int(self.rng.integers(1, 300)) * DAY_MS))
        for day in range(DAYS):
            pay_day = (FIRST + dt.timedelta(day)).day == PAY_DAY
            for person in list(self.people):
                self.a_day(person, day, busy=3 if pay_day else 1)
            for _ in range(NEWCOMERS):
                self.comes(day)
            self.leaves(day)

    def person(self, opened_ms: int) -> dict[str, Any]:
        number = self.count = self.count + 1
        return {
            "service": SERVICES[number % 3],
            "wallet": f"wallet-{number}",
            "wallet_opened_at_ms": opened_ms,
            "wallet_verified": number % 2 == 0,
            "bank": BANKS[number % 3],
            "account": f"{number:016x}",
            "home": f"home-{number}",
            "usual": int(self.rng.choice([3_000, 5_000, 10_000, 20_000])),
        }

    def a_day(self, person: dict[str, Any], day: int, busy: int) -> None:
        for _ in range(self.rng.poisson(0.3 * busy)):
            self.write(person, "debit", self.at(day), result="ok", purpose="charge", amount_yen=person["usual"])
        if self.rng.random() < 0.02:
            self.write(person, "debit", self.at(day), result="insufficient", purpose="charge", amount_yen=90_000)
        for _ in range(self.rng.poisson(0.4 * busy)):
            yen, shop = int(self.rng.integers(100, 30_000)), f"shop-{self.rng.integers(20)}"
            self.write(person, "payment", self.at(day), amount_yen=yen, shop=shop, shop_category="grocery")
        if self.rng.random() < 0.05:
            self.write(person, "transfer", self.at(day), amount_yen=2_000, counterparty=f"wallet-{day}")
        if self.rng.random() < 0.02:
            self.write(person, "payout", self.at(day), amount_yen=10_000)

    def comes(self, day: int) -> None:
        opened_ms = self.at(day)
        person = self.person(opened_ms)
        if self.rng.random() < 0.3:  # another wallet of somebody known
            known = self.people[int(self.rng.integers(PEOPLE))]
            person |= {"bank": known["bank"], "account": known["account"], "home": known["home"]}
        self.people.append(person)
        self.write(person, "open", opened_ms)
        at_ms = opened_ms + int(self.rng.integers(60_000, 3_000_000))
        if self.rng.random() < 0.2:
            self.write(person, "link", at_ms - 30_000, auth="pin4", result="wrong_credentials")
        self.write(person, "link", at_ms, auth=str(self.rng.choice(["pin4", "otp"])), result="ok")
        for number in range(int(self.rng.integers(1, 4))):
            later_ms = at_ms + (number + 1) * int(self.rng.integers(60_000, 900_000))
            self.write(person, "debit", later_ms, result="ok", purpose="charge", amount_yen=person["usual"])

    def leaves(self, day: int) -> None:
        person = self.people.pop(int(self.rng.integers(len(self.people))))
        self.write(person, "unlink", BEGINS_MS + (day + 1) * DAY_MS - 1)
        self.people.append(self.person(BEGINS_MS - DAY_MS))  # somebody else, known as long

    def at(self, day: int) -> int:
        return BEGINS_MS + day * DAY_MS + int(self.rng.integers(8 * 3_600_000, 20 * 3_600_000))

    def write(self, person: dict[str, Any], kind: str, at_ms: int, **fields: Any) -> None:
        line = {name: person[name] for name in ("service", "wallet", "wallet_opened_at_ms", "wallet_verified")}
        if kind in {"link", "unlink", "debit"}:
            line |= {"bank": person["bank"], "account": person["account"]}
        known = str(self.rng.choice([person["home"], CARRIERS[at_ms % 10]]))
        source = "" if self.rng.random() < UNKNOWN else known
        self.lines.append(line | {"kind": kind, "occurred_at_ms": at_ms, "source": source} | fields)


@cache
def small_town() -> pa.Table:
    """All events in order of arrival; one in fifty is ten minutes late, one in fifty comes twice."""
    town = _Town()
    town.live()
    lines = sorted(town.lines, key=lambda line: int(line["occurred_at_ms"]))
    lines = [line | {"event_id": f"event-{number}"} for number, line in enumerate(lines)]
    late = town.rng.random(len(lines)) < 0.02
    arrivals = [(line["occurred_at_ms"] + 600_000 * int(slow), line) for line, slow in zip(lines, late, strict=True)]
    arrivals += [(at_ms + 5_000, line) for at_ms, line in arrivals if town.rng.random() < 0.02]
    arrivals.sort(key=lambda arrival: int(arrival[0]))
    return pa.Table.from_pylist([line for _, line in arrivals], schema=EVENTS)
