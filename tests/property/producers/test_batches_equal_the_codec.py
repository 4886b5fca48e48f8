"""Frames of arbitrary valid events give the codec's arrays; a value is refused in a frame if it is on the bus."""

import json
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st
from support import events as bus

from detector.contract.batch import concatenate
from detector.contract.codec import decode_account_events, decode_wallet_events
from detector.contract.vocabulary import AUTHS, DEBIT_RESULTS, LINK_RESULTS, PURPOSES, SERVICES
from detector.errors import UserError
from producers.batches import to_batches

WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
COMMON = {
    "event_id": WORDS,
    "occurred_at_ms": st.integers(946_684_800_000, 4_102_444_799_999),
    "service": st.sampled_from(SERVICES) | st.from_regex(r"[a-z0-9_.-]{1,32}", fullmatch=True),
    "wallet": WORDS,
    "wallet_opened_at_ms": st.integers(946_684_800_000, 4_102_444_799_999),
    "wallet_verified": st.booleans(),
    "source": st.just("") | WORDS,
}
ON_ACCOUNT = {
    **COMMON,
    "bank": st.from_regex(r"[0-9]{4}", fullmatch=True),
    "account": st.text("0123456789abcdefAF", min_size=16, max_size=40),
}
AMOUNT = st.integers(1, 10**9)
KINDS: dict[str, dict[str, st.SearchStrategy[Any]]] = {
    "link": {**ON_ACCOUNT, "auth": st.sampled_from(AUTHS), "result": st.sampled_from(LINK_RESULTS)},
    "unlink": ON_ACCOUNT,
    "debit": {
        **ON_ACCOUNT,
        "result": st.sampled_from(DEBIT_RESULTS),
        "amount_yen": AMOUNT,
        "purpose": st.sampled_from(PURPOSES),
    },
    "open": COMMON,
    "payment": {**COMMON, "amount_yen": AMOUNT, "shop": st.just("") | WORDS, "shop_category": st.just("") | WORDS},
    "transfer": {**COMMON, "amount_yen": AMOUNT, "counterparty": WORDS},
    "payout": {**COMMON, "amount_yen": AMOUNT},
}
EVENTS = st.one_of([st.fixed_dictionaries({"kind": st.just(kind), **fields}) for kind, fields in KINDS.items()])


@given(st.lists(EVENTS, min_size=1, max_size=8), st.integers(1, 9))
@settings(deadline=None)
def test_frames_and_messages_of_the_same_events_give_the_same_arrays(events: list[dict[str, Any]], size: int) -> None:
    for wallet_events, decode in ((False, decode_account_events), (True, decode_wallet_events)):
        rows = [i for i, event in enumerate(events) if ("account" not in event) == wallet_events]
        if not rows:
            continue
        decoded = decode(
            [json.dumps(events[i]).encode() for i in rows],
            [bus.key(events[i]) for i in rows],
            np.array(rows, np.int64),
        )
        got = concatenate(list(to_batches(pd.DataFrame(events), size, which="wallet" if wallet_events else "account")))
        assert not decoded.rejected
        for name, expected, column in zip(got._fields, decoded.batch, got, strict=True):
            if name != "record":
                np.testing.assert_array_equal(expected, column, err_msg=name, strict=True)


ODD_VALUES = {
    "event_id": st.text(st.characters(exclude_categories=["Cs"]), max_size=70),
    "bank": st.text("0123456789\uff10x ", max_size=5),
    "account": st.text("0123456789abcdefABCDEFg\n", min_size=14, max_size=18),
    "wallet": st.text("wé", max_size=130),
    "amount_yen": st.integers(-1, 10**9 + 1),
    "occurred_at_ms": st.sampled_from([0, 946_684_799_999, 946_684_800_000, 4_102_444_799_999, 4_102_444_800_000]),
    "result": st.sampled_from([*LINK_RESULTS, *DEBIT_RESULTS, "", "OK"]),
    "service": st.text("az09_.-A/é\n", max_size=34),
    "purpose": st.sampled_from([*PURPOSES, "", "Charge"]),
}


@given(st.sampled_from(sorted(ODD_VALUES)).flatmap(lambda name: st.tuples(st.just(name), ODD_VALUES[name])))
@settings(deadline=None, max_examples=300)
def test_a_frame_refuses_exactly_what_the_bus_refuses(change: tuple[str, Any]) -> None:
    event = {**bus.debit(), change[0]: change[1]}
    decoded = decode_account_events([json.dumps(event).encode()], [event["account"].encode()], np.zeros(1, np.int64))
    try:
        list(to_batches(pd.DataFrame([event]), 1))
        refused = False
    except UserError:
        refused = True
    assert bool(decoded.rejected) == refused
