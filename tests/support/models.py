"""A small stage, a made-up history of its features and the model trained on it; no event has to flow for them."""

from functools import cache

import numpy as np

from detector.artifact import Draft, pack, unpack
from detector.contract.batch import DTYPES, Batch
from detector.contract.vocabulary import DEBIT, LINK
from detector.core.model import Model
from detector.core.stage import HEADER, Feature, Stage
from models.datasets import Dataset
from models.training import Plan, train

FEATURES = (
    Feature("failures", "failures before", "count", 1, ("link",), "{value} failures, usually {usual}", "失敗{value}回"),
    Feature("wallet_age_s", "wallet's age", "s", -1, ("link", "debit"), "wallet {value} old", "開設から{value}"),
    Feature("amount_yen", "amount", "yen", 1, ("debit",), "{value}, usually {usual}", "{value}(普段{usual})"),
    Feature("gap_s", "since the last debit", "s", -1, ("debit",), "{value} after the last", "前回から{value}"),
)
STAGE = Stage("account", "account", np.dtype(list(HEADER)), 1, lambda *_: None, FEATURES, frozenset({"account"}))
FIRST_DAY = 18_475  # 2020-08-01


def make_history(days: int = 9, a_day: int = 400, seed: int = 1) -> Dataset:
    """`a_day` events of normal life on each day, about a fourth of them links."""
    rng = np.random.default_rng(seed)
    n = days * a_day
    kind = np.where(rng.random(n) < 0.25, LINK, DEBIT).astype(np.int8)
    X = np.stack(
        [
            np.where(kind == LINK, rng.poisson(0.2, n), np.nan),
            rng.exponential(5e6, n),
            np.where(kind == DEBIT, 1000 * rng.integers(1, 40, n), np.nan),
            np.where((kind == DEBIT) & (rng.random(n) < 0.8), rng.exponential(4e5, n), np.nan),
        ],
        axis=1,
    ).astype(np.float32)
    account = rng.integers(1, 2**63, 150, dtype=np.uint64)[rng.integers(0, 150, n)]
    day = FIRST_DAY + np.repeat(np.arange(days), a_day)
    return Dataset(X, kind, account, day, banks_of(account), np.zeros(n, np.int32))


def banks_of(account: np.ndarray) -> np.ndarray:
    """Of each account, one of three banks: half of the accounts are of the first, a quarter of each other."""
    banks: np.ndarray = np.array([1, 116, 1, 9900], np.int16)[np.unique(account, return_inverse=True)[1] % 4]
    return banks


def make_draft(**plan: float) -> Draft:
    """A trained model without a name; small, so that it takes a tenth of a second."""
    return train(make_history(), STAGE, Plan(**{"trees": 20, "max_samples": 64, **plan}), "0" * 64)  # type: ignore[arg-type]


@cache
def make_model() -> Model:
    """The model of `make_draft`."""
    return unpack(pack(make_draft()), STAGE)


def make_batch(n: int, **columns: object) -> Batch:
    """`n` events, zero in every column but those given."""
    given = {name: np.zeros(n, dtype) for name, dtype in DTYPES.items()}
    return Batch(**{**given, **{name: np.asarray(column, DTYPES[name]) for name, column in columns.items()}})
