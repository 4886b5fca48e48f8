"""However a log is cut, interrupted, replayed and swept, its features, alerts and rows are the same."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st
from support.oracle_account import NAMES, NEVER_MS, Event, batch_of, lives

from detector.core.admission import APPLY_FRESH, REPLAY
from detector.core.pipeline import Outcome, Pipeline
from detector.core.policy import Judgement
from detector.core.rows import PackedRows
from detector.core.stages.account import ACCOUNT

DAY_MS = 86_400_000
ALERT_FROM_YEN = 90_000

seeds = st.integers(0, 2**32)
times_to_live = st.sampled_from([NEVER_MS, 6 * 3_600_000, 2 * DAY_MS, 30 * DAY_MS])


class LoudModel(NamedTuple):
    """Alerts on every debit of at least 90,000 yen: often enough for cases to have updates."""

    detectors: tuple[str, ...] = ("loud",)

    def judge(self, X: npt.NDArray[np.float32], kind: npt.NDArray[np.int8]) -> Judgement:
        alert = X[:, NAMES.index("amount_yen")] >= ALERT_FROM_YEN
        alarm = np.where(alert, 0.0, np.inf)
        detector = np.zeros(len(X), np.int8)
        return Judgement(alarm=alarm, detector=detector, p_value=alarm, scores=X[:, :1].astype(np.float64), alert=alert)


def pipeline(ttl_ms: int, rows: PackedRows | None = None, watermark_ms: int = 0) -> Pipeline:
    model: Any = LoudModel()
    return Pipeline(ACCOUNT, model, ttl_ms=ttl_ms, rows=rows, watermark_ms=watermark_ms)


class Run(NamedTuple):
    """What became of a log: bytes of features and yen, statuses, alerts by offset, rows."""

    status: list[int]
    X: bytes
    yen: bytes
    alerts: list[tuple[int, int, int]]
    rows: bytes


def run(events: Sequence[Event], cuts: Sequence[int], ttl_ms: int) -> Run:
    """Process `events` in the chunks that `cuts` divide them into."""
    machine = pipeline(ttl_ms)
    status, alerts, X, yen = list[int](), list[tuple[int, int, int]](), b"", b""
    for start, stop in zip([0, *cuts], [*cuts, len(events)], strict=True):
        outcome = machine.process(batch_of(events[start:stop]))
        status += outcome.status.tolist()
        X, yen = X + outcome.X.tobytes(), yen + outcome.carried.facts[:, :2].tobytes()
        alerts += alerts_of(events[start:stop], outcome)
    return Run(status, X, yen, alerts, machine.rows.snapshot().tobytes())


def alerts_of(events: Sequence[Event], outcome: Outcome) -> list[tuple[int, int, int]]:
    return [(events[raised.i].offset, raised.case_offset, raised.update) for raised in outcome.raised]


@given(seed=seeds, ttl_ms=times_to_live, cuts=st.sets(st.integers(1, 99), max_size=6))
@settings(max_examples=30, deadline=None)
def test_a_batch_of_n_equals_n_batches_of_one_and_any_chunks(seed: int, ttl_ms: int, cuts: set[int]) -> None:
    events = lives(seed, 100)
    whole = run(events, [], ttl_ms)
    assert whole == run(events, range(1, len(events)), ttl_ms)
    assert whole == run(events, sorted(cuts), ttl_ms)


def test_a_row_cleared_within_a_chunk_keeps_the_case_it_had_before() -> None:
    events = lives(3, 600, accounts=2)
    whole = run(events, [], 6 * 3_600_000)
    assert len([status for status in whole.status if status == APPLY_FRESH]) > 50
    assert len({case for _, case, _ in whole.alerts}) > 20
    assert max(update for _, _, update in whole.alerts) > 0
    assert whole == run(events, range(1, len(events)), 6 * 3_600_000)


@given(seed=seeds, ttl_ms=times_to_live, committed=st.integers(0, 80), ahead=st.integers(0, 40), data=st.data())
@settings(max_examples=30, deadline=None)
def test_a_restored_log_ends_as_if_never_stopped(
    seed: int, ttl_ms: int, committed: int, ahead: int, data: st.DataObject
) -> None:
    events = lives(seed, 120)
    whole = pipeline(ttl_ms)
    expected = whole.process(batch_of(events))
    # Committed at one offset, rows written up to another: a checkpoint that was cut short, some of its rows lost.
    before = pipeline(ttl_ms)
    before.process(batch_of(events[:committed]))
    watermark_ms, old = before.watermark_ms, before.rows.snapshot()
    before.process(batch_of(events[committed : committed + ahead]))
    new = before.rows.snapshot()
    survived = np.array([data.draw(st.booleans()) for _ in range(len(new))], bool)
    rows = PackedRows(ACCOUNT.row)
    rows.load(new[survived])
    rows.load(old)
    after = pipeline(ttl_ms, rows, watermark_ms)
    outcome = after.process(batch_of(events[committed:]))
    assert whole.rows.snapshot().tobytes() == after.rows.snapshot().tobytes()
    again = outcome.status != REPLAY
    assert again[ahead:].all()
    np.testing.assert_array_equal(expected.X[committed:][again], outcome.X[again])
    np.testing.assert_array_equal(expected.yen[committed:][again], outcome.carried.facts[:, :2][again])
    alerts = alerts_of(events, expected)
    assert set(alerts_of(events[committed:], outcome)) <= set(alerts)
    assert {a for a in alerts if a[0] >= committed + ahead} <= set(alerts_of(events[committed:], outcome))


@given(seed=seeds, ttl_ms=st.sampled_from([6 * 3_600_000, 2 * DAY_MS]), cuts=st.sets(st.integers(1, 119), min_size=2))
@settings(max_examples=30, deadline=None)
def test_sweeping_expired_rows_changes_nothing_but_memory(seed: int, ttl_ms: int, cuts: set[int]) -> None:
    events = lives(seed, 120, accounts=12)
    kept, swept = pipeline(ttl_ms), pipeline(ttl_ms)
    bounds = [0, *sorted(cuts), len(events)]
    for start, stop in pairwise(bounds):
        chunk = batch_of(events[start:stop])
        expected, outcome = kept.process(chunk), swept.process(chunk)
        assert expected.X.tobytes() == outcome.X.tobytes()
        assert expected.raised == outcome.raised
        swept.rows.take_dirty()
        swept.rows.expire(swept.watermark_ms, ttl_ms, stop)
        alive = kept.rows.snapshot()
        alive = alive[kept.watermark_ms - alive["last_seen_ms"] <= ttl_ms]
        assert alive.tobytes() == swept.rows.snapshot().tobytes()
