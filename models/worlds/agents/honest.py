"""A day of honest life: purchases and the charges they need, big purchases, friends, new phones."""

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import MONTHLY_CAP_YEN, OK, PURCHASE
from models.worlds.agents import assumptions as a
from models.worlds.agents import shops
from models.worlds.agents.addresses import UNKNOWN
from models.worlds.agents.city import STORED, City
from models.worlds.agents.wallets import NOBODY

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
NO_WALLET = -1
_MINUTE_MS = 60_000
#: When people buy: peaks of the day in hours (before work, lunch, after work, late), and who prefers which.
_PEAKS = np.array([7.9, 12.3, 18.4, 21.3])
_RHYTHMS = np.array([(0.35, 0.25, 0.3, 0.1), (0.15, 0.35, 0.35, 0.15), (0.05, 0.2, 0.3, 0.45)])


def moments(city: City, who: Ints) -> Ints:
    """A moment of the day for each person, by the person's rhythm."""
    rng = city.rng
    peak = (rng.random((len(who), 1)) > np.cumsum(_RHYTHMS, axis=1)[city.people.rhythm[who], :-1]).sum(axis=1)
    hours = np.clip(rng.normal(_PEAKS[peak], 1.3), 0.2, 23.9)
    ms: Ints = city.day.begin_ms + (hours * 60 * _MINUTE_MS).astype(np.int64)
    return ms


def in_use(city: City, who: Ints) -> Ints:
    """The wallet each person would use now: mostly of the first service, else of the second; `NO_WALLET` for none."""
    favourite = city.people.favourite[who]
    swap = city.rng.random(len(who)) < 0.3
    favourite = np.where(swap[:, None], favourite[:, ::-1], favourite)
    first, second = (city.people.wallet[who, favourite[:, i]] for i in (0, 1))
    return np.where(_linked(city, first), first, np.where(_linked(city, second), second, NO_WALLET))


def buy(city: City, paid: Mask) -> None:
    """All purchases of a day, one after the other for each person; `paid`: who got an income today."""
    rng, people = city.rng, city.people
    mean = people.rate * (a.WEEKEND_PURCHASES if city.day.weekend else 1)
    count = np.minimum(rng.poisson(mean), a.MOST_PURCHASES)
    allowance = np.where(paid, people.budget, 0)
    count[allowance > 0] = np.maximum(count[allowance > 0], 1)
    bonus = city.plans.bonus[people.favourite[:, 0], city.day.number]
    planned = np.where(rng.random(people.size) < a.CAMPAIGN_CHARGES, np.maximum(allowance, bonus), allowance)
    count[(people.wallet < 0).all(axis=1)] = 0
    who = np.flatnonzero(count)
    ms = np.stack([moments(city, who) for _ in range(a.MOST_PURCHASES)], axis=1)
    ms[np.arange(a.MOST_PURCHASES) >= count[who, None]] = np.iinfo(np.int64).max
    ms.sort(axis=1)
    for turn in range(a.MOST_PURCHASES):
        now = count[who] > turn
        budget = planned[who[now]] * (turn == 0)
        _buy_once(city, who[now], ms[now, turn], budget)


def _buy_once(city: City, who: Ints, ms: Ints, budget: Ints) -> None:
    wallet = in_use(city, who)
    has = wallet != NO_WALLET
    who, wallet, ms, budget = who[has], wallet[has], ms[has], budget[has]
    ms = city.wallets.not_before(wallet, ms + _MINUTE_MS, city.day.end_ms)
    source = city.addresses.of(who, ms, city.services(wallet))
    category, yen = shops.wishes(city.rng, len(who))
    stored = STORED[city.services(wallet)]
    able = np.zeros(len(who), bool)
    able[~stored] = OK == city.debit(wallet[~stored], yen[~stored], ms[~stored] - 1_000, source[~stored], PURCHASE)
    short = yen - city.wallets.balance[wallet]
    charge = np.where(stored & ((short > 0) | (budget > 0)), _charge(city, who, wallet, short, budget), 0)
    now = np.flatnonzero(charge)
    auto = (city.wallets.auto_yen[wallet] > 0)[now]
    before_ms = np.where(auto, 1_500, city.rng.integers(6_000, _MINUTE_MS, len(now)))
    # An automatic charge is the service's own act: it has no address.
    city.debit(wallet[now], charge[now], ms[now] - before_ms, np.where(auto, UNKNOWN, source[now]))
    able[stored] = city.wallets.balance[wallet[stored]] >= yen[stored]
    shop = shops.shop_of(city.rng, city.people.region[who], category, who)
    city.pay(wallet[able], yen[able], ms[able], source[able], shop[able], category[able])


def _charge(city: City, who: Ints, wallet: Ints, short: Ints, budget: Ints) -> Ints:
    """How much each charges: by habit, or what is left of balance and cap if they look; 0 if it does not help."""
    people, wallets = city.people, city.wallets
    unit = np.where(wallets.auto_yen[wallet] > 0, wallets.auto_yen[wallet], people.unit[who])
    least = -(-np.maximum(short, 1) // 1_000) * 1_000
    wanted = np.where(budget > 0, np.maximum(budget, least), -(-np.maximum(short, 1) // unit) * unit)
    room = np.minimum(people.balance[wallets.account[wallet]], MONTHLY_CAP_YEN - wallets.taken[wallet])
    modest = np.where(least <= room, least, 0)
    return np.where(people.prudent[who] & (wanted > room), modest, wanted)


def buy_big(city: City) -> None:
    """Big purchases of people who have a wallet."""
    rng, people = city.rng, city.people
    chance = a.BIG_A_DAY * (a.BIG_ON_THE_FIRST if city.day.date.day <= 2 else 1)
    who = np.flatnonzero(rng.random(people.size) < chance)
    wallet = in_use(city, who)
    fits = (wallet != NO_WALLET) & STORED[city.services(wallet)]
    who, wallet = who[fits], wallet[fits]
    ms = city.wallets.not_before(wallet, moments(city, who), city.day.end_ms)
    buy_one_big(city, who, wallet, ms)


def buy_one_big(city: City, who: Ints, wallet: Ints, ms: Ints) -> None:
    """Each of these charges the linked wallet several times from that moment on, and spends it."""
    rng, people = city.rng, city.people
    room = np.minimum(people.balance[city.wallets.account[wallet]], MONTHLY_CAP_YEN - city.wallets.taken[wallet])
    need = (a.BIG_MEDIAN_YEN * rng.lognormal(0, a.BIG_SIGMA, len(who)) // 1_000 * 1_000).astype(np.int64)
    need = np.where(rng.random(len(who)) < a.BIG_TO_THE_CAP, MONTHLY_CAP_YEN, need)
    need = np.where(people.prudent[who], np.minimum(need, room), need)
    limit = rng.choice(a.DEBIT_LIMITS, len(who))
    source = city.addresses.of(who, ms, city.services(wallet))
    charged = np.zeros(len(who), np.int64)
    trying = need > 0
    while trying.any():
        now = np.flatnonzero(trying)
        step = np.minimum(limit[now], need[now] - charged[now])
        ok = city.debit(wallet[now], step, ms[now], source[now]) == OK
        charged[now[ok]] += step[ok]
        trying[now[~ok]] = False
        trying &= charged < need
        ms = np.minimum(ms + rng.lognormal(np.log(25_000), 0.7, len(who)).astype(np.int64), city.day.end_ms - 1)
    _spend_all(city, who, wallet, charged, ms, source)


def _spend_all(city: City, who: Ints, wallet: Ints, yen: Ints, ms: Ints, source: Ints) -> None:
    """Spend so much at one shop, in payments as large as a barcode allows."""
    rng = city.rng
    category = np.where(rng.random(len(who)) < 0.5, shops.ELECTRONICS, shops.ONLINE)
    shop = shops.shop_of(rng, city.people.region[who], category, who)
    left = yen.copy()
    while (left > 0).any():
        now = np.flatnonzero(left > 0)
        step = np.minimum(left[now], a.BARCODE_YEN)
        ms = np.minimum(ms + rng.integers(_MINUTE_MS, 15 * _MINUTE_MS, len(who)), city.day.end_ms - 1)
        city.pay(wallet[now], step, ms[now], source[now], shop[now], category[now])
        left[now] -= step


def share(city: City) -> None:
    """Friends pay each other their part of a bill; a few move money back to their bank."""
    rng, people = city.rng, city.people
    who = np.flatnonzero(rng.random(people.size) < a.TRANSFERS_A_DAY)
    friend = people.friends[who, rng.integers(0, people.friends.shape[1], len(who))]
    service = people.favourite[who, 0]
    wallet, to = people.wallet[who, service], people.wallet[friend, service]
    yen = rng.choice(a.TRANSFER_YEN, len(who))
    able = (wallet >= 0) & (to >= 0) & (wallet != to) & (city.wallets.balance[wallet] >= yen)
    who, wallet, to, yen = who[able], wallet[able], to[able], yen[able]
    ms = city.wallets.not_before(wallet, moments(city, who), city.day.end_ms)
    city.send(wallet, to, yen, ms, city.addresses.of(who, ms, city.services(wallet)))
    who = np.flatnonzero(rng.random(people.size) < a.PAYOUTS_A_DAY)
    wallet = people.wallet[who, people.favourite[who, 0]]
    able = (wallet >= 0) & (city.wallets.balance[wallet] >= 1_000) & city.wallets.verified[wallet]
    who, wallet = who[able], wallet[able]
    ms = city.wallets.not_before(wallet, moments(city, who), city.day.end_ms)
    yen = np.minimum(city.wallets.balance[wallet], a.PAYOUT_YEN)
    city.pay_out(wallet, yen, ms, city.addresses.of(who, ms, city.services(wallet)))


def change(city: City) -> None:
    """New phones (the account is linked again), links given up, wallets verified."""
    rng = city.rng
    honest = city.wallets.owner[: city.wallets.size] != NOBODY
    wallet = np.flatnonzero(honest & (city.wallets.account[: city.wallets.size] >= 0))
    chance = rng.random(len(wallet))
    leaves = wallet[chance < a.LEAVING_A_DAY]
    phone = wallet[(chance > 1 - 1 / (365 * a.PHONE_YEARS))]
    for group in (leaves, phone):
        who = city.wallets.owner[group].astype(np.int64)
        ms = city.wallets.not_before(group, moments(city, who), city.day.end_ms)
        account = city.wallets.account[group].astype(np.int64)
        city.unlink(group, ms, city.addresses.of(who, ms, city.services(group)))
        if group is phone:
            link_with_care(city, who, group, account, ms + rng.integers(_MINUTE_MS, 40 * _MINUTE_MS, len(group)))
    proves = np.flatnonzero(honest & (rng.random(len(honest)) < a.VERIFYING_A_DAY))
    city.wallets.verified[proves] = True


def link_with_care(city: City, who: Ints, wallet: Ints, account: Ints, ms: Ints) -> tuple[Mask, Ints]:
    """Link accounts, typing again after a mistake; the third mistake locks. Returns who succeeded, and when."""
    ms = np.minimum(ms, city.day.end_ms - 1)
    source = city.addresses.of(who, ms, city.services(wallet))
    errs = np.array(a.MISTYPED)[city.auth(account)]
    done = np.zeros(len(who), bool)
    for attempt in range(3):
        now = np.flatnonzero(~done)
        right = city.rng.random(len(now)) >= errs[now]
        done[now[right]] = True
        if attempt < 2:
            city.try_link(wallet[now], account[now], ms[now], source[now], right)
        else:
            city.try_link(wallet[now[right]], account[now[right]], ms[now[right]], source[now[right]], right[right])
            lost = now[~right]
            city.lock(wallet[lost], account[lost], ms[lost], source[lost])
        wait = city.rng.integers(15_000, 90_000, len(who))
        ms = np.where(done, ms, np.minimum(ms + wait, city.day.end_ms - 1))
    return done, ms


def _linked(city: City, wallet: Ints) -> Mask:
    linked: Mask = (wallet >= 0) & (city.wallets.account[wallet] >= 0)
    return linked
