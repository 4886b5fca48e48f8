"""Edits of a fragment: other amounts in the same proportions, the same gaps in less time."""

import numpy as np

from models.worlds.resampled.rows import Ints


def split(yen: int, like: Ints, largest: int, round_yen: int) -> list[int]:
    """`yen` in parts that stand to each other as the amounts `like`, each round and at most `largest`."""
    largest = max(largest // round_yen, 1) * round_yen
    wanted = yen * like / like.sum() // round_yen * round_yen
    parts = np.clip(wanted, round_yen, largest).astype(np.int64).tolist()
    chosen: list[int] = []
    for part in parts:
        if part <= (left := yen - sum(chosen)):
            chosen.append(part)
        elif left:
            break
    while left := yen - sum(chosen):
        if chosen and left <= largest - chosen[-1]:
            chosen[-1] += left
        else:
            chosen.append(min(largest, left))
    return chosen


def rhythm(moments: Ints, n: int, longest_ms: int) -> Ints:
    """Times of `n` events from 0, with the gaps of `moments`, as often as needed, over at most `longest_ms`."""
    gaps = np.diff(moments)
    gaps = np.resize(gaps, n - 1) if len(gaps) else np.full(n - 1, longest_ms // n)
    at = np.append(0, np.cumsum(np.maximum(gaps, 1)))
    return np.asarray(at * min(1.0, longest_ms / max(int(at[-1]), 1)), np.int64)
