"""Seeded random draws: one independent stream for each purpose and month, so that no part disturbs another."""

from typing import Any

import numpy as np
import numpy.typing as npt

Rng = np.random.Generator


def stream(seed: int, purpose: str, number: int = 0) -> Rng:
    """The generator of one purpose (and month); the same arguments give the same numbers on every machine."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, number, *purpose.encode()])))


def pick(rng: Rng, values: Any, weights: Any, size: int) -> npt.NDArray[Any]:
    """`size` draws from `values` with probabilities proportional to `weights`."""
    cumulated = np.cumsum(np.asarray(weights, np.float64))
    # side="right": a draw of exactly 0 must not pick a value of weight 0.
    indices = np.searchsorted(cumulated, rng.random(size) * cumulated[-1], side="right")
    picked: npt.NDArray[Any] = np.asarray(values)[indices]
    return picked


def lognormal_ms(rng: Rng, median_ms: float, sigma: float, size: int) -> npt.NDArray[np.int64]:
    """Delays with the given median and spread, ms."""
    return (median_ms * np.exp(sigma * rng.standard_normal(size))).astype(np.int64)


def exponential_ms(rng: Rng, mean_ms: float, size: int) -> npt.NDArray[np.int64]:
    """Delays with the given mean, ms."""
    return (rng.exponential(mean_ms, size)).astype(np.int64)


def mix64(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """A bijection of the 64-bit numbers without visible pattern (SplitMix64's finaliser, Steele et al. 2014)."""
    x = values + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def fraction(numbers: npt.NDArray[np.uint64], salt: int) -> npt.NDArray[np.float64]:
    """A fixed number in [0, 1) for each of `numbers`, independent for each `salt`: traits that need no storage."""
    mixed = mix64(numbers ^ mix64(np.array([salt], np.uint64)))
    return (mixed >> np.uint64(11)).astype(np.float64) * 2.0**-53
