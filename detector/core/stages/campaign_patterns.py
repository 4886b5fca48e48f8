"""What makes a campaign: one table of patterns, each a count that is too large for its key.

A count is a sum that halves every `half_life_h`; it must reach `floor` and, above that, `times` what this key's own
usual days add up to. The floors were set on normal months of two simulators (`kozamori campaigns`), for at most one
false campaign in a month; a large address, bank or shop is held to its own usual.
"""

from dataclasses import dataclass

import numpy as np

from detector.contract.bulletins import IndicatorKind

#: What a campaign's key is; also the `role` of an event that was keyed so.
SOURCE, BANK, SERVICE, BANK_EMPTIED, SHOP = 2, 3, 4, 5, 6
KEYS: dict[int, IndicatorKind] = {
    SOURCE: "source",
    BANK: "bank_service",
    SERVICE: "service",
    BANK_EMPTIED: "bank_emptied",
    SHOP: "shop",
}

#: What is counted once: an account whose link failed; a wallet opened, or linked within a day of that; an account that
#: a wallet so young was linked to; an account that alerts; one that alerts clearly at a debit that leaves nothing to
#: its cap, but for the first of a month; a bank where one alerts clearly; a wallet that pays on its first day.
FAILED, OPENED, LINKED, ALERTED, EMPTIED, BANKS, SPENT = range(7)
NOTHING = -1


@dataclass(frozen=True, slots=True)
class Pattern:
    """A row of `PATTERNS`. `typologies`: the likeliest first; texts are format strings over `bank` and `service`.

    `scaled_by`: another count whose usual is the measure, for a pattern so slow that it would become its own usual.
    """

    name: str
    key: int
    counts: int
    half_life_h: float
    floor: float
    times: float
    typologies: tuple[str, ...]
    what_en: str
    what_ja: str
    advice_en: str
    advice_ja: str
    scaled_by: int | None = None


_BLOCK_EN = "refuse links and charges from this source; look at the accounts it linked"
_BLOCK_JA = "この接続元からの口座連携とチャージを止め、連携済みの口座を確認してください"
_STOP_EN = "stop new links from {service} at bank {bank} until they are checked another way than by PIN"
_STOP_JA = "銀行 {bank} で {service} からの新規連携を、暗証番号以外の確認ができるまで止めてください"
_WATCH_EN = "hold charges of wallets of {service} younger than a day; ask for a second factor at new links"
_WATCH_JA = "{service} の開設1日以内のウォレットのチャージを保留し、新規連携に追加認証を求めてください"

_SHOP_EN = "hold payments at this shop by wallets younger than a day; look at the accounts that charged them"
_SHOP_JA = "この店舗での開設1日以内のウォレットの支払いを保留し、チャージ元の口座を確認してください"

#: At most three a key, with what scales them.
PATTERNS = (
    # A family mistypes two PINs a week; a spray tries hundreds of accounts, slowly, five a day and more (T3).
    Pattern("spray", SOURCE, FAILED, 72, 7.5, 3, ("T3",), "one source tries PINs of many accounts",
            "一つの接続元が多数の口座の暗証番号を試行", _BLOCK_EN, _BLOCK_JA),
    # 20 to 100 wallets a day from at most five sources (NHK, 11 September 2020).
    Pattern("enrolment", SOURCE, OPENED, 12, 9.5, 8, ("T5", "T1"), "one source opens and links many wallets",
            "一つの接続元が多数のウォレットを開設・連携", _BLOCK_EN, _BLOCK_JA),
    # Three accounts that alert may be a family and two chances; chances do not share a source.
    Pattern("alerts_at_source", SOURCE, ALERTED, 24, 3.5, 12, ("T4", "T1", "T7"), "one source is behind many alerts",
            "一つの接続元で多数の検知", _BLOCK_EN, _BLOCK_JA),
    # A bank's PINs are guessed from many sources, or its service is broken: both are to be told.
    Pattern("failures_at_bank", BANK, FAILED, 3, 9.5, 6, ("T3",), "links fail far more often than usual at bank {bank}",
            "銀行 {bank} で連携の失敗が通常より大幅に増加", _STOP_EN, _STOP_JA),
    # May 2019 and September 2020: success too good, from many sources, at one bank.
    Pattern("links_at_bank", BANK, LINKED, 6, 11.5, 6, ("T4", "T1", "T5"),
            "new wallets are linked far more often than usual at bank {bank}",
            "銀行 {bank} で新しいウォレットの連携が通常より大幅に増加", _STOP_EN, _STOP_JA),
    Pattern("alerts_at_bank", BANK, ALERTED, 24, 4.5, 5, ("T4", "T1", "T12"),
            "accounts of bank {bank} alert far more often than usual",
            "銀行 {bank} の口座の検知が通常より大幅に増加", _STOP_EN, _STOP_JA),
    # Eleven banks in ten days (press, 10 September 2020).
    Pattern("several_banks", SERVICE, BANKS, 12, 6.5, 3, ("T1", "T4", "T5"),
            "alerts on {service} at many banks at once", "{service} で多数の銀行に同時に検知", _WATCH_EN, _WATCH_JA),
    # May 2019: a case every third day at a bank, no address in common. Honest accounts that alert so clearly and
    # are emptied lie apart.
    Pattern("emptied_at_bank", BANK_EMPTIED, EMPTIED, 720, 2.4, 1, ("T1", "T12", "T4"),
            "accounts of bank {bank} are emptied to the monthly cap, one after another",
            "銀行 {bank} の口座が月間上限まで次々に引き落とし", _STOP_EN, _STOP_JA, scaled_by=ALERTED),
    # Ten to forty drained wallets at one shop within hours (T13); the largest shop has twenty honest new ones a day.
    Pattern("store_burst", SHOP, SPENT, 4, 5.5, 4, ("T13", "T8"), "many new wallets of {service} pay at one shop",
            "{service} の新しいウォレットが一店舗に集中して支払い", _SHOP_EN, _SHOP_JA),
)  # fmt: skip

#: Without anything of it for so long, in event time, a campaign is over, by key: longer than a thief's weekend; of the
#: slow pattern its half-life, and half of it.
QUIET_S = np.full(max(KEYS) + 1, 72 * 3600)
#: What was not told yet is forgotten sooner, or chances of a week would add up.
UNTOLD_QUIET_S = np.full(max(KEYS) + 1, 24 * 3600)
QUIET_S[BANK_EMPTIED], UNTOLD_QUIET_S[BANK_EMPTIED] = 720 * 3600, 360 * 3600
MOST = 3
#: Of each key its patterns; a kernel's view of the table, and in `SCALE` the slot whose usual is the measure.
COUNTS = np.full((max(KEYS) + 1, MOST), NOTHING, np.int64)
HALF_LIFE_S = np.ones((max(KEYS) + 1, MOST))
FLOOR = np.full((max(KEYS) + 1, MOST), np.inf)
TIMES = np.zeros((max(KEYS) + 1, MOST))
SCALE = np.tile(np.arange(MOST), (max(KEYS) + 1, 1))
AT: dict[tuple[int, int], Pattern] = {}
for _pattern in PATTERNS:
    _slot = int(np.count_nonzero(COUNTS[_pattern.key] != NOTHING))
    AT[_pattern.key, _slot] = _pattern
    COUNTS[_pattern.key, _slot] = _pattern.counts
    HALF_LIFE_S[_pattern.key, _slot] = 3600 * _pattern.half_life_h
    FLOOR[_pattern.key, _slot] = _pattern.floor
    TIMES[_pattern.key, _slot] = _pattern.times
    if _pattern.scaled_by is not None:
        COUNTS[_pattern.key, _slot + 1], SCALE[_pattern.key, _slot] = _pattern.scaled_by, _slot + 1
        HALF_LIFE_S[_pattern.key, _slot + 1] = 86_400


def patterns_of(key: int, bits: int) -> list[Pattern]:
    """The patterns of a key whose bits are set, in the table's order."""
    return [pattern for (of, slot), pattern in AT.items() if of == key and bits >> slot & 1]
