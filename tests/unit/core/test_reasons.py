"""Which features become reasons, in which order and with which texts."""

from dataclasses import replace

import numpy as np
import pytest
from support.models import STAGE

from detector.core.chains import CHAINS
from detector.core.joint_tail import Rarity
from detector.core.reasons import reasons_of
from detector.core.stage import Feature
from detector.core.stages.account import ACCOUNT
from detector.core.units import UNITS

NAN = np.nan
X = np.array([3, 600, 90_000, 12], np.float32)
USUAL = np.array([NAN, 8_000_000, 5_000, 400_000], np.float32)


def names(contributions: list[float], x: np.ndarray = X, usual: np.ndarray = USUAL, most: int = 5) -> list[str]:
    return [reason.feature for reason in reasons_of(STAGE, x, usual, np.array(contributions), most)]


def test_largest_share_first_and_no_more_than_asked_for() -> None:
    assert ["amount_yen", "failures", "wallet_age_s", "gap_s"] == names([2, 1, 4, 0.5])
    assert ["amount_yen", "failures"] == names([2, 1, 4, 0.5], most=2)


def test_a_feature_that_made_the_event_more_normal_is_no_reason() -> None:
    assert ["gap_s"] == names([-3, 0, 0, 1])


def test_a_feature_the_event_does_not_have_is_no_reason() -> None:
    assert ["wallet_age_s"] == names([5, 1, 0, 0], x=np.array([NAN, 600, NAN, NAN], np.float32))


def test_a_feature_no_riskier_than_usual_is_a_reason_only_when_nothing_else_is() -> None:
    x = np.array([NAN, 9_000_000, 90_000, NAN], np.float32)
    assert ["amount_yen"] == names([0, 5, 1, 0], x=x)
    assert ["wallet_age_s"] == names([0, 5, 0, 0], x=x)


def test_a_feature_that_reads_like_the_usual_is_a_reason_only_when_nothing_else_is() -> None:
    x = np.array([NAN, 7_999_999, 90_000, NAN], np.float32)
    assert ["amount_yen"] == names([0, 5, 1, 0], x=x), (
        "'92 days, usually 93' is a reason, '93 days, usually 93' is none"
    )
    assert ["wallet_age_s"] == names([0, 5, 0, 0], x=x)


def test_yes_or_no_is_a_reason_where_it_is_the_risky_one_however_usual() -> None:
    either = replace(STAGE, features=tuple(replace(feature, unit="bool") for feature in STAGE.features))
    found = reasons_of(either, np.array([1, 1, 0, 0], np.float32), np.ones(4, np.float32), np.array([1.0, 2, 3, 4]))
    assert [("gap_s", 0), ("failures", 1)] == [(reason.feature, reason.value) for reason in found], "by their risk"


def test_a_reason_has_the_usual_of_the_account_and_that_of_everyone() -> None:
    chain = CHAINS[-1]
    x, raised = (np.full(len(chain.features), np.nan, np.float32) for _ in range(2))
    index = {name: j for j, name in enumerate(chain.feature_names)}
    usual = np.full(len(chain.features), 5_000, np.float32)
    x[[index["amount_yen"], index["amount_ratio"]]] = 90_000, 30
    x[[index["source_attempts_2d"], index["source_attempts_unusual"]]] = 12_000, 2
    raised[[index["amount_yen"], index["source_attempts_2d"]]] = 2, 1
    amount, attempts = reasons_of(chain, x, usual, np.nan_to_num(raised).astype(np.float64))
    assert ("an amount of 90,000 yen (usual: 5,000 yen, for this account 3,000 yen)", 3_000) == (
        amount.text_en,
        amount.own_usual,
    )
    assert "金額90,000円（通常 5,000円、この口座は普段 3,000円）" == amount.text_ja
    assert "(usual: 5,000, for this address 5,998)" in attempts.text_en
    x[index["amount_ratio"]] = np.nan
    (unknown, *_) = reasons_of(chain, x, usual, np.nan_to_num(raised).astype(np.float64))
    assert ("an amount of 90,000 yen (usual: 5,000 yen)", None) == (unknown.text_en, unknown.own_usual)


def test_a_reason_has_how_often_normal_events_are_as_risky_where_the_detector_counts() -> None:
    rarity = Rarity(np.array([NAN, 0.4, 130, NAN]), 0.05)
    failures, age, amount = reasons_of(STAGE, X, USUAL, np.array([3.0, 2.0, 1.0, 0.0]), rarity=rarity)
    assert "3 failures, usually unknown" == failures.text_en
    assert "wallet 10 minutes old; in normal life once in 2.5 days" == age.text_en
    assert "90,000円(普段5,000円)、平常時は1日に130件" == amount.text_ja
    assert [None, 0.4, 130] == [reason.per_day for reason in (failures, age, amount)]


def test_shares_are_of_all_that_made_it_anomalous() -> None:
    reasons = reasons_of(STAGE, X, USUAL, np.array([2.0, 1.0, 4.0, -9.0]), 2)
    assert [4 / 7, 2 / 7] == [reason.share for reason in reasons]


def test_texts_speak_in_yen_and_minutes() -> None:
    failures, age, amount, gap = reasons_of(STAGE, X, USUAL, np.array([4.0, 3.0, 2.0, 1.0]))
    assert ("3 failures, usually unknown", "失敗3回", None) == (failures.text_en, failures.text_ja, failures.usual)
    assert ("wallet 10 minutes old", "開設から10分") == (age.text_en, age.text_ja)
    assert ("90,000 yen, usually 5,000 yen", "90,000円(普段5,000円)") == (amount.text_en, amount.text_ja)
    assert ("12 seconds after the last", "前回から12秒") == (gap.text_en, gap.text_ja)
    assert (90_000, 5_000) == (amount.value, amount.usual)


@pytest.mark.parametrize(
    ("unit", "value", "en", "ja"),
    [
        ("yen", 300_000, "300,000 yen", "300,000円"),
        ("s", 1, "1 second", "1秒"),
        ("s", 0.4, "0 seconds", "0秒"),
        ("s", 119, "119 seconds", "119秒"),
        ("s", 120, "2 minutes", "2分"),
        ("s", 7_199, "120 minutes", "120分"),
        ("s", 7_200, "2 hours", "2時間"),
        ("s", 172_800, "2 days", "2日"),
        ("s", 86_400 * 400, "400 days", "400日"),
        ("share", 0.953, "95%", "95%"),
        ("bool", 1, "yes", "はい"),
        ("bool", 0, "no", "いいえ"),
        ("count", 1_200, "1,200", "1,200"),
        ("count", 1.5, "1.5", "1.5"),
        ("per_day", 1_234, "1,200 times a day", "1日に1,200件"),
        ("per_day", 1, "1 times a day", "1日に1件"),
        ("per_day", 0.25, "once in 4 days", "4日に1件"),
    ],
)
def test_units_are_said_as_people_say_them(unit: str, value: float, en: str, ja: str) -> None:
    texts = next(row for row in UNITS if row.name == unit)
    assert (en, ja) == (texts.en(value), texts.ja(value))


@pytest.mark.parametrize("feature", ACCOUNT.features, ids=ACCOUNT.feature_names)
def test_every_feature_of_the_account_stage_has_texts(feature: Feature) -> None:
    stage = replace(ACCOUNT, features=(feature,))
    (reason,) = reasons_of(stage, np.ones(1, np.float32), np.full(1, NAN, np.float32), np.ones(1))
    assert "{" not in reason.text_en + reason.text_ja
    assert reason.text_en
    assert reason.text_ja
