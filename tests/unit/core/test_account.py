"""The account stage on lives of a few events, expected values worked out by hand."""

from dataclasses import replace
from datetime import date, timedelta
from string import Formatter

import numpy as np
import pytest
from support.alone import Alone
from support.oracle_account import NAMES, Event, batch_of

from detector.contract.vocabulary import DEBIT, EKYC, INSUFFICIENT, LINK, LOCKED, OK, PIN4, UNLINK, WRONG_CREDENTIALS
from detector.core.admission import APPLY_FRESH
from detector.core.stage import FACTS, MAX_ROW_BYTES
from detector.core.stages.account import ACCOUNT
from detector.core.stages.account_features import FEATURES
from detector.core.stages.jst import day_of, first_day_of, hour_of, month_of
from detector.core.units import UNITS

T = 1_598_936_700_000  # 1 September 2020, 14:05 in Japan
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
W1, W2 = 1 << 40, 2 << 40


def link(at_ms: int, wallet: int = W1, result: int = OK, auth: int = PIN4) -> Event:
    return Event(0, 0, LINK, at_ms, wallet=wallet, opened_ms=T - HOUR, result=result, auth=auth)


def unlink(at_ms: int, wallet: int = W1) -> Event:
    return Event(0, 0, UNLINK, at_ms, wallet=wallet, opened_ms=T - HOUR)


def debit(at_ms: int, yen: int, wallet: int = W1, service: int = 0, result: int = OK) -> Event:
    return Event(
        0, 0, DEBIT, at_ms, wallet=wallet, service=service, opened_ms=T - HOUR, result=result, yen=yen, purpose=0
    )


def played(*events: Event) -> tuple[list[dict[str, float]], list[list[int]]]:
    """Features that each event has, by name, and its yen."""
    numbered = [replace(event, offset=k, event_id=k + 1) for k, event in enumerate(events)]
    outcome = Alone(ACCOUNT, ttl_ms=10**12).process(batch_of(numbered))
    rows = [{n: float(v) for n, v in zip(NAMES, x, strict=True) if not np.isnan(v)} for x in outcome.events.X]
    return rows, outcome.events.facts[:, :2].tolist()


def last(*events: Event) -> dict[str, float]:
    return played(*events)[0][-1]


def test_the_drain_of_1_september_2020_is_seen_as_it_happened() -> None:
    # Linked ten minutes after the wallet was opened, then the whole cap in a minute (INCIDENT.md, 77 Bank).
    amounts = [100_000, 90_000, 90_000, 20_000]
    debits = [debit(T + k * 15 * SECOND, yen) for k, yen in enumerate(amounts)]
    found, yen = played(link(T - 5 * MINUTE), *debits)
    assert [1, 2, 3, 4] == [x["debits_1m"] for x in found[1:]]
    assert [100_000, 190_000, 280_000, 300_000] == [x["yen_10m"] for x in found[1:]]
    assert [300, 315, 330, 345] == [x["since_link_s"] for x in found[1:]]
    assert [100_000, 190_000, 280_000, 300_000] == [x["month_yen"] for x in found[1:]]
    assert [15, 15, 15] == [x["gap_s"] for x in found[2:]]
    assert [300_000 * 3_600 / 345] == pytest.approx([found[4]["yen_per_hour"]])
    assert [1, 1, 1, 1] == [x["link_by_pin"] for x in found[1:]]
    assert [[0, 300_000], [100_000, 200_000], [190_000, 110_000], [280_000, 20_000], [300_000, 0]] == yen


def test_a_first_link_says_what_is_known_before_any_money_is_gone() -> None:
    assert {
        "wallet_age_s": 3_600,
        "wallet_unverified": 1,
        "wallets": 1,
        "services": 1,
        "account_known_s": 0,
        "link_failed": 0,
        "link_by_pin": 1,
        "night": 0,
    } == last(link(T))


@pytest.mark.parametrize(
    ("why", "expected", "events"),
    [
        ("a failed link is one", {"link_failed": 1}, [link(T), link(T + 1, result=WRONG_CREDENTIALS)]),
        ("other wallets are counted", {"wallets": 2}, [link(T), link(T, W2)]),
        ("a failed link leaves no wallet", {"wallets": 1}, [link(T, result=LOCKED), link(T, W2)]),
        ("a wallet that links again is the same", {"wallets": 1}, [link(T), link(T + 1)]),
        ("links by other means", {"link_by_pin": 0}, [link(T, auth=EKYC)]),
    ],
)
def test_links(why: str, expected: dict[str, float], events: list[Event]) -> None:
    found = last(*events)
    assert expected == {name: found.get(name) for name in expected}, why


@pytest.mark.parametrize(
    ("why", "expected", "events"),
    [
        ("no history, no comparison", {"gap_s": None, "amount_z": None, "amount_ratio": None}, [debit(T, 1_000)]),
        (
            "a refused debit is an attempt, and no yen",
            {"debits_1m": 2, "yen_1h": 5_000, "month_yen": 5_000, "debit_refused": 1, "amount_yen": 90_000},
            [debit(T, 5_000), debit(T + 1, 90_000, result=INSUFFICIENT)],
        ),
        ("a refused debit is not remembered", {"debits_1m": 1}, [debit(T, 1, result=INSUFFICIENT), debit(T, 1)]),
        ("a window ends where it is as old as it is long", {"debits_1m": 1}, [debit(T, 1), debit(T + MINUTE, 1)]),
        ("and holds what is younger", {"debits_1m": 2}, [debit(T, 1), debit(T + MINUTE - SECOND, 1)]),
        ("windows remember six debits", {"debits_1m": 7, "yen_24h": 7}, [debit(T, 1)] * 9),
        ("the month remembers all", {"month_yen": 9}, [debit(T, 1)] * 9),
        (
            "the month has all services",
            {"month_yen": 110_000, "services": 2},
            [debit(T, 100_000, service=1), debit(T, 10_000, service=2)],
        ),
        (
            "a month begins in Japan",
            {"month_yen": 10_000},
            [debit(T, 300_000), debit(T + 29 * DAY + 10 * HOUR, 10_000)],
        ),
        (
            "a debit that comes late from the month before has only itself",
            {"month_yen": 100_000},
            [debit(T, 50_000), debit(T - 2 * DAY, 100_000)],
        ),
        (
            "what comes late is never before",
            {"gap_s": 0, "since_link_s": 0},
            [link(T), debit(T, 1), debit(T - HOUR, 1)],
        ),
        ("an unlinked wallet's link is not remembered", {"since_link_s": None}, [link(T), unlink(T), debit(T, 1)]),
        ("another wallet's unlink changes nothing", {"since_link_s": 0}, [link(T), unlink(T, W2), debit(T, 1)]),
        (
            "the usual amount, and ten times as much",
            {"amount_ratio": 10.0, "amount_z": 23.03},
            [debit(T + k * DAY, 5_000) for k in range(4)] + [debit(T + 5 * DAY, 50_000)],
        ),
        ("a quarter at this time of day", {"hour_habit": 0.25}, [debit(T + k * 6 * HOUR, 1) for k in range(5)]),
        ("night", {"night": 1}, [debit(T + 10 * HOUR, 1)]),
    ],
)
def test_debits(why: str, expected: dict[str, float | None], events: list[Event]) -> None:
    found = last(*events)
    assert expected == {name: found.get(name) and round(found[name], 2) for name in expected}, why


def test_a_fifth_wallet_evicts_the_least_recently_used() -> None:
    wallets = [(k + 1) << 40 for k in range(5)]
    for seen_again, forgotten in ((wallets[0], 1), (wallets[1], 0)):
        life = [*(link(T, wallet) for wallet in wallets[:4]), debit(T + SECOND, 1, seen_again), link(T + 2, wallets[4])]
        linked = ["since_link_s" in last(*life, debit(T + 3 * SECOND, 1, wallet)) for wallet in wallets]
        assert [k != forgotten for k in range(5)] == linked


def test_amounts_saturate_instead_of_running_over() -> None:
    found = last(*[debit(T, 10**9)] * 9)
    assert 2.0**32 + 10**9 == pytest.approx(found["month_yen"])
    assert 7e9 == found["yen_24h"]


def test_habits_of_a_thousand_debits_stay_in_proportion() -> None:
    found = last(*[debit(T + k * 4 * HOUR, 1) for k in range(3_000)])
    assert 1 / 6 == pytest.approx(found["hour_habit"], abs=0.01)


def test_an_unlink_has_no_features_but_says_what_is_left() -> None:
    found, yen = played(debit(T, 100_000), unlink(T + 1))
    assert ({}, [100_000, 200_000]) == (found[-1], yen[-1])


def test_a_fresh_row_forgets_everything() -> None:
    rows = np.zeros(2, ACCOUNT.row)
    fields = [name for name in ACCOUNT.row.names or () if not name.startswith("_")]
    for name in fields[6:]:
        rows[name][1] = 255
    rows["last_index"] = 0
    batch = batch_of([replace(debit(T, 5_000), offset=k) for k in range(2)])
    status, X = np.full(2, APPLY_FRESH, np.int8), np.full(2, np.nan, ACCOUNT.record)
    rows["recent_ids"] = 0
    ACCOUNT.kernel(rows, np.arange(2), status, batch, 0, 2, X, np.empty((2, len(FACTS)), np.int64))
    assert X[0].tobytes() == X[1].tobytes()
    assert rows[:1].tobytes() == rows[1:].tobytes()


def test_the_row_has_no_hole_and_fits() -> None:
    fields = [ACCOUNT.row.fields[name][0].itemsize for name in ACCOUNT.row.names]  # type: ignore[index, union-attr]
    assert sum(fields) == ACCOUNT.row.itemsize <= MAX_ROW_BYTES


def test_events_have_exactly_the_features_of_their_kind_once_there_is_a_history() -> None:
    history = [link(T), *[debit(T, 1_000)] * 3]
    for kind, event in {"link": link(T), "unlink": unlink(T), "debit": debit(T, 1_000)}.items():
        assert {feature.name for feature in FEATURES if kind in feature.kinds} == set(last(*history, event)), kind


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_every_feature_can_be_told(feature: object) -> None:
    found = FEATURES[NAMES.index(feature.name)]  # type: ignore[attr-defined]
    assert found.risk in (-1, 1)
    assert found.unit in {unit.name for unit in UNITS}
    for text in (found.text_en, found.text_ja):
        named = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
        assert named <= {"value", "usual"}
        assert ("value" in named) == (found.unit != "bool")
    assert found.text_en.isascii()
    assert any("\u3040" <= letter <= "\u9fff" for letter in found.text_ja)


def test_no_two_features_have_one_text() -> None:
    assert len(FEATURES) == len({f.name for f in FEATURES}) == len({f.text_en for f in FEATURES})
    assert len(FEATURES) == len({f.text_ja for f in FEATURES})


def test_the_calendar_is_that_of_japan() -> None:
    for day in range(10_957, 47_482, 7):  # 2000 to 2099
        known = date(1970, 1, 1) + timedelta(days=day)
        month = (known.year - 1970) * 12 + known.month - 1
        assert month == month_of(day), known
        assert (known.replace(day=1) - date(1970, 1, 1)).days == first_day_of(month), known
    midnight_in_japan = 1_598_886_000  # 1 September 2020
    assert (18_505, 23) == (day_of(midnight_in_japan - 1), hour_of(midnight_in_japan - 1))
    assert (18_506, 0) == (day_of(midnight_in_japan), hour_of(midnight_in_japan))
