"""The budget stage against its slow definition, on random days; and however its log is cut or restarted."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from support.alone import Alone, no_facts
from support.oracle_budget import DAY_MS, Alerting, Budget, batch_of, parts

from detector.core.budgets import BANKS
from detector.core.rows import PackedRows
from detector.core.stage import OF_LIMIT, TURNED_DOWN, Stage
from detector.core.stages.budget import budget_stage

FIRST_DAY = 18_500
SET_POINTS = {116: 8.0, 1: 0.7}

seeds = st.integers(0, 2**32)


def stage(learnt_until: int = 0) -> Stage:
    """Two budgets: of bank 116 and of bank 1."""
    set_points = np.zeros(BANKS + 1)
    for bank, set_point in SET_POINTS.items():
        set_points[bank] = set_point
    return budget_stage(lambda batch: batch.bank.astype(np.uint64), set_points, learnt_until)


def log_of(seed: int) -> list[Alerting]:
    """Sixty days of a life that drifts, with campaigns, gaps, repeated accounts and late events."""
    rng = np.random.default_rng(seed)
    drift = rng.uniform(0.3, 3.0)
    days = np.cumsum(rng.choice([1, 1, 1, 1, 1, 1, 1, 2, 5, 12], 60))
    events = []
    for day in days.tolist():
        count = rng.poisson(12 * drift * (6 if rng.random() < 0.1 else 1))
        at_ms = (FIRST_DAY + day) * DAY_MS + rng.integers(0, DAY_MS, count)
        at_ms -= np.where(rng.random(count) < 0.1, rng.integers(0, 3 * DAY_MS, count), 0)
        for at in at_ms.tolist():
            account = int(rng.integers(0, 200))
            bank = int(rng.choice([116, 116, 116, 1]))
            events.append(Alerting(account, at, float(rng.uniform(0, 2)), bank))
    return events


def decide(machine: Alone, events: list[Alerting], first: int = 0) -> list[bool]:
    """Which of the events are let through."""
    facts = no_facts(len(events))
    facts[:, OF_LIMIT] = [parts(event) for event in events]
    outcome = machine.process(batch_of(events, first), facts)
    decided: list[bool] = (outcome.events.facts[:, OF_LIMIT] != TURNED_DOWN).tolist()
    return decided


def pipeline(rows: PackedRows | None = None, watermark_ms: int = 0, learnt_until: int = 0) -> Alone:
    return Alone(stage(learnt_until), rows=rows, watermark_ms=watermark_ms)


@settings(max_examples=25, deadline=None)
@given(seed=seeds, learnt_until=st.sampled_from([0, FIRST_DAY + 20]))
def test_the_kernel_decides_as_the_definition_says(seed: int, learnt_until: int) -> None:
    events, budgets = log_of(seed), {bank: Budget(set_point, learnt_until) for bank, set_point in SET_POINTS.items()}
    expected = [budgets[event.bank].take(event) for event in events]
    machine = pipeline(learnt_until=learnt_until)
    assert expected == decide(machine, events)
    rows = {int(row["key"]): row for row in machine.rows.snapshot()}
    for bank, budget in budgets.items():
        if budget.first_day is not None:
            assert budget.multipliers[budget.today] == rows[bank]["multiplier"]
            assert budget.life == rows[bank]["life"]
            assert budget.groups.get(budget.today, 0) == rows[bank]["groups"]


@settings(max_examples=15, deadline=None)
@given(seed=seeds, cuts=st.sets(st.integers(1, 400), max_size=8))
def test_a_log_in_other_chunks_or_restored_on_the_way_gives_the_same_decisions_and_rows(
    seed: int, cuts: set[int]
) -> None:
    events = log_of(seed)[:400]
    whole = pipeline()
    expected = decide(whole, events)
    got, machine = list[bool](), pipeline()
    for begin, end in pairwise([0, *sorted(cuts), max(400, len(events))]):
        got += decide(machine, events[begin:end], begin)
        rows = PackedRows(machine.rows.dtype)
        rows.load(machine.rows.snapshot())
        machine = pipeline(rows, machine.watermark_ms)
    assert expected == got
    assert whole.rows.snapshot().tobytes() == machine.rows.snapshot().tobytes()


@settings(max_examples=10, deadline=None)
@given(seed=seeds)
def test_what_is_read_again_changes_nothing_and_goes_nowhere(seed: int) -> None:
    events = log_of(seed)[:300]
    machine = pipeline()
    decide(machine, events)
    before = machine.rows.snapshot().tobytes()
    assert 0 == len(machine.process(batch_of(events), no_facts(len(events))).applied)
    assert before == machine.rows.snapshot().tobytes()
