"""T3, PIN spray, low and slow: one source guesses at very many accounts; what opens is drained from a fresh wallet."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import LINK, OK, OPEN, PIN4, WRONG_CREDENTIALS
from producers import events, jst
from producers.cases import PROBE
from producers.draws import Rng
from producers.events import Events
from producers.typologies import acts, drain
from producers.typologies.plan import Parameter, Plan, between, bundles

ACCOUNTS = Parameter("accounts", 200, 10_000, "accounts", "tried by one source: assumed (INCIDENT T3)")
SUCCESS = Parameter("success", 1e-4, 1e-2, "share", "of the accounts tried: assumed (INCIDENT T3)")
DAYS = Parameter("days", 1, 180, "days", "a spray lasts: assumed (INCIDENT T3)")
TRIES_A_DAY = Parameter("tries_a_day", 1, 2, "tries", "on one account: a third would lock it (INCIDENT T3)")
VISITS = Parameter("visits", 1, 3, "days", "on which one account is tried: assumed")
PER_WALLET = Parameter("tries_per_wallet", 20, 200, "tries", "before the next wallet is used: assumed")
SUCCESSES = Parameter("successes", 1, 10, "cases", "of one spray: assumed")
DRAIN_DELAY = Parameter("drain_delay_min", 10, 1_440, "min", "PIN found to the drain's wallet opened: assumed")
PARAMETERS = (ACCOUNTS, SUCCESS, DAYS, TRIES_A_DAY, VISITS, PER_WALLET, SUCCESSES, DRAIN_DELAY, *drain.PARAMETERS)

#: A spray tries at most this share of the population: 10,000 tries are too many for a small one.
LARGEST_SHARE = 1 / 6
LAST_HOUR = 22  # of a day's first tries, so that a found PIN can be used on the same day
BETWEEN_TRIES_MIN = (10, 50)  # *assumed*


class Tries(NamedTuple):
    """Tries of one spray in order of time; every array has shape `(n,)`. `account` is an index, victims first."""

    account: npt.NDArray[np.int64]
    moment_ms: npt.NDArray[np.int64]


def generate(rng: Rng, plan: Plan) -> Events:
    """The events of T3: `plan` has the accounts whose PIN is found; tries on others are added."""
    sprays = []
    begins = plan.begins_ms.copy()
    for members in bundles(rng, plan, SUCCESSES):
        sprayed, found_ms, ends_ms = _spray(rng, plan.select(members))
        sprays.append(sprayed)
        delay = between(rng, plan, DRAIN_DELAY, len(members)) * jst.MINUTE_MS
        begins[members] = np.minimum(found_ms + delay, ends_ms - 45 * jst.MINUTE_MS)
    drained = drain.generate(rng, plan._replace(begins_ms=begins))
    return events.concatenate([*sprays, drained])


def _spray(rng: Rng, plan: Plan) -> tuple[Events, npt.NDArray[np.int64], int]:
    """One spray whose successes are the cases of `plan`; when each PIN was found; when the spray ended."""
    begins_ms = int(plan.begins_ms.min() + jst.OFFSET_MS) // jst.DAY_MS * jst.DAY_MS - jst.OFFSET_MS
    until_ms = min(int(plan.link_until_ms.min()), plan.ends_ms)
    low, high = plan.range_of(DAYS)
    days = _log_uniform(rng, low, min(high, max(low, (until_ms - begins_ms) // jst.DAY_MS)))
    size = _accounts_tried(rng, plan)
    tries = _tries(rng, plan, size, begins_ms, days)
    found = _last_tries(tries, plan.size)
    strangers = plan.supply.accounts((plan.account >> np.uint64(40))[rng.integers(0, plan.size, size - plan.size)])
    accounts = np.concatenate([plan.account, strangers])
    result = np.full(len(tries.account), WRONG_CREDENTIALS)
    result[found] = OK
    return _attempts(rng, plan, tries, accounts, result), tries.moment_ms[found], begins_ms + days * jst.DAY_MS


def _attempts(
    rng: Rng, plan: Plan, tries: Tries, accounts: npt.NDArray[np.uint64], result: npt.NDArray[np.int64]
) -> Events:
    """The tries as link attempts from one source, on wallets used one after the other and opened minutes before."""
    size = len(tries.account)
    per_wallet = int(between(rng, plan, PER_WALLET, 1)[0])
    first = np.arange(0, size, per_wallet)
    wallets = plan.supply.wallets(len(first))
    opened = tries.moment_ms[first] - between(rng, plan, acts.LINK_DELAY, len(first)) * jst.SECOND_MS
    campaign, source = plan.supply.campaign(), plan.supply.sources(1)[0]
    cases = np.append(plan.case, np.full(len(accounts) - plan.size, campaign))
    none = np.zeros(size, np.int64)  # what is not given below is the same for all cases
    of = np.arange(size) // per_wallet
    opens = acts.event(
        plan, none[first], opened, kind=OPEN, case=campaign, wallet=wallets, opened_at_ms=opened, source=source
    )
    links = acts.event(
        plan,
        none,
        tries.moment_ms,
        kind=LINK,
        stage=PROBE,
        case=cases[tries.account],
        wallet=wallets[of],
        opened_at_ms=opened[of],
        source=source,
        account=accounts[tries.account],
        auth=PIN4,
        result=result,
    )
    return events.concatenate([opens, links])


def _accounts_tried(rng: Rng, plan: Plan) -> int:
    """How many, so that the share of successes stays in its range."""
    (fewest, most), (rarely, often) = plan.range_of(ACCOUNTS), plan.range_of(SUCCESS)
    least = max(fewest, plan.size / often)
    most = min(most, plan.size / rarely, plan.accounts * LARGEST_SHARE)
    return _log_uniform(rng, least, max(least, most))


def _tries(rng: Rng, plan: Plan, size: int, begins_ms: int, days: int) -> Tries:
    """All tries on `size` accounts: on some days each, at most two a day."""
    visits = np.minimum(between(rng, plan, VISITS, size), days)
    first_day = rng.integers(0, days, size)
    account = np.repeat(np.arange(size), visits)
    turn = np.arange(len(account)) - np.repeat(np.cumsum(visits) - visits, visits)
    # Days apart by a third of the spray, so that no two visits of an account share a day.
    day = (first_day[account] + turn * max(1, days // int(VISITS.high))) % days
    moment = begins_ms + day * jst.DAY_MS + rng.integers(0, LAST_HOUR * jst.HOUR_MS, len(account))
    twice = between(rng, plan, TRIES_A_DAY, len(account)) == TRIES_A_DAY.high
    pause = rng.integers(BETWEEN_TRIES_MIN[0], BETWEEN_TRIES_MIN[1], int(twice.sum())) * jst.MINUTE_MS
    account = np.concatenate([account, account[twice]])
    moment = np.concatenate([moment, moment[twice] + pause])
    order = np.argsort(moment, kind="stable")
    return Tries(account[order], moment[order])


def _last_tries(tries: Tries, victims: int) -> npt.NDArray[np.int64]:
    """Index of the last try on each of the first `victims` accounts."""
    last = np.zeros(victims, np.int64)
    of_victims = np.flatnonzero(tries.account < victims)
    last[tries.account[of_victims]] = of_victims  # in order of time, so that the last one stays
    return last


def _log_uniform(rng: Rng, low: float, high: float) -> int:
    """A whole number from `low` to `high`, small ones as likely as large ones."""
    return int(np.clip(np.ceil(np.exp(rng.uniform(np.log(low), np.log(high)))), np.ceil(low), np.floor(high)))
