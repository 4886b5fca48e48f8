"""Events of thieves, written one at a time."""

import numpy as np

from detector.contract.vocabulary import OPEN, PAYMENT, PAYOUT, TRANSFER
from models.worlds.resampled.rows import NONE, Ints, Rows

STAGES = ("spray", "link", "drain", "cash_out")
SPRAY, LINKING, DRAIN, CASH_OUT = range(len(STAGES))
_OF_WALLETS = (OPEN, PAYMENT, TRANSFER, PAYOUT)


class Sheet:
    """Rows of cases: number of each case's id is its index in `case_ids`, `typologies` has its typology."""

    def __init__(self) -> None:
        self.case_ids: list[str] = []
        self.typologies: list[str] = []
        self._lines: list[dict[str, int]] = []

    def case(self, typology: str, name: str) -> int:
        """The number of a new case; `name` follows the typology in its id."""
        self.case_ids.append(f"{typology}-{name}")
        self.typologies.append(typology)
        return len(self.case_ids) - 1

    def add(self, kind: int, occurred_at_ms: int, **fields: int) -> None:
        """Write an event; fields that are not given are absent."""
        if kind in _OF_WALLETS:
            fields |= {"account": NONE, "bank": NONE}
        self._lines.append({"kind": kind, "occurred_at_ms": occurred_at_ms, **fields})

    def rows(self) -> Rows:
        """All events written."""
        return Rows(*(self._column(name) for name in Rows._fields))

    def _column(self, name: str) -> Ints:
        return np.array([line.get(name, NONE) for line in self._lines], np.int64)
