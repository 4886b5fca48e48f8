"""The watch-list: links made in suspicious circumstances are remembered, so that a sleeper (T6) alerts when it wakes.

A link whose alarm is above the budget, but not far, is watched for 30 days. Its first charge alerts, as harmless as it
looks, where it comes late: honest people charge what they link within minutes (half of them within five, four of five
within an hour), and a charge that comes so soon is judged with its link's circumstances anyway.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from msgspec import structs

from detector.contract.alerts import Reason
from detector.contract.batch import Batch
from detector.contract.vocabulary import DEBIT, LINK
from detector.core.stage import LINKED_S

NAME, TYPOLOGIES = "watch_list", ("T6",)
HOUR_S, DAY_S = 3_600, 86_400
#: Of a sleeper the first charge comes 1 to 30 days after the link (T6); half a day, so that last evening's link counts.
LEAST_S, MOST_S = 12 * HOUR_S, 30 * DAY_S


@dataclass(frozen=True, slots=True, eq=False)
class WatchList:
    """What watching costs: `share` of the alert budget, and `alarms` float64 (m,), ascending: of the links of `days`
    held-out normal days that did not alert and were first charged late.
    """

    share: float
    alarms: npt.NDArray[np.float64]
    days: float

    def alarm_of(self, link_alarm: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """False alert groups a day, over the share, of watching all links at most as harmless; infinite stays so."""
        rates = (np.searchsorted(self.alarms, link_alarm, side="right") + 1) / self.days
        return np.where(np.isfinite(link_alarm), rates / self.share, np.inf)


def late_first_charges(batch: Batch, facts: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which events, (n,), are a debit that comes late after its wallet's link, none carried out between."""
    since_s = batch.occurred_at_ms // 1000 - facts[:, LINKED_S]
    found: npt.NDArray[np.bool_] = (batch.kind == DEBIT) & (since_s >= LEAST_S) & (since_s <= MOST_S)
    return found


def links(batch: Batch, facts: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Which events, (n,), are successful links."""
    found: npt.NDArray[np.bool_] = (batch.kind == LINK) & (facts[:, LINKED_S] > 0)
    return found


def reasons(of_charge: list[Reason], since_s: int) -> list[Reason]:
    """Why a watched link's first charge alerts: the link; beside it, without a share, what was found in the charge."""
    days = since_s / DAY_S
    link = Reason(
        feature="watched_link_days",
        value=days,
        usual=None,
        share=1.0,
        text_en=f"first charge {days:.1f} days after a link in suspicious circumstances",
        text_ja=f"不審な口座登録から{days:.1f}日後の初回チャージ",
    )
    return [link, *(structs.replace(reason, share=0.0) for reason in of_charge)]
