"""Shops: how many, of which kinds, and where a wallet's owner buys."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import ABSENT
from producers.draws import Rng, fraction, pick


class Kind(NamedTuple):
    """A kind of shop: how many of a hundred shops are of it, and what a purchase costs there; all *assumed*."""

    name: str
    weight: int
    median_yen: int
    sigma: float


KINDS: tuple[Kind, ...] = (
    Kind("convenience", 38, 650, 0.8),
    Kind("supermarket", 20, 2_300, 0.8),
    Kind("restaurant", 14, 1_600, 0.8),
    Kind("drugstore", 10, 1_700, 0.8),
    Kind("online", 8, 3_500, 1.0),
    Kind("electronics", 4, 9_000, 1.2),
    Kind("tobacco", 3, 1_000, 0.9),
    Kind("transport", 3, 1_200, 0.9),
)
CATEGORIES = tuple(kind.name for kind in KINDS)
#: A shop's number modulo 100 gives its category.
CATEGORY_OF: npt.NDArray[np.int64] = np.repeat(np.arange(len(KINDS)), [kind.weight for kind in KINDS])
MEDIAN_YEN: npt.NDArray[np.int64] = np.array([kind.median_yen for kind in KINDS])
SIGMA: npt.NDArray[np.float64] = np.array([kind.sigma for kind in KINDS])
MAX_PAYMENT_YEN = 49_999  # limit of a bar-code payment (press, Sept 2020)
SKEW = 2.5  # a few large shops see most of the customers; *assumed*
_SALT = 0x5409


def visited(rng: Rng, size: int, accounts: int) -> npt.NDArray[np.uint64]:
    """Numbers of the shops visited: a few large ones see most of the customers."""
    return (1 + shop_count(accounts) * rng.random(size) ** SKEW).astype(np.uint64)


def favourite(wallet: npt.NDArray[np.uint64], index: npt.NDArray[np.int64], accounts: int) -> npt.NDArray[np.uint64]:
    """The shop at that index, from 0, among those that the wallet's owner goes to again and again."""
    drawn = fraction(wallet * np.uint64(64) + index.astype(np.uint64), _SALT)
    return (1 + shop_count(accounts) * drawn**SKEW).astype(np.uint64)


def of_category(rng: Rng, categories: tuple[str, ...], size: int, accounts: int) -> npt.NDArray[np.uint64]:
    """Numbers of shops of the given categories."""
    numbers = np.arange(1, shop_count(accounts) + 1)
    wanted = np.isin(category_codes(numbers.astype(np.uint64)), [CATEGORIES.index(name) for name in categories])
    chosen: npt.NDArray[np.uint64] = pick(rng, numbers[wanted], np.ones(int(wanted.sum())), size).astype(np.uint64)
    return chosen


def shop_count(accounts: int) -> int:
    """How many shops a population of `accounts` has."""
    return 200 + accounts // 60


def category_codes(shop: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Index in `CATEGORIES` of each shop, `ABSENT` for shop 0."""
    return np.where(shop == 0, ABSENT, CATEGORY_OF[(shop * np.uint64(37)) % np.uint64(len(CATEGORY_OF))])
