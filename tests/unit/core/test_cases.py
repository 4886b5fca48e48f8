import numpy as np
import pytest

from detector.core.cases import CASE_MS, assign_cases
from detector.core.rows import PackedRows
from detector.core.stages.account import ACCOUNT

DAY_MS = 24 * 3_600_000
T = 1_598_886_300_000


def cases(rows: PackedRows, alerts: list[tuple[int, int, int]]) -> list[tuple[int, int]]:
    """(case offset, update) of alerts (key, offset, time); every second event of the batch alerts."""
    doubled = [alert for alert in alerts for _ in range(2)]
    ids = rows.locate(np.array([key for key, _, _ in doubled], np.uint64))
    alerting = np.arange(1, len(doubled), 2)
    offsets, updates = np.empty_like(alerting), np.empty_like(alerting)
    positions, times_ms = (np.array([alert[j] for alert in doubled], np.int64) for j in (1, 2))
    assign_cases(rows.rows, ids, alerting, positions, times_ms, offsets, updates)
    return list(zip(offsets.tolist(), updates.tolist(), strict=True))


def test_a_case_is_a_day_from_its_first_alert() -> None:
    assert CASE_MS == DAY_MS


@pytest.mark.parametrize(
    ("why", "expected", "alerts"),
    [
        ("updates count from 0", [(0, 0), (7, 0), (0, 1)], [(1, 0, T), (2, 7, T), (1, 8, T + 1)]),
        ("the case's first offset may be 0", [(0, 0), (0, 1), (0, 2)], [(1, 0, T), (1, 1, T), (1, 2, T)]),
        ("a day after the first a new case opens", [(3, 0), (4, 0)], [(1, 3, T), (1, 4, T + DAY_MS)]),
        (
            "a day after the first, not after the last",
            [(3, 0), (3, 1), (5, 0)],
            [(1, 3, T), (1, 4, T + DAY_MS - 1), (1, 5, T + DAY_MS)],
        ),
        ("a late alert joins the open case", [(3, 0), (3, 1)], [(1, 3, T), (1, 4, T - 3 * DAY_MS)]),
    ],
)
def test_alerts_of_an_account_are_grouped(
    why: str, expected: list[tuple[int, int]], alerts: list[tuple[int, int, int]]
) -> None:
    assert expected == cases(PackedRows(ACCOUNT.row), alerts), why
    one_by_one = PackedRows(ACCOUNT.row)
    assert expected == [cases(one_by_one, [alert])[0] for alert in alerts], why


def test_update_numbers_stop_where_they_no_longer_fit() -> None:
    rows = PackedRows(ACCOUNT.row)
    found = cases(rows, [(1, 5, T)] * 65_540)
    assert [(5, 0), (5, 65_534), (5, 65_535), (5, 65_535)] == [found[k] for k in (0, 65_534, 65_535, 65_539)]
