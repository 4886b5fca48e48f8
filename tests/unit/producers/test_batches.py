"""Batches from frames: offsets, slices, and every value the contract does not allow refused with its row."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from support import events as bus
from support.populations import scenario

from detector.contract.batch import DTYPES, concatenate
from detector.contract.codec import decode_account_events
from detector.contract.vocabulary import WALLET_KINDS
from detector.errors import UserError
from producers import simulation
from producers.batches import read_batches, to_batches
from producers.files import read_tables, write_events
from producers.messages import values_of
from producers.partitions import event_partitions
from producers.publish import messages_of


def frame(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(list(rows))


def test_a_simulated_file_gives_the_arrays_the_codec_gives_for_its_messages(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    write_events(path, (events for events, _ in simulation.tables(scenario("september-2020", cases=3))))
    (table,) = read_tables(path)
    accounts = table["account"].to_pylist()
    rows = [i for i, account in enumerate(accounts) if account is not None]
    values = values_of(table)
    decoded = decode_account_events(
        [values[i] for i in rows], [accounts[i].encode() for i in rows], np.array(rows, np.int64)
    )
    batches = list(read_batches(path, 1_000))
    assert not decoded.rejected
    assert [1_000] * (len(batches) - 1) == [batch.size for batch in batches[:-1]]
    for name, expected, got in zip(DTYPES, decoded.batch, concatenate(batches), strict=True):
        if name != "record":
            np.testing.assert_array_equal(expected, got, err_msg=name, strict=True)


def test_offsets_count_the_rows_of_the_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    write_events(path, (events for events, _ in simulation.tables(scenario(days=1))))
    kinds = [kind for table in read_tables(path) for kind in table["kind"].to_pylist()]
    for wallet_events in (False, True):
        expected = [i for i, kind in enumerate(kinds) if (kind in WALLET_KINDS) == wallet_events]
        batches = list(read_batches(path, 100, which="wallet" if wallet_events else "account"))
        assert expected == np.concatenate([batch.offset for batch in batches]).tolist()


def test_slices_of_any_size_hold_the_same_events() -> None:
    table = next(events for events, _ in simulation.tables(scenario(days=1)))
    whole = concatenate(list(to_batches(table, 10_000)))
    for size in (1, 7, 64):
        for expected, got in zip(whole, concatenate(list(to_batches(table, size))), strict=True):
            np.testing.assert_array_equal(expected, got, strict=True)


def test_record_is_the_row_of_the_frame_and_offset_counts_on() -> None:
    events = frame(bus.open_wallet(), bus.debit(), bus.payment(), bus.link())
    (batch,) = to_batches(events, 10, first_row=100)
    assert [1, 3] == batch.record.tolist()
    assert [101, 103] == batch.offset.tolist()


def test_an_empty_frame_gives_no_batch() -> None:
    assert not list(to_batches(frame(bus.debit()).iloc[:0], 10))


BAD = (
    ("unknown kind", {"kind": "gift"}, "`kind`, expected one of link"),
    ("no kind", {"kind": None}, "`kind`, expected one of link"),
    ("no service", {"service": "cash/card"}, "`service`, expected a name of 1 to 32 lower-case letters"),
    ("amount zero", {"amount_yen": 0}, "`amount_yen`, expected a whole number from 1 to"),
    ("amount negative", {"amount_yen": -5}, "`amount_yen`, expected a whole number from 1 to"),
    ("amount with decimals", {"amount_yen": 10.5}, "`amount_yen`, expected a whole number from 1 to"),
    ("amount infinite", {"amount_yen": float("inf")}, "`amount_yen`, expected a whole number from 1 to"),
    ("amount huge", {"amount_yen": 10**9 + 1}, "`amount_yen`, expected a whole number from 1 to"),
    ("no amount", {"amount_yen": None}, "`amount_yen`, expected a whole number from 1 to"),
    ("time in seconds", {"occurred_at_ms": 1_598_886_300}, "`occurred_at_ms`, expected epoch milliseconds"),
    ("no opening time", {"wallet_opened_at_ms": None}, "`wallet_opened_at_ms`, expected epoch milliseconds"),
    ("three digits", {"bank": "116"}, "`bank`, expected a string of 4 digits"),
    ("digits of another script", {"bank": "\uff10\uff11\uff11\uff16"}, "`bank`, expected a string of 4 digits"),
    ("no bank", {"bank": None}, "`bank`, expected a string of 4 digits"),
    ("account no hash", {"account": "1234567"}, "`account`, expected a string of 16 to 128 hex digits"),
    ("account not hex", {"account": "9f86d081884c7d6g"}, "`account`, expected a string of 16 to 128 hex digits"),
    ("link's result", {"result": "locked"}, "`result`, expected one of"),
    ("no result", {"result": None}, "`result`, expected one of"),
    ("unknown purpose", {"purpose": "gift"}, "`purpose`, expected one of charge, payment"),
    ("empty wallet", {"wallet": ""}, "`wallet`, expected a string of 1 to 128"),
    ("long wallet", {"wallet": "w" * 129}, "`wallet`, expected a string of 1 to 128"),
    ("long event id", {"event_id": "e" * 65}, "`event_id`, expected a string of 1 to 64"),
    ("long source", {"source": "s" * 129}, "`source`, expected a string of at most 128"),
    ("unverified unknown", {"wallet_verified": None}, "`wallet_verified`, expected true or false"),
)


@pytest.mark.parametrize(("changes", "expected"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_a_bad_value_is_refused_with_its_row(changes: dict[str, Any], expected: str) -> None:
    # Set after the dict is built: a change to None must stay in the frame.
    events = frame(bus.link(), bus.debit(), {**bus.debit(), **changes}, bus.debit())
    with pytest.raises(UserError) as caught:
        list(to_batches(events, 10, first_row=1_000, name="mine.parquet"))
    assert str(caught.value).startswith(f"mine.parquet, row 1003: {expected}")


BAD_TYPES = (
    ("numbers for texts", {"bank": 116}, "column `bank` holds int64, expected text"),
    ("texts for numbers", {"amount_yen": "100"}, "column `amount_yen` holds"),
    ("numbers for truth", {"wallet_verified": 1}, "column `wallet_verified` holds int64, expected true or false"),
    ("truth for numbers", {"amount_yen": True}, "column `amount_yen` holds bool, expected whole numbers"),
)


@pytest.mark.parametrize(("changes", "expected"), [row[1:] for row in BAD_TYPES], ids=[row[0] for row in BAD_TYPES])
def test_a_column_of_another_type_is_refused_by_name(changes: dict[str, Any], expected: str) -> None:
    with pytest.raises(UserError) as caught:
        list(to_batches(frame(bus.debit(**changes)), 10))
    assert expected in str(caught.value)


def test_a_column_of_mixed_types_is_refused() -> None:
    with pytest.raises(UserError, match="mixes types"):
        list(to_batches(frame(bus.debit(), bus.debit(wallet=17)), 10))


def test_what_a_kind_does_not_have_is_ignored() -> None:
    (plain,) = to_batches(frame(bus.unlink()), 10)
    (extra,) = to_batches(frame(bus.unlink(result="whatever", amount_yen=-3, shop="s", purpose="none")), 10)
    for expected, got in zip(plain, extra, strict=True):
        np.testing.assert_array_equal(expected, got, strict=True)


def test_an_event_s_partition_is_that_of_its_message() -> None:
    (table, *_), *_ = simulation.tables(scenario("september-2020", cases=3))
    messages = messages_of(table, ("accounts", 5), ("wallets", 5))
    assert messages.partitions == event_partitions(table, 5).tolist()
    assert set(range(5)) == set(messages.partitions)
