"""A debit's features at another amount are what the stages' kernels make of that debit, all else the same."""

import numpy as np
import pytest
from support.models import FIRST_DAY, make_batch

from detector.contract.batch import Batch
from detector.contract.vocabulary import DEBIT, INSUFFICIENT, LINK, OK, PAYMENT, PIN4
from detector.core.chains import CHAINS
from detector.core.memory import MemoryRun
from detector.core.own_amount import FORMS, Debit, with_amounts
from detector.core.stages.source_kernel import YOUNG_MS
from detector.core.topology import topology_of
from detector.jst import DAY_MS, JST_MS

CHAIN = CHAINS[-1]
NAMES = CHAIN.feature_names
N, DAYS = 2_000, 40


@pytest.fixture(scope="module")
def log() -> Batch:
    """Forty days of twelve accounts, wallets and sources, wallets of every age, some debits beyond the cap."""
    rng = np.random.default_rng(1)
    kind = rng.choice([LINK, DEBIT, DEBIT, DEBIT, PAYMENT], N).astype(np.int8)
    at_ms = FIRST_DAY * DAY_MS - JST_MS + np.sort(rng.integers(0, DAYS * DAY_MS, N) // 4 * 4)
    of_account = kind <= DEBIT
    keys = rng.integers(1, 2**63, (3, 12), dtype=np.uint64)
    amount = np.where(rng.random(N) < 0.5, 10_000 * rng.integers(1, 31, N), 7 + 500 * rng.integers(1, 400, N))
    return make_batch(
        N,
        offset=np.arange(N),
        record=np.arange(N),
        kind=kind,
        occurred_at_ms=at_ms,
        wallet_opened_at_ms=at_ms - rng.choice([DAY_MS // 3, 30 * DAY_MS], N),
        event_id=1 + np.arange(N),
        account=np.where(of_account, keys[0, rng.integers(0, 12, N)], 0),
        wallet=keys[1, rng.integers(0, 12, N)],
        source=keys[2, rng.integers(0, 12, N)],
        auth=np.where(kind == LINK, PIN4, -1),
        result=np.where((kind == DEBIT) & (rng.random(N) < 0.1), INSUFFICIENT, OK),
        amount_yen=np.where(kind == LINK, 0, amount),
    )


def features_of_last(batch: Batch) -> np.ndarray:
    events = MemoryRun(topology_of(CHAIN), None, ttl_ms=400 * DAY_MS).process(batch).last.events
    last: np.ndarray = events.X[-1]
    return last


def test_every_feature_moves_as_the_kernels_would_have_it(log: Batch) -> None:
    rng = np.random.default_rng(2)
    moved = set()
    for i in rng.choice(np.flatnonzero(log.kind == DEBIT)[100:], 40, replace=False):
        amount = int(log.amount_yen[i])
        debit = Debit(
            amount,
            done=bool(log.result[i] == OK),
            young=bool(log.occurred_at_ms[i] - log.wallet_opened_at_ms[i] < YOUNG_MS),
        )
        x = features_of_last(log.select(slice(0, i + 1)))
        asked = np.array([amount, max(1, amount // 3), max(1, amount // 20_000 * 10_000)])
        X = with_amounts(CHAIN.features, x, debit, asked)
        np.testing.assert_allclose(x, X[0], rtol=2e-6, atol=1e-6)
        for other, got in zip(asked[1:], X[1:], strict=True):
            changed = log._replace(amount_yen=np.where(np.arange(N) == i, other, log.amount_yen))
            expected = features_of_last(changed.select(slice(0, i + 1)))
            for j, name in enumerate(NAMES):
                # A deviation is computed from a ratio that has lost digits near one.
                rtol = 1e-3 if name == "amount_z" else 2e-6
                np.testing.assert_allclose(expected[j], got[j], rtol=rtol, atol=1e-5, err_msg=name)
            moved |= {NAMES[j] for j in np.flatnonzero((x != expected) & ~(np.isnan(x) & np.isnan(expected)))}
    assert {f.name for f in CHAIN.features if f.amount is not None} == moved


def test_what_a_feature_is_told_by_exists_and_needs_nothing_itself() -> None:
    of = {feature.name: feature for feature in CHAIN.features}
    for feature in CHAIN.features:
        assert feature.amount is None or feature.amount.form in FORMS
        if feature.amount is not None and feature.amount.of:
            needed = of[feature.amount.of].amount
            assert needed is not None
            assert not needed.of
        if feature.own_usual is not None:
            assert "ratio" == of[feature.own_usual.ratio].unit


def test_a_debit_of_the_usual_amount_keeps_its_deviation() -> None:
    x = np.full(len(NAMES), np.nan, np.float32)
    x[[NAMES.index("amount_ratio"), NAMES.index("amount_z")]] = 1.0, 0.25
    X = with_amounts(CHAIN.features, x, Debit(10_000, done=True, young=False), np.array([5_000]))
    assert 0.25 == X[0, NAMES.index("amount_z")]
    assert 0.5 == pytest.approx(X[0, NAMES.index("amount_ratio")], abs=1e-3)
