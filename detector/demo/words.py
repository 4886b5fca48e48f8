"""What the demo says to people, in both languages: the live view, the result, the picture."""

from collections.abc import Mapping

from detector.languages import SEVERITIES, Language

WORDS: Mapping[str, Mapping[Language, str]] = {
    # the live view
    "time": {"en": "time (JST)", "ja": "時刻 (JST)"},
    "bank": {"en": "bank", "ja": "銀行"},
    "service": {"en": "passbook, service", "ja": "通帳の表示、サービス"},
    "taken": {"en": "taken", "ja": "引落済"},
    "at risk": {"en": "at risk", "ja": "危険額"},
    "truth": {"en": "truth", "ja": "実際"},
    "attack": {"en": "attack", "ja": "不正"},
    "honest": {"en": "honest", "ja": "正当"},
    **SEVERITIES,
    "pace": {
        "en": "  {0:,.0f} events/s  lag {1:,}  {2:,} alerts  ",
        "ja": "  毎秒 {0:,.0f} 件  未処理 {1:,} 件  警報 {2:,} 件  ",
    },
    "found": {"en": "{0} of {1} cases", "ja": "事案 {1} 件中 {0} 件"},
    # the result
    "days": {"en": "{0} days, {1:,} events", "ja": "{0} 日間、{1:,} 件"},
    "cases": {"en": "cases of fraud", "ja": "不正の事案"},
    "typology": {
        "en": "T1 ghost wallet: a new one takes 300,000 yen in about a minute",
        "ja": "T1 幽霊ウォレット、新しいウォレットへ一分ほどで 30万円",
    },
    "alerted": {"en": "alerted", "ja": "警報あり"},
    "early": {"en": "alerted early", "ja": "早期に警報"},
    "at most": {
        "en": "{0}; at most {1:,} yen gone, the alerting debit included",
        "ja": "{0}。被害 {1:,} 円以下、警報となった引き落としを含む",
    },
    "debited": {"en": "yen debited in all", "ja": "引き落とし総額（円）"},
    "lost yen": {"en": "yen lost until the first alert", "ja": "最初の警報までの被害（円）"},
    "alerts": {"en": "alerts", "ja": "警報"},
    "updates": {"en": "{0:,} of them updates of a case", "ja": "うち {0:,} 件は事案の続報"},
    "false": {"en": "false alert groups a day", "ja": "一日の誤報の組"},
    "group": {
        "en": "budget {0:g}; a group is one account, 24 h",
        "ja": "枠は {0:g} 組。一組は一口座の 24 時間",
    },
    "other banks": {"en": "other banks", "ja": "その他の銀行"},
    "overrun": {
        "en": "Why more than the budget: it holds on average, over days like those learnt from. These are days of a"
        " campaign, with twice as many new wallets as usual, and thieves use new wallets too.",
        "ja": "枠を超えた理由。枠は、学習した日々のような日の平均で守られる。この期間は勧誘キャンペーン中で、"
        "新しいウォレットが普段の二倍あり、犯人も新しいウォレットを使う。",
    },
    # the picture
    "title": {
        "en": "{0} cases: {1} alerted, {2} of them with at most {3:,} yen gone",
        "ja": "事案 {0} 件中 {1} 件に警報、うち {2} 件は被害 {3:,} 円以下",
    },
    "rows": {"en": "Debits of each case, and its first alert", "ja": "各事案の引き落としと、最初の警報"},
    "seconds": {
        "en": "seconds since the first debit (alerts before it at the left edge)",
        "ja": "最初の引き落としからの秒数（それより前の警報は左端）",
    },
    "lost": {"en": "lost", "ja": "失われた"},
    "there": {"en": "still there", "ja": "残っていた"},
    "first alert": {"en": "first alert", "ja": "最初の警報"},
    "summed": {"en": "Yen of the cases, summed", "ja": "事案の金額、累計"},
    "million": {"en": "million yen", "ja": "百万円"},
    "lost until": {"en": "lost until the first alert", "ja": "最初の警報までに失われた"},
    "there at": {"en": "still there at the first alert", "ja": "最初の警報のとき残っていた"},
    "false groups": {"en": "False alert groups a day", "ja": "一日の誤報の組（一口座、24 時間）"},
    "all banks": {"en": "over all banks", "ja": "全行"},
    "budget": {"en": "budget {0:g}", "ja": "枠 {0:g}"},
    "campaign": {
        "en": "budget: on average, over days like those learnt from",
        "ja": "枠は、学習した日々のような日の平均で守られる",
    },
}


def say(language: Language, what: str, *values: object) -> str:
    """The words for something, filled with values."""
    return WORDS[what][language].format(*values)
