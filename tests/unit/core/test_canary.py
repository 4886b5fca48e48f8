"""The canary: it always alerts, and no row but its own knows of it."""

from dataclasses import replace

import numpy as np
import pytest
from support.alone import NEVER_MS
from support.hops import log_of
from support.models import make_batch, make_history, make_model

from detector.contract import canary
from detector.contract.batch import Batch, concatenate
from detector.contract.canary import ACCOUNTS, MINUTE_MS, canary_of, is_canary
from detector.contract.codec import decode_account_events, decode_one, encode
from detector.core.budget_controller import SHARED, controller_of
from detector.core.budgets import BankBudgets
from detector.core.chains import CHAINS
from detector.core.memory import MemoryRun
from detector.core.topology import topology_of
from detector.jst import DAY_MS

BANK = int(canary.BANK)
FIRST = 26_000_000  # of a day in 2019


def canaries(first_minute: int, count: int) -> Batch:
    events = [canary_of(first_minute + number) for number in range(count)]
    keys = [event.account.encode() for event in events]
    decoded = decode_account_events([encode(event) for event in events], keys, np.arange(count))
    assert [] == decoded.rejected
    return decoded.batch


def test_an_account_comes_again_after_its_case_has_ended_and_no_sooner() -> None:
    first = canary_of(FIRST)
    assert first == decode_one(encode(first))
    same = [minute for minute in range(FIRST + 1, FIRST + 2 * ACCOUNTS) if canary_of(minute).account == first.account]
    assert [FIRST + ACCOUNTS] == same[:1]
    assert ACCOUNTS * MINUTE_MS > DAY_MS
    assert canary_of(FIRST + ACCOUNTS).event_id != first.event_id


def test_its_accounts_are_known_from_all_others() -> None:
    assert all(is_canary(canary_of(FIRST + number).account.encode()) for number in range(ACCOUNTS))
    assert not is_canary(b"4f2c9d01a37be655")


def test_whatever_is_as_usual_alerts_at_the_canary_s_bank_and_only_there() -> None:
    history, model = make_history(days=1), make_model()
    n = len(history.X)
    usual = model.judge(history.X, history.kind, np.full(n, 1, np.int16))
    assert usual.alert.mean() < 0.5
    assert model.judge(history.X, history.kind, np.full(n, BANK, np.int16)).alert.all()


def test_a_controller_counts_canaries_in_a_row_of_their_own() -> None:
    model = replace(make_model(), budget=20.0, banks=BankBudgets({"0001": 1.0})).with_controller()
    stage = controller_of(model)
    assert stage is not None
    assert [SHARED, BANK + 1] == stage.keys_of(make_batch(2, bank=[1, BANK])).tolist()


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.name)
def test_features_of_all_others_are_the_same_bits_with_canaries_among_them(chain: object) -> None:
    real = log_of(600)
    minute = int(real.occurred_at_ms.min()) // MINUTE_MS
    birds = canaries(minute, 200)
    both = concatenate([real, birds])
    order = np.argsort(both.occurred_at_ms, kind="stable")
    mixed = both.select(order)._replace(offset=np.arange(both.size), record=np.arange(both.size, dtype=np.int32))
    of_canary = mixed.bank == BANK
    found = []
    for batch in (mixed, mixed.select(~of_canary)):
        run = MemoryRun(topology_of(chain), None, ttl_ms=NEVER_MS)  # type: ignore[arg-type]
        events = run.process(batch).last.events
        own = events.batch.bank != BANK
        found.append((events.X[own].tobytes(), events.batch.event_id[own].tobytes()))
    assert 200 == int(of_canary.sum())
    assert found[0] == found[1]
