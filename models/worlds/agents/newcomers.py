"""Who begins with a wallet: at the start of the world, and day by day, above all when a campaign pays for it."""

import numpy as np
import numpy.typing as npt

from models.worlds.agents import assumptions as a
from models.worlds.agents import shops
from models.worlds.agents.city import HONEST, STORED, City
from models.worlds.agents.honest import buy_one_big, link_with_care, moments
from models.worlds.agents.people import STUDENT

Ints = npt.NDArray[np.int64]
_MINUTE_MS = 60_000
_DAY_MS = 86_400_000
_VERIFIED = np.array([service.verified for service in a.SERVICES])
_AUTO = np.array([service.auto_charge for service in a.SERVICES])
_SHARES = np.array([service.share for service in a.SERVICES])
_FIRST_VERIFIED = 0.35  # of those who would verify, who have done so when they open: the others see no need yet
_AGE_DAYS = 300.0  # mean age of a wallet at the start: services were one to three years old
_AUTO_YEN = (3_000, 5_000, 10_000)


def settle(city: City, users: int) -> None:
    """Give so many people the wallets they have had for long; nothing of it is in the journal."""
    rng = city.rng
    who = rng.permutation(city.people.size)[:users]
    for rank, owners in ((0, who), (1, who[rng.random(users) < a.SECOND_WALLET])):
        favourite = city.people.favourite[owners, rank]
        free = city.people.wallet[owners, favourite] < 0
        chosen, service = owners[free], favourite[free]
        age_ms = (rng.exponential(_AGE_DAYS, len(chosen)) * _DAY_MS).astype(np.int64)
        opened_ms = city.day.begin_ms - np.minimum(age_ms, 1_200 * _DAY_MS) - rng.integers(1, _DAY_MS, len(chosen))
        wallet = city.wallets.add(chosen, service, opened_ms, rng.random(len(chosen)) < _VERIFIED[service])
        city.wallets.account[wallet] = chosen
        city.wallets.balance[wallet] = rng.integers(0, city.people.unit[chosen]) * STORED[service]
        _settings(city, chosen, wallet)


def begin(city: City, users: int) -> None:
    """People who open a wallet today, link an account and charge, most of them within the hour."""
    who, service = _deciders(city, users)
    ms = moments(city, who)
    wallet = city.people.wallet[who, service]
    new = wallet < 0
    source = city.addresses.of(who, ms, service.astype(np.int8))
    verified = city.rng.random(len(who)) < _VERIFIED[service] * _FIRST_VERIFIED
    wallet[new] = city.open(who[new], service[new], ms[new], source[new], verified=verified[new], mark=HONEST)
    _settings(city, who[new], wallet[new])
    at_once = city.rng.random(len(who)) < a.LINK_AT_ONCE
    who, service, wallet, ms = who[at_once], service[at_once], wallet[at_once], ms[at_once]
    ms = city.wallets.not_before(wallet, ms + _minutes(city, a.OPEN_TO_LINK_MIN, len(who)), city.day.end_ms)
    done, ms = link_with_care(city, who, wallet, _account(city, who), ms)
    _first_charge(city, who[done], service[done], wallet[done], ms[done])


def _deciders(city: City, users: int) -> tuple[Ints, Ints]:
    """Who begins with which service today: people without a link there, more of them where a campaign runs."""
    rng, people = city.rng, city.people
    bonus = city.plans.bonus[:, city.day.number] > 0
    pull = _SHARES / _SHARES.sum() * np.where(bonus, a.CAMPAIGN_PULL, 1.0)
    known = (people.wallet >= 0).any(axis=1)
    weight = np.where(known, a.KNOWN_TO_NEW, 1.0)
    chance = a.BEGUN_A_DAY * users * pull.sum() * weight / weight.sum()
    who = np.flatnonzero(rng.random(people.size) < chance)
    service = rng.choice(len(pull), len(who), p=pull / pull.sum())
    wallet = people.wallet[who, service]
    free = (wallet < 0) | (city.wallets.account[wallet] < 0)
    return who[free], service[free]


def _account(city: City, who: Ints) -> Ints:
    """The account each links: one's own, or of somebody of the household."""
    rng, people = city.rng, city.people
    next_to = np.minimum(who + 1, people.size - 1)
    child = (people.life[who] == STUDENT) & (people.household[who] == people.household[next_to])
    return np.where(child & (rng.random(len(who)) < a.CHILD_ON_PARENTS_ACCOUNT), next_to, who)


def _first_charge(city: City, who: Ints, service: Ints, wallet: Ints, ms: Ints) -> None:
    """The first charges: what the campaign asks for, or a habit; some charge more than once."""
    rng = city.rng
    now = STORED[service] & (rng.random(len(who)) < a.CHARGE_AT_ONCE)
    who, service, wallet, ms = who[now], service[now], wallet[now], ms[now]
    big = rng.random(len(who)) < a.BEGUN_FOR_A_BIG_ONE
    buy_one_big(city, who[big], wallet[big], ms[big] + _minutes(city, a.LINK_TO_CHARGE_MIN, int(big.sum())))
    who, service, wallet, ms = who[~big], service[~big], wallet[~big], ms[~big]
    bonus = city.plans.bonus[service, city.day.number]
    asked = (bonus > 0) & (rng.random(len(who)) < 0.65)
    yen = np.where(asked, bonus, city.people.unit[who])
    times = 1 + rng.binomial(3, 0.06, len(who))  # not sure that it worked, or a limit of the first days
    source = city.addresses.of(who, ms, city.services(wallet))
    for turn in range(int(times.max(initial=0))):
        ms = np.minimum(ms + _minutes(city, a.LINK_TO_CHARGE_MIN, len(who)), city.day.end_ms - 1)
        again = times > turn
        city.debit(wallet[again], yen[again], ms[again], source[again])
    category, yen = shops.wishes(rng, len(who))
    pays = (rng.random(len(who)) < a.PAY_AT_ONCE) & (city.wallets.balance[wallet] >= yen)
    ms = np.minimum(ms + _minutes(city, 20.0, len(who)), city.day.end_ms - 1)
    shop = shops.shop_of(rng, city.people.region[who], category, who)
    city.pay(wallet[pays], yen[pays], ms[pays], source[pays], shop[pays], category[pays])


def _settings(city: City, who: Ints, wallet: Ints) -> None:
    """What owners set: automatic charges; and the wallet becomes theirs for that service."""
    service = city.wallets.service[wallet].astype(np.int64)
    auto = _AUTO[service] & (city.rng.random(len(who)) < a.AUTO_CHARGE)
    city.wallets.auto_yen[wallet] = np.where(auto, city.rng.choice(_AUTO_YEN, len(who)), 0)
    city.people.wallet[who, service] = wallet
    has_first = city.people.wallet[who, city.people.favourite[who, 0]] >= 0
    rank = np.where(has_first, 1, 0)
    own = service != city.people.favourite[who, 0]
    city.people.favourite[who[own], rank[own]] = service[own]


def _minutes(city: City, median: float, size: int) -> Ints:
    """Waits around so many minutes, in ms."""
    return (median * _MINUTE_MS * city.rng.lognormal(0, 1.0, size)).astype(np.int64)
