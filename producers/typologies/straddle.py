"""T2, month straddle: the whole cap at a month's end, and again when the new month has a new one."""

import datetime as dt

import numpy as np
import numpy.typing as npt

from producers import events, jst
from producers.draws import Rng
from producers.events import Events
from producers.typologies import acts, drain
from producers.typologies.plan import Parameter, Plan, between

LAST_DAYS = Parameter("last_days", 28, 31, "day", "day of the month of the first drain (INCIDENT T2)")
SECOND = Parameter("second_drain_h", 0, 47, "h", "after the month's first midnight: on day 1 or 2 (INCIDENT T2)")
PARAMETERS = (*drain.PARAMETERS, LAST_DAYS, SECOND)
#: Opening, link and charges take less, so that the first drain ends before the month does.
LONGEST_DRAIN_MS = 2 * jst.HOUR_MS


def days(dates: list[dt.date]) -> list[dt.date]:
    """Days 28-31 of months whose turn lies in `dates` or right before them."""
    if not dates:
        return []
    before = [dates[0] - dt.timedelta(days=back) for back in range(5, 0, -1)]
    turns = {day: jst.first_day(jst.month_of(day) + 1) for day in before + dates if day.day >= LAST_DAYS.low}
    return [day for day, turn in turns.items() if turn <= dates[-1] and turn + dt.timedelta(days=1) >= dates[0]]


def generate(rng: Rng, plan: Plan) -> Events:
    """The events of T2 for each case of `plan`, which begins on a day of `days`."""
    turn = _turns(plan.begins_ms)
    late = plan.begins_ms > turn - LONGEST_DRAIN_MS
    plan = plan._replace(begins_ms=plan.begins_ms - late * LONGEST_DRAIN_MS)
    entered, linked = acts.enter(rng, plan)
    first_ms = acts.first_charge(rng, plan, linked)
    first = drain.to_cap(rng, plan, first_ms)
    second_ms = (
        turn + between(rng, plan, SECOND, plan.size) * jst.HOUR_MS + rng.integers(0, 50 * jst.MINUTE_MS, plan.size)
    )
    second = drain.to_cap(rng, plan, second_ms)
    bought = [acts.goods(rng, plan, first_ms, first.yen), acts.goods(rng, plan, second_ms, second.yen)]
    return events.concatenate([entered, first.events, second.events, *bought])


def _turns(moment_ms: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The midnight that ends the month of each moment."""
    ends = [jst.midnight_ms(jst.first_day(jst.month_of(jst.date_of(moment)) + 1)) for moment in moment_ms.tolist()]
    return np.array(ends, np.int64)
