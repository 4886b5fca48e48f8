"""What campaigns are made of, under which keys, and in which partition; the table of patterns."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from support.campaigns import (
    failures,
    log,
    random_log,
)

from detector.contract import canary
from detector.contract.batch import Batch
from detector.contract.vocabulary import DEBIT, INSUFFICIENT, LINK, OK, OPEN, PAYMENT
from detector.core.stage import ESCALATED, OF_LIMIT, WHOLE
from detector.core.stages.campaign_patterns import (
    BANK,
    BANK_EMPTIED,
    FLOOR,
    KEYS,
    PATTERNS,
    SERVICE,
    SOURCE,
    TIMES,
)
from detector.core.stages.campaigns import CAMPAIGNS, by_key, keys_of, telling
from detector.jst import DAY_MS
from detector.stream.hop_writer import target_partitions


def test_what_campaigns_are_made_of_is_a_small_part_of_all_events() -> None:
    rows = [
        {"kind": LINK, "age": 9 * DAY_MS},
        {"kind": OPEN},
        {"kind": DEBIT, "yen": 5, "age": 9 * DAY_MS},
        {"kind": DEBIT, "yen": 5},
        {"kind": DEBIT, "yen": 5, "result": INSUFFICIENT},
        {"kind": DEBIT, "yen": 5, "age": 9 * DAY_MS, "alert": True},
        {"kind": PAYMENT},
        {"kind": PAYMENT, "shop": 1},
    ]
    status = np.array([0, 1, 0, 0, 0, 0, 0, 0], np.int8)
    assert [0, 1, 3, 5, 7] == telling(log(*rows), status).tolist()
    status[0], status[5] = 2, 3
    assert [1, 3, 7] == telling(log(*rows), status).tolist()


def test_what_the_controller_would_have_to_let_through_is_no_alert_here() -> None:
    # The model lets through twice the limit; what the controller turns down behind it alerts nowhere.
    events = log(*failures(5, alert=True, result=OK))
    events.facts[:, OF_LIMIT] = [0, 1, WHOLE, WHOLE + 1, 2 * WHOLE]
    assert [1, 1, 1, 0, 0] == by_key(events).select(by_key(events).batch.role == SOURCE).facts[:, ESCALATED].tolist()
    assert [BANK] * 5 + [BANK_EMPTIED] * 3 == sorted(
        role for role in roles(by_key(events).batch).tolist() if role in (BANK, BANK_EMPTIED)
    )
    debits = log(*[{"kind": DEBIT, "yen": 5, "age": 9 * DAY_MS, "alert": True}] * 2)
    debits.facts[:, OF_LIMIT] = [WHOLE, WHOLE + 1]
    assert [0] == telling(debits, np.zeros(2, np.int8)).tolist()
    assert [1, 1] == debits.facts[:, ESCALATED].tolist(), "the cases behind the controller read them"


def roles(batch: Batch) -> npt.NDArray[np.int64]:
    return batch.role.astype(np.int64)


def test_an_event_goes_to_each_of_its_keys_and_before_that_to_one_partition() -> None:
    rows: list[dict[str, Any]] = [
        {"alert": True},
        {},
        {"kind": OPEN, "bank": -1},
        {"kind": DEBIT, "source": 0},
        {"source": 0},
    ]
    events = log(*rows)
    assert [0] * len(rows) == keys_of(events.batch).tolist()
    keyed = by_key(events).batch
    assert [0, 0, 0, 0, 1, 1, 2, 4] == keyed.record.tolist()
    assert [SOURCE, BANK, SERVICE, BANK_EMPTIED, SOURCE, BANK, SOURCE, BANK] == roles(keyed).tolist()
    assert 4 == len(set(keys_of(keyed).tolist())), "a source, a bank, a service, a bank's emptied accounts"


def test_rows_of_every_key_are_moved_to_the_partition_that_events_go_to() -> None:
    keyed = by_key(random_log(4))
    keys = np.unique(keys_of(keyed.batch))
    for partitions in (1, 3, 16):
        (home,) = set(target_partitions(keys_of(log({}).batch), partitions).tolist())
        assert {home} == set(target_partitions(CAMPAIGNS.placed_by(keys), partitions).tolist())
    assert len(keys) > 20


def test_every_pattern_has_its_place_in_the_kernels_table() -> None:
    assert len(PATTERNS) == int(np.isfinite(FLOOR).sum())
    assert [pattern.key for pattern in PATTERNS if pattern.scaled_by is not None] == [BANK_EMPTIED]
    assert {pattern.key for pattern in PATTERNS} == set(KEYS)
    for pattern in PATTERNS:
        assert pattern.times in TIMES[pattern.key]
        assert pattern.what_en.format(bank="0116", service="x")
        assert pattern.advice_ja.format(bank="0116", service="x")


@pytest.mark.parametrize(("bank", "tell"), [(int(canary.BANK), 0), (116, 200)])
def test_the_canary_takes_part_in_no_campaign(bank: int, tell: int) -> None:
    events = log(*failures(200, bank=bank, alert=True))
    assert tell == len(telling(events, np.zeros(200, np.int8)))
