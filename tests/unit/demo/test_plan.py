import datetime as dt

import pytest

from detector.demo.plan import Plan
from detector.errors import UserError


def test_the_normal_days_end_where_the_attack_begins_and_are_of_the_same_people() -> None:
    plan = Plan(accounts=3_000, seed=7)
    history, attack = plan.history, plan.attack
    assert (dt.date(2020, 8, 2), 30) == (history.start, history.days)
    assert attack.start == history.start + dt.timedelta(days=history.days)
    assert (3_000, 7) == (history.accounts, history.seed) == (attack.accounts, attack.seed)
    assert (0, 66) == (history.cases, attack.cases)


def test_the_speed_is_what_brings_ten_days_into_the_seconds() -> None:
    assert 864_000 / 45 == Plan(seconds=45).speed


@pytest.mark.parametrize("wrong", [{"accounts": 10}, {"accounts": 10**9}, {"seconds": 0}, {"seconds": float("nan")}])
def test_senseless_sizes_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(UserError, match="expected"):
        Plan(**wrong)  # type: ignore[arg-type]
