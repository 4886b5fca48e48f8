"""A tie between a bank account and a wallet, as columns, and the habits of its owner."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from producers import banks, jst, season
from producers.draws import Rng, exponential_ms, mix64, pick

DAILY_END_RATE = 0.00013  # ties that end, about 4 % a month with the dormant; *assumed*

#: What a charge is: yen and how many owners prefer it; *assumed*, the press names 1,000 … 30,000 as usual.
USUAL_AMOUNTS = (1_000, 2_000, 3_000, 5_000, 10_000, 20_000, 30_000, 50_000, 100_000)
AMOUNT_WEIGHTS = (0.10, 0.09, 0.14, 0.21, 0.25, 0.11, 0.06, 0.03, 0.01)
USUAL_MONTH_YEN = 100_000  # owners of large charges charge seldom, so that few meet the monthly cap; *assumed*
HEAVY_SHARE = 0.007  # of ties: the whole monthly cap now and then; *assumed*

#: When an owner charges: any day, on and after pay-day, by standing order, whenever the balance is low.
FREE, PAY_DAY, MONTHLY, THRESHOLD = range(4)
HABIT_WEIGHTS = (0.58, 0.24, 0.06, 0.12)

#: Wrong tries before the right one, 0 … 3; *assumed*: one in twelve mistypes. The third locks the method for a day.
FUMBLE_WEIGHTS = (0.915, 0.062, 0.016, 0.007)
PAUSE_MS = (15 * jst.SECOND_MS, 40 * jst.SECOND_MS)  # until the next try
LOCKED_MS = jst.DAY_MS

HOUSEHOLD, CARRIER, CAMPUS, ODD, COUNTER = range(1, 6)  # kinds of source, in the top bits of its number
#: Carriers lead thousands of subscribers through one address, a campus its students; accounts for one more address
#: of each, and the share of wallets used on a campus; *assumed*.
ACCOUNTS_PER_CARRIER, ACCOUNTS_PER_CAMPUS, CAMPUS_SHARE = 1_500, 4_000, 0.05
CARRIER_SKEW = 1.6  # some addresses carry several times as many subscribers as others; *assumed*


class Ties(NamedTuple):
    """`n` ties of an account to a wallet; every array has shape `(n,)`; moments in epoch ms UTC.

    A wallet with two accounts has two ties, alike in all that is said of the wallet.
    """

    account: npt.NDArray[np.uint64]
    wallet: npt.NDArray[np.uint64]
    service: npt.NDArray[np.int8]
    opened_at_ms: npt.NDArray[np.int64]
    opens: npt.NDArray[np.bool_]  # the wallet is new with this tie
    verified: npt.NDArray[np.bool_]
    pin: npt.NDArray[np.bool_]  # linked with the PIN alone
    linked_at_ms: npt.NDArray[np.int64]  # first attempt
    fumbles: npt.NDArray[np.int8]  # wrong tries before the right one
    first_charge_ms: npt.NDArray[np.int64]
    ended_at_ms: npt.NDArray[np.int64]
    charges_a_month: npt.NDArray[np.float64]
    usual_yen: npt.NDArray[np.int64]
    habit: npt.NDArray[np.int8]
    hour: npt.NDArray[np.float64]  # preferred hour of the day
    home: npt.NDArray[np.uint64]  # source shared with the household
    away: npt.NDArray[np.uint64]  # carrier or campus, shared with many
    heavy: npt.NDArray[np.bool_]  # charges the whole monthly cap now and then
    replaces: npt.NDArray[np.int64]  # index of the tie that ends with this one, -1 for none
    counter: npt.NDArray[np.uint64]  # source of a shop's counter where the wallet was set up, 0 for none

    def select(self, which: Any) -> "Ties":
        """The ties at `which` (slice, index array or mask)."""
        return Ties(*(column[which] for column in self))


def concatenate(parts: list[Ties]) -> Ties:
    """All ties of `parts`, in order."""
    return Ties(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def once(made: Ties) -> Ties:
    """The ties in their order, each pair of an account and a wallet where it comes first."""
    pairs = mix64(made.account) ^ made.wallet  # as good as the pair itself: no two are alike by chance
    return made.select(np.sort(np.unique(pairs, return_index=True)[1]))


def source(kind: int, numbers: npt.NDArray[Any]) -> npt.NDArray[np.uint64]:
    """The sources of one kind with these numbers."""
    return np.uint64(kind << 60) | numbers.astype(np.uint64)


def first_moments(month: int) -> tuple[int, int]:
    """The moment the numbered month begins, and the moment the next one does, epoch ms UTC."""
    return jst.midnight_ms(jst.first_day(month)), jst.midnight_ms(jst.first_day(month + 1))


def fumbles(rng: Rng, size: int) -> npt.NDArray[np.int8]:
    """How often each of `size` owners mistypes."""
    drawn: npt.NDArray[np.int8] = pick(rng, np.arange(len(FUMBLE_WEIGHTS), dtype=np.int8), FUMBLE_WEIGHTS, size)
    return drawn


def linked_by_ms(linked_at_ms: npt.NDArray[np.int64], fumbled: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """When the tie surely is there: after the longest pauses between the tries, and a day where they locked it."""
    longest = np.array([0, PAUSE_MS[1], 2 * PAUSE_MS[1], 2 * PAUSE_MS[1] + LOCKED_MS])
    by: npt.NDArray[np.int64] = linked_at_ms + longest[fumbled]
    return by


def with_habits(rng: Rng, *, accounts: int, **known: npt.NDArray[Any]) -> Ties:
    """Ties of the known columns, the others drawn as owners are in a population of `accounts`."""
    size = len(known["account"])
    usual_yen = pick(rng, USUAL_AMOUNTS, AMOUNT_WEIGHTS, size)
    drawn = {
        "pin": rng.random(size) < _pin_shares(known["account"]),
        "fumbles": fumbles(rng, size),
        "ended_at_ms": known["linked_at_ms"] + jst.DAY_MS + exponential_ms(rng, jst.DAY_MS / DAILY_END_RATE, size),
        "charges_a_month": np.minimum(rng.gamma(0.9, 6.0, size), 0.5 + USUAL_MONTH_YEN / usual_yen),
        "usual_yen": usual_yen,
        "habit": pick(rng, np.arange(4, dtype=np.int8), HABIT_WEIGHTS, size),
        "hour": pick(rng, np.arange(24), season.HOURS, size) + rng.random(size),
        "away": _away(rng, size, accounts),
        "heavy": rng.random(size) < HEAVY_SHARE,
        "replaces": np.full(size, -1, np.int64),
        "counter": np.zeros(size, np.uint64),
    }
    return Ties(**{**drawn, **known})


def _away(rng: Rng, size: int, accounts: int) -> npt.NDArray[np.uint64]:
    carriers, campuses = 4 + accounts // ACCOUNTS_PER_CARRIER, 2 + accounts // ACCOUNTS_PER_CAMPUS
    return np.where(
        rng.random(size) < CAMPUS_SHARE,
        source(CAMPUS, rng.integers(0, campuses, size)),
        source(CARRIER, carriers * rng.random(size) ** CARRIER_SKEW),
    )


def _pin_shares(account: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    by_code = np.zeros(int(banks.CODES.max()) + 1)
    by_code[banks.CODES] = banks.PIN_SHARES
    return by_code[(account >> np.uint64(40)).astype(np.int64)]
