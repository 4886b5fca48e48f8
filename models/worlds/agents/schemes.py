"""What thieves plan, as generators: each yields the moment (ms) at which it goes on, and acts when that has come."""

from collections.abc import Callable, Generator
from itertools import chain, repeat

import numpy as np

from detector.contract.vocabulary import INSUFFICIENT, MONTHLY_CAP_YEN, OK, REFUSED
from models.worlds.agents import assumptions as a
from models.worlds.agents import loot, shops
from models.worlds.agents.case import Case, one
from models.worlds.agents.gangs import a_service

Scheme = Generator[int, None, None]
Step = Generator[int, None, int]  # returns the moment at which it ended
SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1_000, 60_000, 3_600_000, 86_400_000


def drain(case: Case, wallet: int, ms: int, yen: int = MONTHLY_CAP_YEN) -> Step:
    """Debit so much in the gang's parts and pace; half as much where the balance is short, until nothing pays."""
    parts = chain(case.gang.split, repeat(case.gang.split[-1]))
    left, most = yen, case.most_yen()
    while left >= loot.LEAST_YEN and most >= loot.LEAST_YEN:
        step = min(next(parts), left, most)
        result = case.debit(wallet, step, ms)
        if result == OK:
            left -= step
        elif result == INSUFFICIENT:
            most = step // 2 // 1_000 * 1_000
        elif result == REFUSED:
            ms += HOUR_MS * 2
        else:
            break
        ms += _pause(case, case.gang.pace_s)
        yield ms
    return ms


def enter(
    case: Case, ms: int, *, attempts: int = 1, wallet: int | None = None
) -> Generator[int, None, tuple[int, int]]:
    """Open a wallet (or take the given one) and link the victim, at the last of so many attempts."""
    if wallet is None:
        wallet = case.open(ms)
        ms += int(case.city.rng.uniform(*loot.OPEN_TO_LINK_MIN) * MINUTE_MS)
        yield ms
    for attempt in range(attempts):
        case.link(wallet, ms, right=attempt == attempts - 1)
        ms += _pause(case, 45)
        yield ms
    return wallet, ms


def buy_goods(case: Case, wallet: int, ms: int, shop: int | None = None, minutes: float = 25) -> Step:
    """Spend all in payments just as large as a barcode allows, at shops of goods that can be sold on."""
    rng = case.city.rng
    while (left := case.balance(wallet)) > 0:
        ms += _pause(case, minutes * 60)
        yield ms
        category = _category(case, ms) if shop is None else shops.ELECTRONICS
        yen = min(left, int(rng.integers(a.BARCODE_YEN // 2, a.BARCODE_YEN + 1)))
        where = shops.shop_of(rng, one(case.gang.region), one(category), rng.integers(0, 1_000, 1))
        case.pay(wallet, yen, ms, int(where[0]) if shop is None else shop, category)
    return ms


def plain(case: Case, ms: int) -> Scheme:
    """T1, and what T5 does with each wallet: open, link, drain to the cap, buy goods."""
    wallet, ms = yield from enter(case, ms, attempts=int(case.city.rng.choice((1, 2), p=(0.8, 0.2))))
    yield from take_all(case, wallet, ms)


def pin_point(case: Case, ms: int) -> Scheme:
    """T4: the same with credentials that are always right."""
    wallet, ms = yield from enter(case, ms)
    yield from take_all(case, wallet, ms)


def take_all(case: Case, wallet: int, ms: int) -> Scheme:
    """Drain to the cap and buy goods; T3 goes on so after an attempt that succeeded."""
    ms = yield from drain(case, wallet, ms + _pause(case, 120))
    yield from buy_goods(case, wallet, ms + _pause(case, 3_600))


def straddle(case: Case, ms: int) -> Scheme:
    """T2: the cap of this month, and on the first of the next its cap too."""
    wallet, ms = yield from enter(case, ms)
    ms = yield from drain(case, wallet, ms)
    ms = yield from buy_goods(case, wallet, ms)
    turn = case.city.day.begin_ms + (case.city.day.last_of_month - case.city.day.date.day + 1) * DAY_MS
    ms = max(ms, turn + int(case.city.rng.uniform(0.01, 1.5) * DAY_MS)) if case.city.day.date.day >= 28 else ms
    yield ms
    yield from take_all(case, wallet, ms)


def sleeper(case: Case, ms: int) -> Scheme:
    """T6: link now, debit days later."""
    wallet, ms = yield from enter(case, ms)
    ms += int(case.city.rng.uniform(1, min(30, max(2, case.city.day.left))) * DAY_MS)
    yield ms
    yield from take_all(case, wallet, ms)


def hops(case: Case, ms: int) -> Scheme:
    """T7: drain, unlink, and again with a fresh wallet that has a cap of its own."""
    for _ in range(int(case.city.rng.integers(2, 6))):
        wallet, ms = yield from enter(case, ms)
        ms = yield from drain(case, wallet, ms)
        if not case.city.wallets.taken[wallet]:
            return  # the account is empty
        ms = yield from buy_goods(case, wallet, ms, minutes=8)
        case.unlink(wallet, ms + SECOND_MS)
        ms += _pause(case, 1_800)
        yield ms


def mule(case: Case, ms: int) -> Scheme:
    """T8: one buyer spends it within a day in many payments."""
    wallet, ms = yield from enter(case, ms)
    ms = yield from drain(case, wallet, ms)
    yield from buy_goods(case, wallet, ms + _pause(case, 900), minutes=12)


def fan_out(case: Case, ms: int) -> Scheme:
    """T9: to two to six wallets, from them to one, which buys."""
    wallet, ms = yield from enter(case, ms)
    ms = yield from drain(case, wallet, ms)
    collector, others = case.open(ms), []
    for _ in range(int(case.city.rng.integers(2, 7))):
        ms += _pause(case, 90)
        yield ms
        others.append(case.open(ms))
    for rank, other in enumerate(others):
        ms += _pause(case, 40)
        yield ms
        if (part := case.balance(wallet) // (len(others) - rank)) > 0:
            case.send(wallet, other, part, ms)
    for other in others:
        ms += _pause(case, 400)
        yield ms
        if case.balance(other) > 0:
            case.send(other, collector, case.balance(other), ms)
    yield from buy_goods(case, collector, ms)


def sweep(case: Case, ms: int) -> Scheme:
    """T10: through several services in a day, at each below its cap."""
    rng = case.city.rng
    services = {case.service, *(a_service(rng) for _ in range(6))}
    for service in sorted(services)[: int(rng.integers(2, 5))]:
        case.service = service
        wallet, ms = yield from enter(case, ms)
        ms = yield from drain(case, wallet, ms, int(rng.integers(30, 121)) * 1_000)
        ms = yield from buy_goods(case, wallet, ms, minutes=6)
        ms += _pause(case, 1_800)
        yield ms


def tested(case: Case, ms: int) -> Scheme:
    """T11: one or two small debits first, the rest hours or days later."""
    rng = case.city.rng
    wallet, ms = yield from enter(case, ms)
    for _ in range(int(rng.integers(1, 3))):
        case.debit(wallet, int(rng.integers(1, 6)) * 1_000, ms, loot.TEST)
        ms += _pause(case, 600)
        yield ms
    ms += int(rng.uniform(2, 60) * HOUR_MS)
    yield ms
    left = MONTHLY_CAP_YEN - int(case.city.wallets.taken[wallet])
    ms = yield from drain(case, wallet, ms, left)
    yield from buy_goods(case, wallet, ms)


def verified(case: Case, ms: int) -> Scheme:
    """T12: with a wallet whose owner was verified long ago."""
    wallet, ms = yield from enter(case, ms, wallet=case.take_verified(ms))
    yield from take_all(case, wallet, ms)


def burst(case: Case, ms: int, shop: int, at_ms: int) -> Scheme:
    """T13: like T1, but all cases of the gang spend at one shop within hours."""
    wallet, ms = yield from enter(case, ms)
    ms = yield from drain(case, wallet, ms)
    ms = max(ms, at_ms + int(case.city.rng.exponential(1.2) * HOUR_MS))
    yield ms
    yield from buy_goods(case, wallet, ms, shop, minutes=5)


#: Plans of cases that a gang tries one by one; T3, T5 and T13 are campaigns of many.
SINGLE: dict[str, Callable[[Case, int], Scheme]] = {
    "T1": plain,
    "T2": straddle,
    "T4": pin_point,
    "T6": sleeper,
    "T7": hops,
    "T8": mule,
    "T9": fan_out,
    "T10": sweep,
    "T11": tested,
    "T12": verified,
}


def _category(case: Case, ms: int) -> int:
    """Which kind of shop that is open."""
    hour = (ms - case.city.day.begin_ms) // HOUR_MS
    is_open = loot.SHOP_HOURS[0] <= hour < loot.SHOP_HOURS[1]
    return int(case.city.rng.choice(shops.RESOLD)) if is_open else shops.CONVENIENCE


def _pause(case: Case, median_s: float) -> int:
    """A pause around so many seconds, in ms."""
    return int(median_s * SECOND_MS * case.city.rng.lognormal(0, 0.35)) + SECOND_MS


def waits(rng: np.random.Generator, mean_ms: float) -> int:
    """A memoryless wait, in ms."""
    return 1 + int(rng.exponential(mean_ms))
