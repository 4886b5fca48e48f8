"""Rows are kept as long as what they remember can matter: an account 400 days, addresses and cases weeks."""

import numpy as np
import pytest
from support.models import FIRST_DAY, make_batch
from support.nodes import TTL_MS

from detector.contract.vocabulary import DEBIT
from detector.core.admission import APPLY, APPLY_FRESH
from detector.core.chains import CHAINS
from detector.core.expiry import MOST_MS, ttl_of
from detector.core.memory import MemoryRun
from detector.core.topology import COMPLETE, topology_of
from detector.jst import DAY_MS


@pytest.mark.parametrize(("days", "expected"), [(56, APPLY), (57, APPLY_FRESH)])
def test_an_address_is_forgotten_after_eight_weeks_and_its_account_is_not(days: int, expected: int) -> None:
    batch = make_batch(
        2,
        offset=[0, 1],
        origin_offset=[0, 1],
        record=[0, 1],
        kind=[DEBIT, DEBIT],
        occurred_at_ms=FIRST_DAY * DAY_MS + np.array([0, days]) * DAY_MS,
        event_id=[1, 2],
        account=[7, 7],
        wallet=[8, 8],
        source=[9, 9],
        bank=[116, 116],
        amount_yen=[1_000, 1_000],
    )
    outcomes = MemoryRun(topology_of(CHAINS[-1]), None, ttl_ms=TTL_MS).process(batch).outcomes
    second = {name: int(outcomes[name].status[1]) for name in ("account", "wallet", "source")}
    assert {"account": APPLY, "wallet": APPLY, "source": expected} == second


def test_a_setting_that_is_shorter_holds_for_all() -> None:
    names = [node.name for node in COMPLETE.nodes]
    assert set(names) >= set(MOST_MS)
    assert {DAY_MS} == {ttl_of(name, DAY_MS) for name in names}
    assert 14 * DAY_MS == ttl_of("cases", TTL_MS)
    assert TTL_MS == ttl_of("account", TTL_MS) == ttl_of("wallet", TTL_MS)
