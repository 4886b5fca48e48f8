"""Plain Faust gets the same work to do as the worker: its features are the account stage's."""

from collections import defaultdict
from dataclasses import replace
from types import SimpleNamespace

import msgspec
import numpy as np

from detector.bench.textbook import State, new_state, take
from detector.contract.codec import decode_account_events
from detector.core.admission import APPLY_FRESH
from detector.core.chains import ACCOUNT_CHAIN
from detector.core.memory import MemoryRun
from detector.core.topology import topology_of
from detector.jst import DAY_MS
from producers.messages import column_values, values_of
from producers.scenarios import SCENARIOS
from producers.simulation import tables

UNLINK_HAS_NONE = 0
EVERY_FIELD = dict.fromkeys(("auth", "result", "amount_yen", "purpose"))


def event(value: bytes) -> SimpleNamespace:
    """As `faust.Record` gives it: None where the kind does not have the field."""
    return SimpleNamespace(**(EVERY_FIELD | msgspec.json.decode(value)))


def messages() -> tuple[list[bytes], list[bytes]]:
    scenario = replace(SCENARIOS["ghost-wallets"], accounts=300, cases=30, wallet_events=False)
    table = next(tables(scenario))[0]
    return [account.encode() for account in column_values(table["account"])], values_of(table)


def test_the_textbook_has_the_features_of_the_account_stage() -> None:
    keys, values = messages()
    batch = decode_account_events(values, keys, np.arange(len(values))).batch
    outcome = MemoryRun(topology_of(ACCOUNT_CHAIN), None, ttl_ms=400 * DAY_MS).process(batch).last
    states: defaultdict[bytes, State] = defaultdict(new_state)
    compared = 0
    for i in range(batch.size):
        if outcome.status[i] > APPLY_FRESH:
            continue  # delivered twice: the worker leaves it out, plain Faust does not know
        features = take(states[keys[i]], event(values[i]))
        if len(features) == UNLINK_HAS_NONE:
            continue
        np.testing.assert_allclose(np.array(features, np.float32), outcome.events.X[i], rtol=1e-5, atol=1e-3)
        compared += 1
    assert compared > 1000


def test_the_state_is_json() -> None:
    state = new_state()
    for value in messages()[1][:50]:
        take(state, event(value))
    assert state == msgspec.json.decode(msgspec.json.encode(state))
