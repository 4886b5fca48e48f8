"""Shops of a region, by category; which one a person goes to, and for how much."""

import numpy as np
import numpy.typing as npt

from models.worlds.agents import assumptions as a

Ints = npt.NDArray[np.int64]
_COUNTS = np.array([category.shops for category in a.CATEGORIES])
_BEFORE = np.concatenate(([0], np.cumsum(_COUNTS * a.REGIONS)))[:-1]
_SHARES = np.array([category.share for category in a.CATEGORIES])
_MEDIANS = np.array([category.median_yen for category in a.CATEGORIES])
_SIGMAS = np.array([category.sigma for category in a.CATEGORIES])
TOTAL = int((_COUNTS * a.REGIONS).sum())
_NAMES = [category.name for category in a.CATEGORIES]
CONVENIENCE, ELECTRONICS, ONLINE = (_NAMES.index(name) for name in ("convenience", "electronics", "online"))
#: What thieves buy and sell on: tobacco and tablets (INCIDENT: arrests of January 2021), and gift cards.
RESOLD = (CONVENIENCE, ELECTRONICS, _NAMES.index("tobacco"))


def wishes(rng: np.random.Generator, size: int) -> tuple[Ints, Ints]:
    """What people want to buy: category and yen."""
    category = rng.choice(len(_SHARES), size, p=_SHARES / _SHARES.sum())
    yen = _MEDIANS[category] * rng.lognormal(0, _SIGMAS[category])
    return category, np.clip(yen.astype(np.int64), 50, a.BARCODE_YEN)


def shop_of(rng: np.random.Generator, region: Ints, category: Ints, who: Ints) -> Ints:
    """The shop: one's usual one of that category, or any of the region, some far more often than others."""
    count = _COUNTS[category]
    usual = (who * 2_654_435_761 % 1_000_003) % count
    other = (rng.random(len(who)) ** 2.5 * count).astype(np.int64)
    rank = np.where(rng.random(len(who)) < a.USUAL_SHOP, usual, other)
    shop: Ints = _BEFORE[category] + region * count + rank
    return shop
