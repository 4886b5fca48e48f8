"""The wallet stage on lives of a few events, expected values worked out by hand."""

import math
from dataclasses import replace
from string import Formatter

import numpy as np
import pytest
from support.alone import Alone
from support.oracle_wallet import NAMES, Event, batch_of

from detector.contract.batch import RECEIVING
from detector.contract.vocabulary import (
    DEBIT,
    INSUFFICIENT,
    LINK,
    LOCKED,
    OK,
    OPEN,
    PAYMENT,
    PAYOUT,
    TRANSFER,
    UNLINK,
    WRONG_CREDENTIALS,
)
from detector.core.admission import APPLY_FRESH, REPLAY
from detector.core.stage import FACTS, HEADER, MAX_ROW_BYTES, Chain, Feature
from detector.core.stages.account import ACCOUNT
from detector.core.stages.wallet import WALLET
from detector.core.stages.wallet_features import FEATURES
from detector.core.units import UNITS

T = 1_598_936_700_000  # 1 September 2020, 14:05 in Japan
SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
OPENED = T - 10 * MINUTE


def number(k: int) -> int:
    """An identifier's hash whose upper and lower parts all differ from those of other small numbers."""
    return k << 48 | k << 32 | k


ACCOUNTS = [number(k) for k in range(1, 41)]
A, B, C = ACCOUNTS[:3]
SHOP, STORE = number(50), number(51)
TOBACCO, TABLETS = number(60), number(61)
W1, W2, W3 = number(70), number(71), number(72)


def opening(at_ms: int) -> Event:
    return Event(0, 0, OPEN, at_ms, opened_ms=OPENED)


def link(at_ms: int, account: int = A, result: int = OK) -> Event:
    return Event(0, 0, LINK, at_ms, account=account, opened_ms=OPENED, result=result)


def unlink(at_ms: int, account: int = A) -> Event:
    return Event(0, 0, UNLINK, at_ms, account=account, opened_ms=OPENED)


def debit(at_ms: int, yen: int, account: int = A, result: int = OK) -> Event:
    return Event(0, 0, DEBIT, at_ms, account=account, opened_ms=OPENED, result=result, yen=yen)


def payment(at_ms: int, yen: int = 1_000, shop: int = SHOP, category: int = TOBACCO) -> Event:
    return Event(0, 0, PAYMENT, at_ms, opened_ms=OPENED, yen=yen, shop=shop, category=category)


def sent(at_ms: int, yen: int, to: int = W1) -> Event:
    return Event(0, 0, TRANSFER, at_ms, opened_ms=OPENED, yen=yen, other=to)


def got(at_ms: int, yen: int, sender: int = W1) -> Event:
    return Event(0, 0, TRANSFER, at_ms, opened_ms=OPENED, yen=yen, other=sender, role=RECEIVING)


def payout(at_ms: int, yen: int = 20_000) -> Event:
    return Event(0, 0, PAYOUT, at_ms, opened_ms=OPENED, yen=yen)


def played(*events: Event) -> list[dict[str, float]]:
    """Features that each event has, by name."""
    numbered = [replace(event, offset=k, event_id=k + 1) for k, event in enumerate(events)]
    outcome = Alone(WALLET, ttl_ms=10**12).process(batch_of(numbered))
    return [{n: float(v) for n, v in zip(NAMES, x, strict=True) if not np.isnan(v)} for x in outcome.events.X]


def last(*events: Event) -> dict[str, float]:
    return played(*events)[-1]


def assert_told(why: str, expected: dict[str, float | None], events: list[Event]) -> None:
    found = last(*events)
    assert expected == {name: found.get(name) and round(found[name], 2) for name in expected}, why


def test_a_thiefs_wallet_of_ten_minutes_links_a_second_strangers_account() -> None:
    drain = [debit(T + k * 15 * SECOND, yen) for k, yen in enumerate((100_000, 90_000, 90_000, 20_000))]
    first, *debits, second, again = played(
        link(T - MINUTE), *drain, link(T + 10 * MINUTE, B), debit(T + 11 * MINUTE, 100_000, B)
    )
    assert (1, 0) == (first["accounts_ever"], first["holder_yen_24h"])
    assert "since_any_link_s" not in first
    assert [100_000, 190_000, 280_000, 300_000] == [x["holder_yen_24h"] for x in debits]
    assert {
        "accounts_2d": 2,
        "accounts_ever": 2,
        "holder_yen_24h": 300_000,
        "holder_cap_share": 1.0,
        "since_any_link_s": 660,
    }.items() <= second.items()
    assert {"accounts_ever": 2, "since_any_link_s": 60, "since_charge_s": 615}.items() <= again.items()
    assert 400_000 / 300_000 == pytest.approx(again["holder_cap_share"])


def test_a_mule_buys_out_a_wallet() -> None:
    buys = [payment(T + (2 + k) * HOUR, 49_980) for k in range(5)]
    _, charged, *bought, another = played(link(T), debit(T + MINUTE, 300_000), *buys, debit(T + 8 * HOUR, 1_000))
    assert 0 == charged["spent_share_24h"]
    assert [{}] * 5 == bought
    assert 249_900 / 301_000 == pytest.approx(another["spent_share_24h"])


def test_a_first_link_says_what_is_known_before_any_money_is_gone() -> None:
    assert {
        "holder_yen_24h": 0,
        "holder_debits_decayed": 0,
        "holder_yen_decayed": 0,
        "accounts_ever": 1,
        "accounts_2d": 1,
        "relinks": 0,
        "holder_attempts_2d": 1,
        "holder_failures_2d": 0,
        "holder_failures_before": 0,
        "tried_accounts_2d": 1,
        "holder_cap_share": 0,
        "holder_events_2h": 1,
    } == last(link(T))


@pytest.mark.parametrize(
    ("why", "expected", "events"),
    [
        ("families hold two accounts", {"accounts_ever": 2, "accounts_2d": 2}, [link(T), link(T, B)]),
        ("a hoard holds more", {"accounts_ever": 4}, [link(T, account) for account in ACCOUNTS[:4]]),
        (
            "an account that is cut was held",
            {"accounts_ever": 2, "accounts_2d": 2},
            [link(T), unlink(T), link(T, B)],
        ),
        (
            "an account that comes back is no new one",
            {"relinks": 1, "accounts_ever": 1},
            [link(T), unlink(T), link(T)],
        ),
        ("a link while linked is no return", {"relinks": 0}, [link(T), link(T)]),
        ("returns are remembered", {"relinks": 2}, [*[link(T), unlink(T)] * 2, link(T), debit(T, 1)]),
        (
            "an attempt to return that failed is forgotten",
            {"relinks": 0},
            [link(T), unlink(T), link(T, result=LOCKED), debit(T, 1, B)],
        ),
        ("a failed link holds nothing", {"accounts_ever": 1}, [link(T, B, LOCKED), link(T)]),
        ("a debit shows an account whose link was not seen", {"accounts_ever": 2}, [debit(T, 1), link(T, B)]),
        ("a refused debit does not", {"accounts_ever": 1}, [debit(T, 1, result=INSUFFICIENT), link(T, B)]),
        ("accounts linked the day before yesterday are old", {"accounts_2d": 1}, [link(T), link(T + 2 * DAY, B)]),
        ("those of yesterday are not", {"accounts_2d": 2}, [link(T), link(T + DAY, B)]),
        (
            "attempts over all accounts",
            {"holder_attempts_2d": 4, "holder_failures_2d": 3, "holder_failures_before": 3, "tried_accounts_2d": 3},
            [link(T, A, LOCKED), link(T, B, WRONG_CREDENTIALS), link(T + DAY, B, LOCKED), link(T + DAY, C)],
        ),
        (
            "the day before yesterday's do not count, but end no series",
            {"holder_attempts_2d": 2, "holder_failures_2d": 1, "holder_failures_before": 2, "tried_accounts_2d": 1},
            [link(T, A, LOCKED), link(T + DAY, B, LOCKED), link(T + 2 * DAY, B)],
        ),
        ("a debit sees the attempts", {"holder_attempts_2d": 1, "tried_accounts_2d": 1}, [link(T), debit(T, 1)]),
        ("and not those of long ago", {"holder_attempts_2d": 0}, [link(T), debit(T + 2 * DAY, 1)]),
        (
            "time since links",
            {"since_any_link_s": 60, "since_first_link_s": 3_660},
            [link(T), link(T + HOUR, B), link(T + HOUR, C, LOCKED), debit(T + HOUR + MINUTE, 1)],
        ),
        (
            "what comes late is never before",
            {"since_any_link_s": 0, "since_charge_s": 0, "holder_yen_24h": 20},
            [link(T), debit(T, 10), debit(T - HOUR, 10)],
        ),
    ],
)
def test_accounts(why: str, expected: dict[str, float | None], events: list[Event]) -> None:
    assert_told(why, expected, events)


@pytest.mark.parametrize(
    ("why", "expected", "events"),
    [
        (
            "debits of all accounts are one wallet's",
            {"holder_yen_24h": 60_000},
            [debit(T, 10_000), debit(T, 20_000, B), debit(T + SECOND, 30_000, C)],
        ),
        (
            "a refused debit is an attempt, and no yen",
            {"holder_yen_24h": 5_000, "holder_debits_decayed": 2, "holder_yen_decayed": 5_000},
            [debit(T, 5_000), debit(T, 90_000, result=INSUFFICIENT)],
        ),
        (
            "a link sees debits before it",
            {"holder_debits_decayed": 1, "holder_yen_24h": 500},
            [debit(T, 500), link(T, B)],
        ),
        ("a day ends where it is as old", {"holder_yen_24h": 10}, [debit(T, 10), debit(T + DAY, 10)]),
        ("and holds what is younger", {"holder_yen_24h": 20}, [debit(T, 10), debit(T + DAY - SECOND, 10)]),
        ("it remembers six debits", {"holder_yen_24h": 70}, [debit(T, 10)] * 9),
        ("in whole tens of yen", {"holder_yen_24h": 120}, [debit(T, 109), debit(T, 28)]),
        ("the month remembers all", {"holder_cap_share": 2.0}, [debit(T, 100_000)] * 6),
        (
            "and begins anew in Japan",
            {"holder_cap_share": 1.0},
            [debit(T, 1), debit(T + 29 * DAY + 10 * HOUR, 300_000)],
        ),
        (
            "a late debit of last month has only itself",
            {"holder_cap_share": 1.0},
            [debit(T, 1), debit(T - DAY, 300_000)],
        ),
        ("half after seven minutes", {"holder_yen_decayed": 51_000}, [debit(T, 100_000), debit(T + 7 * MINUTE, 1_000)]),
        ("nothing after hours", {"holder_yen_decayed": 1}, [debit(T, 10**9), debit(T + 168 * MINUTE, 1)]),
    ],
)
def test_debits(why: str, expected: dict[str, float | None], events: list[Event]) -> None:
    assert_told(why, expected, events)


@pytest.mark.parametrize(
    ("why", "expected", "events"),
    [
        ("nothing charged, no share", {"spent_share_24h": None}, [payment(T), link(T)]),
        (
            "all that leaves counts",
            {"spent_share_24h": 0.6},
            [payment(T, 10_000), sent(T, 30_000), payout(T, 20_000), debit(T, 100_000)],
        ),
        ("what comes in does not", {"spent_share_24h": 0.01}, [got(T, 50_000), payment(T), debit(T, 100_000)]),
        ("for a day", {"spent_share_24h": 0.01}, [payment(T), payment(T + DAY), debit(T + DAY, 100_000)]),
        ("six movements are remembered", {"spent_share_24h": 0.06}, [*[payment(T)] * 8, debit(T, 100_000)]),
        ("what came in among them", {"spent_share_24h": 0.05}, [*[payment(T)] * 8, got(T, 5), debit(T, 100_000)]),
        ("this hour and the one before", {"holder_events_2h": 3}, [link(T), unlink(T), debit(T + HOUR, 1)]),
        ("payments too", {"holder_events_2h": 2}, [payment(T), link(T)]),
        ("and no earlier", {"holder_events_2h": 1}, [link(T), debit(T + 2 * HOUR, 1)]),
    ],
)
def test_the_wallets_own_events(why: str, expected: dict[str, float | None], events: list[Event]) -> None:
    assert_told(why, expected, events)


def test_decayed_sums_are_those_of_the_formula_however_late_debits_come() -> None:
    times = [0, 500, 300, 3_000, 2_990, 10]
    found = last(*(debit(T + s * SECOND, 70_001) for s in times), link(T + 3_100 * SECOND))
    left = [2.0 ** (-(3_100 - s) / 420) for s in times]
    assert sum(left) == pytest.approx(found["holder_debits_decayed"], rel=1e-6)
    assert 70_001 * sum(left) == pytest.approx(found["holder_yen_decayed"], rel=1e-6)


def test_a_seventh_account_evicts_the_oldest() -> None:
    life = [*(link(T, account) for account in ACCOUNTS[:7]), link(T, A)]
    found = played(*life, debit(T, 1, ACCOUNTS[1]), debit(T, 1, ACCOUNTS[2]))
    assert [7, 8, 9, 10] == [x["accounts_ever"] for x in found[6:]]


@pytest.mark.parametrize(
    ("expected", "name", "events"),
    [
        (255, "holder_attempts_2d", [link(T, result=LOCKED)] * 300),
        (255, "holder_failures_2d", [link(T, result=LOCKED)] * 300),
        (255, "holder_failures_before", [link(T, result=LOCKED)] * 300),
        (255, "holder_events_2h", [link(T)] * 300),
        (255, "relinks", [*[link(T), unlink(T)] * 300, debit(T, 1)]),
        (32, "tried_accounts_2d", [link(T, account, LOCKED) for account in ACCOUNTS]),
        (7 * 655_350, "holder_yen_24h", [debit(T, 10**9)] * 9),
        ((2**32 - 1 + 10**9) / 300_000, "holder_cap_share", [debit(T, 10**9)] * 9),
        (6.0, "spent_share_24h", [*[sent(T, 10**9)] * 9, debit(T, 10**9)]),
    ],
)
def test_counts_saturate_instead_of_running_over(expected: float, name: str, events: list[Event]) -> None:
    assert expected == pytest.approx(last(*events)[name])


def test_an_unlink_has_no_features() -> None:
    assert {} == last(link(T), unlink(T))


def test_facts_go_on_as_they_came_and_a_replay_has_no_features() -> None:
    rows, batch = np.zeros(1, WALLET.row), batch_of([debit(T, 5_000)] * 2)
    X, facts = np.full(2, np.nan, WALLET.record), np.full((2, len(FACTS)), 7)
    WALLET.kernel(rows, np.zeros(2, np.int64), np.array([APPLY_FRESH, REPLAY], np.int8), batch, 0, 2, X, facts)
    assert {7} == set(facts.ravel().tolist())
    assert [False, True] == [all(map(math.isnan, x)) for x in X.tolist()]


@pytest.mark.parametrize("event", [link(T), debit(T, 5_000), payment(T), got(T, 500)], ids=lambda event: event.kind)
def test_a_fresh_row_forgets_everything(event: Event) -> None:
    rows = np.zeros(2, WALLET.row)
    own = [name for name in WALLET.row.names or () if name not in {field[0] for field in HEADER} and name[0] != "_"]
    for name in own:
        rows[name][1] = 255
    assert rows[:1].tobytes() != rows[1:].tobytes()
    status, X = np.full(2, APPLY_FRESH, np.int8), np.full(2, np.nan, WALLET.record)
    WALLET.kernel(rows, np.arange(2), status, batch_of([event] * 2), 0, 2, X, np.empty((2, len(FACTS)), np.int64))
    assert X[0].tobytes() == X[1].tobytes()
    assert rows[:1].tobytes() == rows[1:].tobytes()


def test_the_row_has_no_hole_and_fits() -> None:
    fields = [WALLET.row.fields[name][0].itemsize for name in WALLET.row.names]  # type: ignore[index, union-attr]
    assert sum(fields) == WALLET.row.itemsize <= MAX_ROW_BYTES


def test_events_have_exactly_the_features_of_their_kind_once_there_is_a_history() -> None:
    history = [link(T), debit(T, 1_000)]
    events = {
        "link": link(T),
        "unlink": unlink(T),
        "debit": debit(T, 1_000),
        "open": opening(T),
        "payment": payment(T),
        "transfer": sent(T, 5),
        "payout": payout(T),
    }
    for kind, event in events.items():
        assert {feature.name for feature in FEATURES if kind in feature.kinds} == set(last(*history, event)), kind


@pytest.mark.parametrize("feature", FEATURES, ids=lambda feature: feature.name)
def test_every_feature_can_be_told(feature: Feature) -> None:
    assert feature.risk in (-1, 1)
    assert feature.unit in {unit.name for unit in UNITS}
    for text in (feature.text_en, feature.text_ja):
        named = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
        assert named <= {"value", "usual"}
        assert ("value" in named) == (feature.unit != "bool")
    assert feature.text_en.isascii()
    assert any("\u3040" <= letter <= "\u9fff" for letter in feature.text_ja)


def test_no_two_features_of_account_and_wallet_have_one_name_or_text() -> None:
    features = Chain((ACCOUNT, WALLET)).features
    for texts in ({f.name for f in features}, {f.text_en for f in features}, {f.text_ja for f in features}):
        assert len(features) == len(texts)
