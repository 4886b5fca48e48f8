"""T11, test then drain: a small charge or two to see whether money comes, and hours later the rest of the cap."""

import numpy as np

from detector.contract.vocabulary import INSUFFICIENT, MONTHLY_CAP_YEN, OVER_CAP
from producers import events, jst
from producers.cases import TEST
from producers.draws import Rng
from producers.events import Events
from producers.typologies import acts, drain
from producers.typologies.plan import Parameter, Plan, between

TESTS = Parameter("tests", 1, 2, "charges", "before the drain: assumed (INCIDENT T11)")
TEST_YEN = Parameter("test_yen", 1_000, 5_000, "yen", "a test, whole thousands: PayPal's mean of 5,000; assumed")
WAIT = Parameter("wait_min", 30, 2_880, "min", "tests to drain: assumed")
PARAMETERS = (*drain.PARAMETERS, TESTS, TEST_YEN, WAIT)


def generate(rng: Rng, plan: Plan) -> Events:
    """The events of T11 for each case of `plan`; tests and drain together reach the cap."""
    entered, linked = acts.enter(rng, plan)
    tested_ms = acts.first_charge(rng, plan, linked)
    low, high = plan.range_of(TEST_YEN)
    wanted = rng.integers(int(low) // 1_000, int(high) // 1_000 + 1, (plan.size, int(TESTS.high))) * 1_000
    wanted[np.arange(wanted.shape[1]) >= between(rng, plan, TESTS, plan.size)[:, None]] = 0
    tests = acts.charges(rng, plan, tested_ms, wanted)
    drained_ms = tests.done_ms + between(rng, plan, WAIT, plan.size) * jst.MINUTE_MS
    refusal = np.where(plan.yen < MONTHLY_CAP_YEN, INSUFFICIENT, OVER_CAP)
    taking = drain.to_cap(rng, plan, drained_ms, plan.yen - tests.yen, refusal)
    as_tests = tests.events._replace(stage=np.full(tests.events.size, TEST, np.int8))
    bought = acts.goods(rng, plan, drained_ms, taking.yen + tests.yen)
    return events.concatenate([entered, as_tests, taking.events, bought])
