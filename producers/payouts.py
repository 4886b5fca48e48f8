"""Money taken from a wallet back to a bank: sellers, treasurers, and people who received more than they spend."""

import numpy as np
import numpy.typing as npt

from detector.contract.vocabulary import PAYOUT, SERVICES
from producers import events, jst, season
from producers.charges import sources
from producers.circles import Circles
from producers.draws import Rng, lognormal_ms, pick
from producers.events import Events
from producers.ties import first_moments

MAX_PAYOUT_YEN, PAYOUTS_A_MONTH = 20_000, 5  # of one wallet (press, Sept 2020)

#: Owners who sell things second-hand and have the proceeds paid out, by service; *assumed*: one comes from a market.
SELLER_SHARE = 0.01
MARKET_SHARE = 0.12
MARKET = SERVICES.index("merpay")
PROCEEDS_YEN = 4_500  # the median
#: Of wallets that received so much in the month: those that take it out, in the fewest payouts; *assumed*.
RECEIVED_YEN = 15_000
TAKES_OUT_SHARE = 0.5


def payouts_of(rng: Rng, circles: Circles, transfers: Events, month: int) -> Events:
    """All payouts of the numbered month from the wallets of the circles, some of what `transfers` brought them."""
    index, moment, amount = (
        np.concatenate(columns)
        for columns in zip(_sellers(rng, circles, month), _received(rng, circles, transfers), strict=True)
    )
    begins, ends = first_moments(month)
    keep = (moment >= begins) & (moment < ends) & (moment > circles.wallets.opened_at_ms[index])
    index, moment, amount = index[keep], moment[keep], amount[keep]
    allowed = np.flatnonzero(_turns(index, moment) < PAYOUTS_A_MONTH)
    of = circles.wallets.select(index[allowed])
    return events.build(
        len(allowed),
        kind=PAYOUT,
        occurred_at_ms=moment[allowed],
        service=of.service,
        wallet=of.wallet,
        opened_at_ms=of.opened_at_ms,
        verified=of.verified,
        source=sources(rng, of, moment[allowed]),
        amount_yen=amount[allowed],
    )


Columns = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]


def _sellers(rng: Rng, circles: Circles, month: int) -> Columns:
    """Index, moment and yen of sellers' payouts."""
    sells = np.where(circles.wallets.service == MARKET, MARKET_SHARE, SELLER_SHARE)
    index = np.repeat(np.arange(len(sells)), rng.poisson(np.where(circles.trait < sells, 1.5, 0.0)))
    days = jst.days_of(month)
    midnight = pick(rng, [jst.midnight_ms(day) for day in days], np.ones(len(days)), len(index))
    amount = PROCEEDS_YEN * np.exp(1.0 * rng.standard_normal(len(index)))
    moment = midnight + season.times_of_day(rng, len(index))
    return index, moment, np.clip(amount, 200, MAX_PAYOUT_YEN).astype(np.int64)


def _received(rng: Rng, circles: Circles, transfers: Events) -> Columns:
    """Index, moment and yen of payouts of what others sent, some hours or days after the last of it."""
    wallet, inverse = np.unique(transfers.counterparty, return_inverse=True)
    yen = np.bincount(inverse, transfers.amount_yen, len(wallet)).astype(np.int64)
    last = np.zeros(len(wallet), np.int64)
    np.maximum.at(last, inverse, transfers.occurred_at_ms)
    takes = np.flatnonzero((yen >= RECEIVED_YEN) & (rng.random(len(wallet)) < TAKES_OUT_SHARE))
    turns = np.arange(PAYOUTS_A_MONTH)
    amount = np.clip(yen[takes][:, None] - turns * MAX_PAYOUT_YEN, 0, MAX_PAYOUT_YEN)
    some = amount >= 1_000
    gaps = rng.integers(20 * jst.SECOND_MS, 6 * jst.MINUTE_MS, amount.shape)
    begins = last[takes] + lognormal_ms(rng, 8 * jst.HOUR_MS, 1.5, len(takes))
    moment = begins[:, None] + np.cumsum(gaps, axis=1)
    # Wallets of the circles are in order of their numbers.
    index = np.searchsorted(circles.wallets.wallet, wallet[takes])
    return np.broadcast_to(index[:, None], amount.shape)[some], moment[some], amount[some]


def _turns(index: npt.NDArray[np.int64], moment: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """How many payouts of the same wallet lie before each."""
    order = np.lexsort((moment, index))
    _, first, group = np.unique(index[order], return_index=True, return_inverse=True)
    turns = np.empty(len(index), np.int64)
    turns[order] = np.arange(len(index)) - first[group]
    return turns
