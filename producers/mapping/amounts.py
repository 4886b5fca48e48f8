"""Numbers and amounts of foreign files: decimals, signs, currencies, rounded to whole yen by a stated rule."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from producers.mapping.japanese import plain_amounts

Floats = npt.NDArray[np.float64]
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?$"
#: Digits kept behind the point before rounding: what two decimals times a rate of four have, and few enough that a
#: product such as 2.675 × 100 = 267.49999999999994 is the half that it is meant to be.
DECIMALS = 6
ROUNDING: dict[str, Callable[[Floats], Floats]] = {
    "half_up": lambda values: np.floor(values + 0.5),
    "half_even": np.rint,
    "down": np.trunc,
    "up": np.ceil,
}


@dataclass(frozen=True, slots=True)
class Amount:
    """`factor` yen for one unit of the column, negative where money that leaves has a minus.

    `japanese`: amounts as ￥1,000, 1,000円 or ▲1,000, in digits of any width.
    """

    factor: float = 1.0
    rounding: str = "half_up"
    decimal: str = "."
    thousands: str = ""
    japanese: bool = False


def yen(texts: pa.Array, how: Amount) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Whole yen float64 (n,) of the texts (null: none), 0 where they are no numbers; and where they are."""
    if how.japanese:
        texts = plain_amounts(texts)
    if how.thousands:
        texts = pc.replace_substring(texts, how.thousands, "")
    if how.decimal != ".":
        texts = pc.replace_substring(texts, how.decimal, ".")
    values, good = floats(texts)
    return ROUNDING[how.rounding](np.round(values * how.factor, DECIMALS)), good


def floats(texts: pa.Array) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """The numbers that the texts are, 0 where they are none; and where they are."""
    good: Any = pc.fill_null(pc.match_substring_regex(texts, _NUMBER), False)
    plain = pc.if_else(good, pc.utf8_ltrim(texts, "+"), "0")
    return pc.cast(plain, pa.float64()).to_numpy(zero_copy_only=False), good.to_numpy(zero_copy_only=False)
