"""The journal of a world: all events as they happen, in numbers."""

from typing import Any

import numpy as np
import numpy.typing as npt

from models.worlds.agents.wallets import Wallets

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
NONE = -1

#: Ids are indices of people (accounts), wallets, addresses and shops; `case` is `NONE` for honest events.
ENTRY = np.dtype(
    [
        ("occurred_at_ms", np.int64),
        ("amount_yen", np.int32),
        ("wallet", np.int32),
        ("source", np.int32),
        ("account", np.int32),
        ("shop", np.int32),
        ("counterparty", np.int32),
        ("case", np.int32),
        ("kind", np.int8),
        ("verified", np.int8),
        ("auth", np.int8),
        ("result", np.int8),
        ("purpose", np.int8),
        ("category", np.int8),
        ("stage", np.int8),
    ]
)


class Journal:
    """Collects entries; fields that an event lacks are `NONE`."""

    def __init__(self, wallets: Wallets) -> None:
        self._wallets = wallets
        self._parts: list[npt.NDArray[Any]] = []

    def add(self, kind: int, ms: npt.ArrayLike, wallet: npt.ArrayLike, source: npt.ArrayLike, **fields: Any) -> None:
        """Enter events of one kind; `fields` as in `ENTRY`, arrays or one value for all."""
        part = np.empty(np.size(ms), ENTRY)
        for name in ENTRY.names or ():
            part[name] = fields.get(name, NONE)
        part["kind"], part["occurred_at_ms"], part["wallet"], part["source"] = kind, ms, wallet, source
        part["verified"] = self._wallets.verified[part["wallet"]]
        np.maximum.at(self._wallets.last_ms, part["wallet"], part["occurred_at_ms"])
        self._parts.append(part)

    def entries(self) -> npt.NDArray[Any]:
        """All entries, in the order in which they were made."""
        return np.concatenate([np.empty(0, ENTRY), *self._parts])
