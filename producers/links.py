"""Opened wallets, link attempts and ends of ties in one month of normal life."""

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import EKYC, LINK, LOCKED, OK, OPEN, OTP, PIN4, UNLINK, WRONG_CREDENTIALS
from producers import events, jst, season
from producers.charges import sources
from producers.draws import Rng
from producers.events import Events
from producers.ties import LOCKED_MS, PAUSE_MS, Ties, first_moments

NEW_PHONE_A_MONTH = 0.012  # of ties: linked again from a new phone; phones are kept about seven years here, *assumed*
UNLINK_FIRST_SHARE = 0.6  # of those: the old tie is cut before
MAX_WRONG_TRIES = 3  # then the bank locks the method


def links_of(rng: Rng, ties: Ties, month: int) -> list[Events]:
    """Opens, links and unlinks of `ties` in the numbered month."""
    begins, ends = first_moments(month)
    opened = ties.select(ties.opens & (ties.opened_at_ms >= begins) & (ties.opened_at_ms < ends))
    linked = ties.select((ties.linked_at_ms >= begins) & (ties.linked_at_ms < ends))
    ended = ties.select((ties.ended_at_ms >= begins) & (ties.ended_at_ms < ends))
    opens = _event(rng, opened, opened.opened_at_ms, kind=OPEN, account=0)
    unlinks = _event(rng, ended, ended.ended_at_ms, kind=UNLINK)
    return [opens, *_attempts(rng, linked, linked.linked_at_ms), unlinks, *_new_phones(rng, ties, month)]


def _attempts(rng: Rng, ties: Ties, begins_ms: npt.NDArray[np.int64]) -> list[Events]:
    """The link attempts of each tie: its fumbles, then the right one; three fumbles lock it until the next day."""
    size = len(begins_ms)
    auth = np.where(ties.pin, PIN4, np.where(rng.random(size) < 0.6, OTP, EKYC))
    parts = []
    moment = begins_ms.copy()
    for turn in range(MAX_WRONG_TRIES):
        wrong = ties.fumbles > turn
        result = LOCKED if turn == MAX_WRONG_TRIES - 1 else WRONG_CREDENTIALS
        parts.append(_event(rng, ties.select(wrong), moment[wrong], kind=LINK, auth=auth[wrong], result=result))
        pause = rng.integers(*PAUSE_MS, size)
        moment = moment + np.where(wrong, pause if turn < MAX_WRONG_TRIES - 1 else LOCKED_MS, 0)
    parts.append(_event(rng, ties, moment, kind=LINK, auth=auth, result=OK))
    return parts


def _new_phones(rng: Rng, ties: Ties, month: int) -> list[Events]:
    """Relinks of the same account to the same wallet from a new phone."""
    days = jst.days_of(month)
    chosen = np.flatnonzero(rng.random(len(ties.wallet)) < NEW_PHONE_A_MONTH)
    midnights = np.array([jst.midnight_ms(day) for day in days], np.int64)
    moment = midnights[rng.integers(0, len(days), len(chosen))] + season.times_of_day(rng, len(chosen))
    alive = (moment > ties.first_charge_ms[chosen]) & (moment < ties.ended_at_ms[chosen] - jst.DAY_MS)
    chosen, moment = chosen[alive], moment[alive]
    of = ties.select(chosen)
    cut = rng.random(len(chosen)) < UNLINK_FIRST_SHARE
    before = np.maximum(moment - rng.integers(jst.MINUTE_MS, jst.HOUR_MS, len(moment)), midnights[0])
    unlinks = _event(rng, of.select(cut), before[cut], kind=UNLINK)
    return [unlinks, *_attempts(rng, of, moment)]


def _event(rng: Rng, of: Ties, moment: npt.NDArray[np.int64], *, kind: int, **columns: object) -> Events:
    return events.build(
        len(moment),
        **{
            "kind": kind,
            "occurred_at_ms": moment,
            "service": of.service,
            "wallet": of.wallet,
            "opened_at_ms": of.opened_at_ms,
            "verified": of.verified,
            "source": sources(rng, of, moment),
            "account": of.account,
            **columns,
        },
    )
