"""The source stage's features, described: for the forest their direction, for people their meaning and texts.

"Two days" are today and yesterday in Japan. Without a known source an event has none of these.
"""

from detector.core.stage import Feature

_BOTH = ("link", "debit")


def _count(name: str, meaning: str, en: str, ja: str, unit: str = "count", risk: int = 1) -> Feature:
    return Feature(name, meaning, unit, risk, _BOTH, en, ja)


FEATURES = (
    _count(
        "source_accounts_2d",
        "different accounts linked, tried or debited from the source in two days, this one included (estimated)",
        "{value} bank accounts from one address in two days (usual: {usual})",
        "同一の接続元から2日間に口座{value}件（通常 {usual}）",
    ),
    _count(
        "source_accounts_3",
        "the same, at most 3",
        "{value} bank accounts from one address (counted up to 3)",
        "同一の接続元から口座{value}件（3件まで計上）",
    ),
    _count(
        "source_accounts_30d",
        "the same in this and the last period of fifteen days",
        "{value} bank accounts from one address within a month (usual: {usual})",
        "同一の接続元から1か月間に口座{value}件（通常 {usual}）",
    ),
    _count(
        "source_wallets_2d",
        "different wallets used from the source in two days (estimated)",
        "{value} wallets from one address in two days (usual: {usual})",
        "同一の接続元から2日間にウォレット{value}件（通常 {usual}）",
    ),
    _count(
        "source_wallets_3",
        "the same, at most 3",
        "{value} wallets from one address (counted up to 3)",
        "同一の接続元からウォレット{value}件（3件まで計上）",
    ),
    _count(
        "source_opened_2d",
        "wallets opened from the source in two days",
        "{value} wallets opened from one address in two days (usual: {usual})",
        "同一の接続元から2日間に開設されたウォレット{value}件（通常 {usual}）",
    ),
    _count(
        "source_attempts_2d",
        "link attempts from the source in two days, this one included",
        "{value} link attempts from one address in two days (usual: {usual})",
        "同一の接続元から2日間に口座登録の試行{value}回（通常 {usual}）",
    ),
    _count(
        "source_failures_2d",
        "failed ones among them",
        "{value} failed link attempts from one address in two days (usual: {usual})",
        "同一の接続元から2日間に口座登録の失敗{value}回（通常 {usual}）",
    ),
    _count(
        "source_failure_share",
        "failed share of them",
        "{value} of the address's link attempts failed (usual: {usual})",
        "同一の接続元の口座登録の失敗率{value}（通常 {usual}）",
        unit="share",
    ),
    _count(
        "source_young_yen_2d",
        "yen debited from the source in two days for wallets less than a day old, this debit included",
        "{value} debited from one address for wallets opened that day (usual: {usual})",
        "同一の接続元から開設当日のウォレットへ{value}を引き落とし（通常 {usual}）",
        unit="yen",
    ),
    _count(
        "source_known_days",
        "days since the source was first seen",
        "the address is known for {value} days (usual: {usual})",
        "接続元の初出から{value}日（通常 {usual}）",
        unit="days",
        risk=-1,
    ),
    _count(
        "source_accounts_unusual",
        "accounts in two days against the source's own usual and a common allowance",
        "{value} the address's usual number of bank accounts (usual: {usual})",
        "接続元のふだんの口座数の{value}（通常 {usual}）",
        unit="ratio",
    ),
    _count(
        "source_attempts_unusual",
        "link attempts in two days, likewise",
        "{value} the address's usual number of link attempts (usual: {usual})",
        "接続元のふだんの登録試行数の{value}（通常 {usual}）",
        unit="ratio",
    ),
    _count(
        "source_failures_unusual",
        "failed link attempts in two days, likewise",
        "{value} the address's usual number of failed link attempts (usual: {usual})",
        "接続元のふだんの登録失敗数の{value}（通常 {usual}）",
        unit="ratio",
    ),
    _count(
        "source_young_unusual",
        "yen for wallets less than a day old in two days, likewise",
        "{value} the address's usual yen for wallets just opened (usual: {usual})",
        "接続元のふだんの開設当日引き落とし額の{value}（通常 {usual}）",
        unit="ratio",
    ),
)
