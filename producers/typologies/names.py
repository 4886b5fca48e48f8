"""Names of typologies for people, in both languages."""

from collections.abc import Mapping

from detector.languages import Language
from producers.typologies.table import BY_ID

NAMES_JA: Mapping[str, str] = {
    "T1": "幽霊ウォレット、上限まで引き出し",
    "T2": "月をまたぐ引き出し",
    "T3": "暗証番号の総当たり、少しずつ長く",
    "T4": "一点狙い",
    "T5": "大量登録",
    "T6": "登録したまま待つ",
    "T7": "登録の付け替え",
    "T8": "買い物役による換金",
    "T9": "多数への送金",
    "T10": "複数サービスの総なめ",
    "T11": "少額で試し、そのあと引き出し",
    "T12": "本人確認済みウォレット",
    "T13": "店での連続払い",
}


def named(typology: str, language: Language = "en") -> str:
    """The id with its name; the id alone where it is not of the table, as own labels may have it."""
    if typology not in BY_ID:
        return typology
    return f"{typology} {NAMES_JA[typology] if language == 'ja' else BY_ID[typology].name}"
