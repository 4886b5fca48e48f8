"""A made-up log of accounts and wallets, some events twice, and a model of the whole chain trained on it."""

from functools import cache

import numpy as np
from support.models import FIRST_DAY, make_batch

from detector.artifact import pack, unpack
from detector.contract.batch import Batch
from detector.contract.vocabulary import DEBIT, LINK, PAYMENT, PIN4, TRANSFER
from detector.core.chains import WALLET_CHAIN
from detector.core.model import Model
from detector.jst import DAY_MS, JST_MS
from models.datasets import collect
from models.training import Plan, train

TTL_MS = 400 * DAY_MS
N = 4000
DAYS = 6


def history(seed: int = 1) -> Batch:
    """Links, debits, payments and transfers of forty accounts and wallets over some days; some come twice."""
    rng = np.random.default_rng(seed)
    kind = rng.choice([LINK, DEBIT, DEBIT, PAYMENT, TRANSFER], N).astype(np.int8)
    of_account = kind <= DEBIT
    batch = make_batch(
        N,
        offset=np.arange(N),
        origin_offset=np.arange(N),
        record=np.arange(N),
        kind=kind,
        occurred_at_ms=FIRST_DAY * DAY_MS - JST_MS + np.arange(N) * (DAYS * DAY_MS // N),
        wallet_opened_at_ms=np.full(N, FIRST_DAY * DAY_MS - 30 * DAY_MS),
        event_id=1 + np.arange(N),
        account=np.where(of_account, rng.integers(1, 41, N), 0),
        wallet=rng.integers(101, 141, N),
        counterparty=np.where(kind == TRANSFER, rng.integers(101, 141, N), 0),
        bank=np.where(of_account, 116, -1),
        auth=np.where(kind == LINK, PIN4, -1),
        amount_yen=np.where(kind == LINK, 0, 1000 * rng.integers(1, 90, N)),
    )
    again = np.flatnonzero((rng.random(N) < 0.02) & of_account)[:-1]
    where = np.sort(np.concatenate((np.arange(N), again + 0.5)))
    twice = batch.select(where.astype(np.int64))
    places = np.arange(len(where))
    return twice._replace(offset=places, origin_offset=places, record=places.astype(np.int32))


@cache
def model(budget: float = 30) -> Model:
    """A small model of these days, with that budget."""
    data = collect([history()], WALLET_CHAIN, TTL_MS)
    return unpack(pack(train(data, WALLET_CHAIN, Plan(budget, trees=20), "0" * 64)), WALLET_CHAIN)
