"""However a log is cut, interrupted, replayed and swept, its features, alerts and rows are the same."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st
from support.alone import Alone
from support.oracle_account import NAMES, NEVER_MS, Event, batch_of, lives

from detector.contract.batch import Batch
from detector.core.admission import APPLY_FRESH, REPLAY
from detector.core.model import Judgement
from detector.core.pipeline import Outcome
from detector.core.rows import PackedRows
from detector.core.stage import CASE_OFFSET, CASE_UPDATE
from detector.core.stages.account import ACCOUNT
from detector.core.stages.cases import CASES

DAY_MS = 86_400_000
ALERT_FROM_YEN = 90_000

seeds = st.integers(0, 2**32)
times_to_live = st.sampled_from([NEVER_MS, 6 * 3_600_000, 2 * DAY_MS, 30 * DAY_MS])


class LoudModel(NamedTuple):
    """Alerts on every debit of at least 90,000 yen: often enough for cases to have updates."""

    detectors: tuple[str, ...] = ("loud",)
    number: int = 1
    controlled: bool = False

    def judge(self, X: npt.NDArray[np.float32], kind: npt.NDArray[np.int8], bank: npt.NDArray[np.int16]) -> Judgement:
        alert = X[:, NAMES.index("amount_yen")] >= ALERT_FROM_YEN
        alarm = np.where(alert, 0.0, np.inf)
        detector = np.zeros(len(X), np.int8)
        return Judgement(alarm=alarm, detector=detector, p_value=alarm, scores=X[:, :1].astype(np.float64), alert=alert)


Numbered = list[tuple[int, int, int]]  # of each alert: its offset, that of its case's first alert, the update


class Machine:
    """The account stage, and the cases stage behind it for what alerts."""

    def __init__(self, ttl_ms: int, accounts: PackedRows | None = None, watermark_ms: int = 0) -> None:
        model: Any = LoudModel()
        self.accounts = Alone(ACCOUNT, model, ttl_ms=ttl_ms, rows=accounts, watermark_ms=watermark_ms)
        self.cases = Alone(CASES, ttl_ms=ttl_ms)

    def process(self, batch: Batch) -> tuple[Outcome, Numbered]:
        """What the account stage makes of the next events, and the alerts among them."""
        batch = batch._replace(origin_offset=batch.offset)
        outcome = self.accounts.process(batch)
        alerts = batch.select(outcome.alerting)
        numbered = self.cases.process(alerts, outcome.events.facts[outcome.alerting])
        found = np.stack([alerts.offset, *numbered.events.facts[:, [CASE_OFFSET, CASE_UPDATE]].T], axis=1)
        return outcome, [tuple(row) for row in found[numbered.applied].tolist()]

    def rows(self) -> tuple[bytes, bytes]:
        """The rows of both."""
        return self.accounts.rows.snapshot().tobytes(), self.cases.rows.snapshot().tobytes()


class Run(NamedTuple):
    """What became of a log: statuses, bytes of features and facts, alerts, rows."""

    status: list[int]
    X: bytes
    facts: bytes
    alerts: Numbered
    rows: tuple[bytes, bytes]


def run(events: Sequence[Event], cuts: Sequence[int], ttl_ms: int) -> Run:
    """Process `events` in the chunks that `cuts` divide them into."""
    machine = Machine(ttl_ms)
    status, alerts, X, facts = list[int](), Numbered(), b"", b""
    for start, stop in zip([0, *cuts], [*cuts, len(events)], strict=True):
        outcome, numbered = machine.process(batch_of(events[start:stop]))
        status += outcome.status.tolist()
        X, facts = X + outcome.events.X.tobytes(), facts + outcome.events.facts.tobytes()
        alerts += numbered
    return Run(status, X, facts, alerts, machine.rows())


@given(seed=seeds, ttl_ms=times_to_live, cuts=st.sets(st.integers(1, 99), max_size=6))
@settings(max_examples=30, deadline=None)
def test_a_batch_of_n_equals_n_batches_of_one_and_any_chunks(seed: int, ttl_ms: int, cuts: set[int]) -> None:
    events = lives(seed, 100)
    whole = run(events, [], ttl_ms)
    assert whole == run(events, range(1, len(events)), ttl_ms)
    assert whole == run(events, sorted(cuts), ttl_ms)


def test_rows_cleared_within_a_chunk_make_no_difference_to_it() -> None:
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
    whole = Machine(ttl_ms)
    expected, alerts = whole.process(batch_of(events))
    # Committed at one offset, rows written up to another: a checkpoint that was cut short, some of its rows lost.
    before = Machine(ttl_ms)
    before.process(batch_of(events[:committed]))
    watermark_ms, old = before.accounts.watermark_ms, before.accounts.rows.snapshot()
    before.process(batch_of(events[committed : committed + ahead]))
    new = before.accounts.rows.snapshot()
    survived = np.array([data.draw(st.booleans()) for _ in range(len(new))], bool)
    rows = PackedRows(ACCOUNT.row)
    rows.load(new[survived])
    rows.load(old)
    after = Machine(ttl_ms, rows, watermark_ms)
    # Alerts up to the commit were numbered before it, those behind it perhaps as well: their cases take each once.
    after.cases = before.cases
    outcome, numbered = after.process(batch_of(events[committed:]))
    assert whole.rows() == after.rows()
    again = outcome.status != REPLAY
    assert again[ahead:].all()
    np.testing.assert_array_equal(expected.events.X[committed:][again], outcome.events.X[again])
    np.testing.assert_array_equal(expected.events.facts[committed:][again], outcome.events.facts[again])
    assert set(numbered) <= set(alerts)
    assert {a for a in alerts if a[0] >= committed + ahead} == set(numbered)


@given(seed=seeds, ttl_ms=st.sampled_from([6 * 3_600_000, 2 * DAY_MS]), cuts=st.sets(st.integers(1, 119), min_size=2))
@settings(max_examples=30, deadline=None)
def test_sweeping_expired_rows_changes_nothing_but_memory(seed: int, ttl_ms: int, cuts: set[int]) -> None:
    events = lives(seed, 120, accounts=12)
    kept, swept = Machine(ttl_ms), Machine(ttl_ms)
    bounds = [0, *sorted(cuts), len(events)]
    for start, stop in pairwise(bounds):
        chunk = batch_of(events[start:stop])
        (expected, alerts), (outcome, numbered) = kept.process(chunk), swept.process(chunk)
        assert expected.events.X.tobytes() == outcome.events.X.tobytes()
        assert alerts == numbered
        for whole, small in ((kept.accounts, swept.accounts), (kept.cases, swept.cases)):
            small.rows.take_dirty()
            small.rows.expire(small.watermark_ms, ttl_ms, stop)
            alive = whole.rows.snapshot()
            alive = alive[whole.watermark_ms - alive["last_seen_ms"] <= ttl_ms]
            assert alive.tobytes() == small.rows.snapshot().tobytes()
