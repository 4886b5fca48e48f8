"""The controller follows drift of normal events, not campaigns or outages; which bank has which budget."""

from dataclasses import replace

import numpy as np
import pytest
from support.alone import Alone, no_facts
from support.models import make_batch, make_model
from support.oracle_budget import DAY_MS, JST_MS, Alerting, batch_of, parts

from detector.contract.batch import Batch
from detector.contract.vocabulary import ABSENT
from detector.core.budget_controller import SHARED, controller_of, name_of
from detector.core.budgets import BANKS, BankBudgets
from detector.core.escalation import escalate
from detector.core.model import Judgement, Model
from detector.core.stage import JUDGED_BY, OF_LIMIT, WHOLE, Stage
from detector.core.stages.budget import HIGHEST, LOWEST, NEVER, SILENT_DAYS, STEP, budget_stage
from detector.core.topology import within_budget

DAY_0 = 18_500
TTL_MS = 400 * DAY_MS


class Life:
    """A budget of `set_point` groups a day, and days with `drift` times the groups of the training data."""

    def __init__(self, set_point: float = 20.0, seed: int = 1, learnt_until: int = NEVER) -> None:
        self._set_points = np.full(BANKS + 1, set_point)
        self.pipeline = Alone(self._stage(learnt_until), ttl_ms=TTL_MS)
        self.set_point = set_point
        self.day, self._offset = DAY_0, 0
        self._rng = np.random.default_rng(seed)

    def _stage(self, learnt_until: int) -> Stage:
        return budget_stage(lambda batch: batch.bank.astype(np.uint64), self._set_points, learnt_until)

    def retrained(self, learnt_until: int) -> None:
        """From here on another model judges."""
        rows, watermark_ms = self.pipeline.rows, self.pipeline.watermark_ms
        stage = self._stage(learnt_until)
        self.pipeline = Alone(stage, ttl_ms=TTL_MS, rows=rows, watermark_ms=watermark_ms)

    def live(self, days: int, drift: float = 1.0, campaign: int = 0) -> float:
        """Let `days` go by with so many groups of a campaign on each; groups a day that alerted."""
        alerted = 0
        for _ in range(days):
            ordinary = self._rng.poisson(HIGHEST * self.set_point * drift)
            of_limit = np.concatenate((self._rng.uniform(0, HIGHEST, ordinary), np.full(campaign, 0.01)))
            at_ms = np.sort(self._rng.integers(0, DAY_MS, len(of_limit))) + self.day * DAY_MS - JST_MS
            accounts = self._rng.integers(1, 2**62, len(of_limit))
            alerted += self.take([Alerting(*event) for event in zip(accounts, at_ms, of_limit, strict=True)])
            self.day += 1
        return alerted / days

    def take(self, events: list[Alerting]) -> int:
        """How many of the events alert."""
        facts = no_facts(len(events))
        facts[:, OF_LIMIT] = [parts(event) for event in events]
        outcome = self.pipeline.process(batch_of(events, self._offset), facts)
        self._offset += len(events)
        return len(within_budget(outcome.events, outcome.status))

    def multipliers(self, days: int, drift: float = 1.0) -> list[float]:
        """The multiplier on each of `days`."""
        found = []
        for _ in range(days):
            self.live(days=1, drift=drift)
            found.append(self.multiplier)
        return found

    @property
    def multiplier(self) -> float:
        return float(self.pipeline.rows.rows["multiplier"][0])


def test_of_a_life_as_learnt_the_rate_stays_at_the_set_point() -> None:
    life = Life()
    assert 20 == pytest.approx(life.live(days=200), rel=0.07)
    assert 1 == pytest.approx(life.multiplier, abs=0.15)


@pytest.mark.parametrize("drift", [1.4, 0.7])
def test_when_normal_life_drifts_the_rate_comes_back_within_weeks(drift: float) -> None:
    life = Life()
    life.live(days=30)
    assert 20 * drift == pytest.approx(life.live(days=3, drift=drift), rel=0.25)
    life.live(days=35, drift=drift)
    assert 20 == pytest.approx(life.live(days=30, drift=drift), rel=0.1)
    assert 1 / drift == pytest.approx(life.multiplier, rel=0.15)


@pytest.mark.parametrize("campaign", [25, 60, 600])
def test_a_campaign_does_not_move_it(campaign: int) -> None:
    life = Life()
    life.live(days=30)
    before = life.multiplier
    life.live(days=14, campaign=campaign)
    assert before == pytest.approx(life.multiplier, rel=0.06)
    life.live(days=1)  # alerts meanwhile do not count towards the usual
    assert before == pytest.approx(life.multiplier, rel=0.06)


def test_while_a_campaign_goes_on_a_move_that_was_under_way_waits() -> None:
    life = Life()
    life.live(days=10, drift=1.4)
    life.live(days=1, campaign=200)
    life.live(days=1, campaign=200)
    before = life.multiplier
    life.live(days=5, campaign=200)
    assert before == life.multiplier < 1


def test_an_outage_does_not_move_it() -> None:
    life = Life()
    life.live(days=30)
    before = life.multiplier
    life.live(days=4, drift=0.05)
    assert before == pytest.approx(life.multiplier, rel=0.06)
    life.day += 3 * SILENT_DAYS
    life.live(days=3)
    assert before == pytest.approx(life.multiplier, rel=0.06)


@pytest.mark.parametrize(("expected", "drift"), [(LOWEST, 3.0), (HIGHEST, 0.2)])
def test_it_moves_slowly_and_stays_within_bounds(expected: float, drift: float) -> None:
    life = Life()
    seen = life.multipliers(days=10)
    for day in range(200):  # so slow a drift that no day is unlike the one before
        seen += life.multipliers(days=1, drift=drift ** min(1, day / 120))
    steps = np.array(seen[1:]) / np.array(seen[:-1])
    assert steps.max() <= STEP * (1 + 1e-9)
    assert steps.min() >= (1 - 1e-9) / STEP
    assert expected == pytest.approx(seen[-1], rel=0.02)
    assert LOWEST <= min(seen) <= max(seen) <= HIGHEST


def test_days_that_the_model_learnt_from_do_not_count() -> None:
    life = Life(learnt_until=DAY_0 + 29)
    assert {1.0} == set(life.multipliers(days=30, drift=0.7))
    assert 1.2 < life.multipliers(days=40, drift=0.7)[-1]


def test_with_another_model_a_budget_begins_anew() -> None:
    life = Life()
    assert 1.2 < life.multipliers(days=40, drift=0.7)[-1]
    life.retrained(life.day - 1)
    assert [1.0, 1.0] == life.multipliers(days=2)


def test_a_small_budget_is_slower_and_as_steady() -> None:
    life = Life(set_point=0.5)
    moved = life.multipliers(days=400)
    assert 0.75 < min(moved) <= max(moved) < 1.33


def test_a_budget_that_begins_lets_through_what_the_model_says() -> None:
    life = Life()
    at_ms = DAY_0 * DAY_MS
    assert 1 == life.take([Alerting(1, at_ms, 1.0), Alerting(2, at_ms, 1.000001), Alerting(3, at_ms, HIGHEST)])


def test_alerts_of_one_account_are_one_group_a_day_and_wallets_are_separate() -> None:
    life = Life()
    at_ms = DAY_0 * DAY_MS
    alerting = [(1, 9), (1, 9), (2, 9), (0, 8), (0, 7), (0, 8)]
    life.take([Alerting(account, at_ms, 0.5, wallet=wallet) for account, wallet in alerting])
    assert 4 == life.pipeline.rows.rows["groups"][0]


def controlled(own: dict[str, float]) -> Model:
    model = replace(make_model(), budget=20.0, banks=BankBudgets({"0001": 0.75, "0116": 0.25}, own))
    return model.with_controller()


def test_banks_without_a_budget_of_their_own_share_one() -> None:
    stage = controller_of(controlled({"0116": 2.0}))
    assert stage is not None
    batch = make_batch(4, bank=[1, 116, 9900, ABSENT])
    assert [SHARED, 117, SHARED, SHARED] == stage.keys_of(batch).tolist()


def test_a_model_without_a_controller_has_no_budget_stage() -> None:
    assert controller_of(make_model()) is None


def escalated_of(model: Model, alarm: list[float], batch: Batch) -> np.ndarray:
    """The facts of events with these alarms."""
    alarms, n = np.array(alarm), len(alarm)
    alert = alarms <= model.limits[batch.bank] * HIGHEST
    facts = no_facts(n)
    judged = Judgement(alarms, np.zeros(n, np.int8), np.ones(n), np.zeros((n, 1)), alert)
    escalate(facts, batch, judged, model)
    return facts


def test_the_controller_gets_the_part_of_the_limit_of_the_bank() -> None:
    model = controlled({"0116": 2.0})  # a limit of 8
    facts = escalated_of(model, [20.0, 8.0, 4.0, 30.0], make_batch(4, bank=[1, 116, 116, 1]))
    assert [WHOLE, WHOLE, WHOLE // 2, WHOLE * 3 // 2] == facts[:, OF_LIMIT].tolist()


def test_without_a_controller_no_fraction_of_the_limit_is_written() -> None:
    model = replace(controlled({}), controlled=False)
    facts = escalated_of(model, [20.0, np.inf], make_batch(2, bank=[1, 1]))
    assert [0, 0] == facts[:, OF_LIMIT].tolist()
    assert [model.number, 0] == facts[:, JUDGED_BY].tolist(), "what no detector scores was judged by none"


def test_rounding_never_takes_an_alarm_over_its_limit_or_back() -> None:
    alarms = [float(np.nextafter(20, 0)), 20.0, float(np.nextafter(20, 99))]
    parts_of_limit = escalated_of(controlled({}), alarms, make_batch(3, bank=[1, 1, 1]))[:, OF_LIMIT]
    assert [True, True, False] == (parts_of_limit <= WHOLE).tolist()


def test_a_budget_is_named_by_its_bank() -> None:
    assert ["shared", "0001", "0116", "9900"] == [name_of(key) for key in (SHARED, 2, 117, 9901)]
