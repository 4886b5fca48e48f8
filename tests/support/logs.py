"""Labelled logs written down by hand for the back-test: rows of events, who alerts, and the frame of labels."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from detector.contract.hashing import hash64_many
from detector.contract.vocabulary import DEBIT, LINK, OPEN
from detector.jst import day_of
from models.backtest.labels import Labels, labels_of
from models.backtest.played import Played

BEGIN_MS = 1_598_886_000_000  # 1 September 2020, 00:00 in Japan


class Event(NamedTuple):
    """An event in order of arrival: seconds after the beginning, yen debited; `case` "" is honest.

    A case's typology is what its id begins with.
    """

    id: str
    at_s: float
    case: str = ""
    yen: int = 0
    account: str = "a"
    wallet: str = "w"
    kind: int = DEBIT
    bank: int = 116


def link(id: str, at_s: float, case: str = "", **more: object) -> Event:  # noqa: A002 - as the field is called
    """A link attempt."""
    return Event(id, at_s, case, kind=LINK, **more)  # type: ignore[arg-type]


def opened(id: str, at_s: float, case: str = "", **more: object) -> Event:  # noqa: A002 - as the field is called
    """A wallet that is opened, of no account."""
    return Event(id, at_s, case, kind=OPEN, account="", bank=-1, **more)  # type: ignore[arg-type]


def make_labels(*events: Event) -> Labels:
    """The labels of the events that are of a case."""
    rows = [(event.id, event.case, event.case.partition("-")[0]) for event in events if event.case]
    return labels_of(pd.DataFrame(rows, columns=["event_id", "case_id", "typology"], dtype="str"))


def make_played(*events: Event, scores: np.ndarray | None = None, X: np.ndarray | None = None) -> Played:
    """The log as the model saw it; scores are 0 where nothing is said of them."""
    n = len(events)
    at_ms = np.array([BEGIN_MS + round(1000 * event.at_s) for event in events], np.int64)
    account, wallet = ids([event.account for event in events]), ids([event.wallet for event in events])
    event_id = ids([event.id for event in events])
    return Played(
        kind=np.array([event.kind for event in events], np.int8),
        subject=np.where(account != 0, account, wallet),
        account=account,
        wallet=wallet,
        bank=np.array([event.bank for event in events], np.int16),
        occurred_at_ms=at_ms,
        day=day_of(at_ms),
        taken=np.array([event.yen for event in events], np.int64),
        event_id=event_id,
        case=make_labels(*events).case_of(event_id),
        scores=np.zeros((n, 1)) if scores is None else scores,
        X=np.zeros((n, 1), np.float32) if X is None else X,
        alert=np.zeros(n, np.bool_),
    )


def ids(words: list[str]) -> np.ndarray:
    """Identifiers as batches have them."""
    return hash64_many(words)
