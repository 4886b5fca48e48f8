"""Wallets: what each holds, and which account it may debit."""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
NOBODY = -1  # owner of a thief's wallet: no person of the city
_STEP_MS = 20_000  # between two events of a wallet, at least: hands are slow


class Wallets:
    """One index for each wallet that was ever opened; columns have room to spare, `size` are in use.

    `account`: index of the linked account, -1 for none; `taken`: yen debited for it in this calendar month.
    """

    def __init__(self) -> None:
        self.size = 0
        self.service = np.zeros(0, np.int8)
        self.owner = np.zeros(0, np.int32)
        self.opened_ms = np.zeros(0, np.int64)
        self.verified = np.zeros(0, bool)
        self.balance = np.zeros(0, np.int64)
        self.account = np.zeros(0, np.int32)
        self.taken = np.zeros(0, np.int64)
        self.auto_yen = np.zeros(0, np.int64)
        self.last_ms = np.zeros(0, np.int64)

    def add(
        self, owner: npt.ArrayLike, service: npt.ArrayLike, opened_ms: npt.ArrayLike, verified: npt.ArrayLike
    ) -> Ints:
        """Open wallets, empty and not linked; returns their indices."""
        new = np.arange(self.size, self.size + np.size(owner))
        self.size += len(new)
        if self.size > len(self.owner):
            room = max(1_024, 2 * self.size)
            for name, column in vars(self).items():
                if name != "size":
                    setattr(self, name, np.concatenate((column, np.zeros(room - len(column), column.dtype))))
        self.owner[new], self.service[new], self.opened_ms[new], self.verified[new] = (
            owner,
            service,
            opened_ms,
            verified,
        )
        self.account[new] = -1
        return new

    def not_before(self, wallet: Ints, ms: Ints, end_ms: int) -> Ints:
        """The moments, moved behind what each wallet did last but not over the end of the day."""
        return np.minimum(np.maximum(ms, self.last_ms[wallet] + _STEP_MS), end_ms - 1)
