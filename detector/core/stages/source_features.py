"""The source stage's features, as a table: direction of risk, meaning and texts.

"Two days" are today and yesterday in Japan. An event of unknown source has none of these.
"""

from typing import Any

from detector.core.stage import Feature, OwnAmount, OwnUsual
from detector.core.stages.source_kernel import COMMON

_BOTH = ("link", "debit")


def _of_source(name: str, meaning: str, unit: str, texts: tuple[str, str, str, str], **more: Any) -> Feature:
    return Feature(name, meaning, unit, more.pop("risk", 1), _BOTH, *texts, **more)


def _own(ratio: str, index: int) -> OwnUsual:
    """The usual of two days, from `ratio` and the common allowance at `index` of `COMMON`."""
    return OwnUsual(ratio, "this address", "この接続元", float(COMMON[index]))


FEATURES = (
    _of_source(
        "source_accounts_30d",
        "different accounts linked, tried or debited from the source in this and the last period of fifteen days, this"
        " one included (estimated)",
        "count",
        (
            "bank accounts used from one address within a month: {value} (usual: {usual})",
            "同じ接続元から1か月間に使われた口座{value}件（通常 {usual}）",
            "the bank accounts used from the address within a month",
            "同じ接続元の1か月間の口座の数",
        ),
    ),
    _of_source(
        "source_wallets_2d",
        "different wallets used from the source in two days (estimated)",
        "count",
        (
            "wallets used from one address in two days: {value} (usual: {usual})",
            "同じ接続元から2日間に使われたウォレット{value}件（通常 {usual}）",
            "the wallets used from the address in two days",
            "同じ接続元の2日間のウォレットの数",
        ),
    ),
    _of_source(
        "source_opened_2d",
        "wallets opened from the source in two days",
        "count",
        (
            "wallets opened from one address in two days: {value} (usual: {usual})",
            "同じ接続元から2日間に開設されたウォレット{value}件（通常 {usual}）",
            "the wallets opened from the address in two days",
            "同じ接続元の2日間の開設件数",
        ),
    ),
    _of_source(
        "source_attempts_2d",
        "link attempts from the source in two days, this one included",
        "count",
        (
            "link attempts from one address in two days: {value} (usual: {usual})",
            "同じ接続元からの口座登録の試行が2日間で{value}回（通常 {usual}）",
            "the link attempts from the address in two days",
            "同じ接続元の2日間の試行回数",
        ),
        own_usual=_own("source_attempts_unusual", 1),
    ),
    _of_source(
        "source_failure_share",
        "failed share of these attempts",
        "share",
        (
            "{value} of the link attempts from one address failed (usual: {usual})",
            "同じ接続元からの口座登録の失敗率{value}（通常 {usual}）",
            "the failed part of the address's link attempts",
            "同じ接続元の失敗率",
        ),
    ),
    _of_source(
        "source_young_yen_2d",
        "yen debited from the source in two days for wallets less than a day old, this debit included",
        "yen",
        (
            "{value} debited from one address for wallets opened that day (usual: {usual})",
            "同じ接続元から開設当日のウォレットへ{value}を引き落とし（通常 {usual}）",
            "the yen debited from the address for wallets opened that day",
            "同じ接続元の開設当日のウォレットへの引き落とし額",
        ),
        amount=OwnAmount("young_tens"),
    ),
    _of_source(
        "source_known_days",
        "days since the source was first seen",
        "days",
        (
            "the address is known for only {value} days (usual: {usual})",
            "接続元の初出からわずか{value}日（通常 {usual}）",
            "the days since the address was first seen",
            "接続元の初出からの日数",
        ),
        risk=-1,
    ),
    _of_source(
        "source_accounts_unusual",
        "accounts in two days against the source's own usual and a common allowance",
        "ratio",
        (
            "{value} the address's own usual number of bank accounts (usual: {usual})",
            "口座の数がこの接続元の普段の{value}（通常 {usual}）",
            "the address's bank accounts in multiples of its own usual",
            "この接続元の普段に対する口座の数の倍率",
        ),
    ),
    _of_source(
        "source_attempts_unusual",
        "link attempts in two days, likewise",
        "ratio",
        (
            "{value} the address's own usual number of link attempts (usual: {usual})",
            "口座登録の試行がこの接続元の普段の{value}（通常 {usual}）",
            "the address's link attempts in multiples of its own usual",
            "この接続元の普段に対する試行回数の倍率",
        ),
    ),
)
