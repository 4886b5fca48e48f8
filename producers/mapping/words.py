"""What words of foreign files mean, in Japanese and English; all guesses, shown to a person who decides."""

import re
from typing import NamedTuple

from detector.contract.passbook import service_of
from detector.contract.vocabulary import SERVICES
from producers.mapping.roles import normal


class Meaning(NamedTuple):
    """A word of the contract for each text that a pattern finds."""

    word: str
    pattern: str


#: A word with one of these says the opposite: 未登録, 被害なし, "not approved". 不正, 不足 and 未遂 are no negations.
_NOT = (
    r"未(?!遂|成年)|非(?!対面|居住)|不(成功|成立|完全|承認|合格|備|要|実施|正常)|無(?!断|権|料|通帳|人)|なし|無し|ない|せず|されず|ません"
    r"|(?<![a-z])(is)?(no|not|non)(yet)?[_-]?(?=ok|succ|app|acc|fraud|verif|confirm|compl|link|regist|otp|pin|sms|ekyc)"
    r"|un(?=succ|app|acc|verif|confirm|auth|regist)|dis(?=app)|(false|[_:=-](no?|0))$"
)
_TAKEN_BACK = r"取消|取り消し|cancel"
#: What is under way or was refused is not done either.
_NOT_DONE = r"待ち?|中$|拒否|不可|不能|否|異常|エラー|失敗|取消|error|fail|refus|reject|declin|cancel|denied|pending"


def _said(pattern: str, unless: str = _NOT) -> str:
    """The pattern in a text that does not say the opposite."""
    return rf"^(?!.*({unless})).*({pattern})"


#: What sort of event a row is: the first that fits. Anything else is no event.
KINDS = (
    Meaning("unlink", r"解除|解約|削除|抹消|廃止|unlink"),
    Meaning("link", _said(r"登録|連携|紐付|紐づけ|新規|申込|契約|link|regist", f"{_NOT}|{_TAKEN_BACK}")),
    Meaning("none", rf"{_TAKEN_BACK}|組戻|返金|返戻|入金|reversal|refund|cash_?in|deposit"),
    Meaning(
        "debit",
        _said(r"振替|引落|引き落|引出|チャージ|出金|支払|決済|debit|charge|cash_?out|payment|withdraw|transfer"),
    ),
)
_OK = Meaning(
    "ok",
    r"^0+$|^ok$|^済$|^(エラー|異常|問題)(なし|無し?)$|"
    + _said(r"正常|成功|完了|承認|success|approved|accepted", f"{_NOT}|{_NOT_DONE}"),
)
LINK_RESULTS = (
    _OK,
    Meaning("locked", r"ロック|停止|回数|lock"),
    Meaning("wrong_credentials", r"暗証|認証|相違|誤り|エラー|拒否|不可|失敗|ng|wrong|pin|fail|error|refus|reject"),
)
DEBIT_RESULTS = (
    _OK,
    Meaning("insufficient", r"残高|資金|不足|insufficient|balance"),
    Meaning("over_cap", r"限度|上限|超過|limit|cap|over"),
    Meaning("refused", r"拒否|不可|停止|エラー|失敗|解約|該当|ng|refus|reject|decline|fail|error"),
)
AUTHS = (
    Meaning("ekyc", _said(r"ekyc|本人確認|顔|書類")),
    Meaning("otp", _said(r"ワンタイム|otp|sms|二段階|2段階")),
    Meaning("pin4", _said(r"暗証|pin|4桁")),
)
PURPOSES = (
    Meaning("payment", r"支払|決済|購入|payment|purchase"),
    Meaning("charge", r"チャージ|入金|振替|引落|charge"),
)
VERIFIED = (
    Meaning("false", rf"^(0+|n|no|×)$|{_NOT}|{_NOT_DONE}"),
    Meaning("true", r"^(1|y|yes|true|有|あり|○|〇)$|済|確認"),
)
ACCOUNT_KINDS = (
    Meaning("1", r"^0?1$|普通|ordinary"),
    Meaning("2", r"^0?2$|当座|current"),
    Meaning("4", r"^0?4$|貯蓄|saving"),
    Meaning("9", r"^0?9$|その他|別段|納税|other"),
)
FRAUD = (Meaning("1", _said(r"^(1|y|yes|true|○|〇|有|あり)$|^不正|^被害|fraud")),)
_SERVICES = (
    Meaning("docomo_account", r"ドコモ.*(口座|コウザ)|docomo"),
    Meaning("d_payment", r"d払|ディーバライ|デイーバライ|d_?payment"),
    Meaning("paypay", r"paypay|ペイペイ"),
    Meaning("kyash", r"kyash|キャッシュ"),
    Meaning("merpay", r"mer(cari)?pay|メルペイ"),
    Meaning("linepay", r"line_?pay|ラインペイ"),
    Meaning("paypal", r"paypal|ペイパル"),
)


def meaning(text: str, meanings: tuple[Meaning, ...]) -> str | None:
    """The word that a text stands for, None where no pattern finds any."""
    said = normal(text)
    return next((one.word for one in meanings if said == one.word or re.search(one.pattern, said)), None)


def service(text: str) -> str | None:
    """The service that a text names, as in a passbook or else."""
    named = service_of(text) or meaning(text, _SERVICES)
    return normal(text) if named is None and normal(text) in SERVICES else named
