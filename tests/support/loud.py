"""A model that alerts on every event it is shown: then every node of a topology has events."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from detector.core.budgets import BANKS
from detector.core.model import Judgement

#: The alarm of every event, in false alarms a day.
ALARM = 0.5


class LoudModel(NamedTuple):
    """With a budget controller every alarm is `ALARM / limit` of the limit of its bank."""

    number: int = 7
    controlled: bool = False
    limits: Any = np.full(BANKS + 1, 1.0)

    def judge(self, X: npt.NDArray[np.float32], kind: npt.NDArray[np.int8], bank: npt.NDArray[np.int16]) -> Judgement:
        """The same of every event."""
        del kind, bank
        n = len(X)
        detector, alert = np.zeros(n, np.int8), np.ones(n, np.bool_)
        return Judgement(np.full(n, ALARM), detector, np.full(n, 0.5), X[:, :1].astype(np.float64), alert)


LOUD: Any = LoudModel()
