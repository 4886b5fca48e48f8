"""What the picture of the replay says, in both languages."""

from collections.abc import Mapping

from detector.languages import Language
from models.facts_2020 import FACTS

WORDS: Mapping[str, Mapping[Language, str]] = {
    "title": {
        "en": "Would we have caught it? Facts as the press told them; cases and alerts simulated.",
        "ja": "見つけられたか。事実は報道による。事案と警報は模擬",
    },
    "may-2019": {"en": "may-2019", "ja": "2019年5月"},
    "september-2020": {"en": "september-2020", "ja": "2020年9月"},
    "begun": {"en": "begun (simulated)", "ja": "発生（模擬）"},
    "alerted": {"en": "alerted by Kozamori", "ja": "Kozamori が警報"},
    "episode": {
        "en": "{0}: {1} of {2} cases alerted, {3} early",
        "ja": "{0}、事案 {2} 件中 {1} 件に警報、うち早期 {3} 件",
    },
    "cases": {"en": "cases", "ja": "件"},
    "late": {
        "en": "told to the public in {0},\n{1} days or more after the first alert",
        "ja": "公表は{0}、\n最初の警報から {1} 日以上あと",
    },
    "lost": {"en": "lost until the first alert", "ja": "最初の警報までに失われた"},
    "there": {"en": "still there at the first alert", "ja": "最初の警報のとき残っていた"},
    "saved": {
        "en": "{0:.2f} of {1:.2f} million yen saved; {2:.1f} false groups a day",
        "ja": "{1:.2f} 百万円のうち {0:.2f} 百万円が残った。誤報は一日 {2:.1f} 組",
    },
    "million": {"en": "million yen", "ja": "百万円"},
    "early": {"en": "alerted early", "ja": "早期に警報"},
    "later": {"en": "alerted later", "ja": "あとで警報"},
    "never": {"en": "never alerted", "ja": "警報なし"},
    "at bank": {"en": "first alert at the bank", "ja": "その銀行で最初の警報"},
    "banks": {
        "en": "Banks, simulated (their cases), by the moment a case begins",
        "ja": "銀行（模擬、かっこ内は事案の件数）と、事案の始まり",
    },
    "not public": {"en": " (not public then)", "ja": "（当時は公表されず）"},
    "facts": {"en": "What happened, and what was told when", "ja": "起きたことと、いつ何が知らされたか"},
    "told": {"en": "told to the public", "ja": "公表された件数・金額"},
}

#: `FACTS` in Japanese, in the same order: when, and what.
FACTS_JA = (
    ("2019年5月", "同じグループの二行で最初の不正。事業者は提携 35 行の一部にだけ注意を促す。"),
    ("2020年9月1日 14:05", "地方銀行の客が、一分ほどのあいだに四回の引き落としで 30万円を失う。"),
    ("2020年9月", "ほかの銀行が記者会見で 2019年5月の件を知る。"),
    ("2020年9月5日", "最初の銀行が新規の口座登録を止める。"),
    ("2020年9月10日", "35 行すべてが新規の登録を停止。66 件、1,800万円、11 行。最大は 60万円。"),
    ("2020年9月11日", "不正なウォレットが多い日で 100 ほど、いくつかは同じ接続元から開設されていた。"),
    ("2020年9月12日", "70 件超、約 2,000万円、少なくとも 12 行。"),
    ("2020年9月14日", "120 件、2,542万円。一件は停止のあと、前に登録されたウォレットから。"),
    ("2020年9月15日", "143 件、2,676万円、PayPay で 17 件、141万円。77 の事業者に報告を求める。"),
    ("2020年9月16日", "ゆうちょ銀行がサービス別に公表。ドコモ以外で 27 件、265万円。"),
    ("2020年9月24日", "ゆうちょ銀行だけで約 380 件、6,000万円。550万人の客に確認を求める。"),
    ("2021年1月", "逮捕。約 20 のウォレットで、たばことタブレットが 500万円分買われていた。"),
)


def say(language: Language, what: str, *values: object) -> str:
    """The words for something, filled with values."""
    return WORDS[what][language].format(*values)


def told_when(language: Language, number: int) -> tuple[str, str]:
    """When fact `number` of `FACTS` was, and what."""
    return FACTS_JA[number] if language == "ja" else (FACTS[number].when, FACTS[number].text)
