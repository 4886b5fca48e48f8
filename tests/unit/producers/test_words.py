"""Words of foreign files: a negation is never read as the opposite."""

import pytest

from producers.mapping.words import AUTHS, DEBIT_RESULTS, FRAUD, KINDS, LINK_RESULTS, VERIFIED, Meaning, meaning

#: Vocabularies, a text, and the word that it stands for; None where a person must say it.
TEXTS: tuple[tuple[tuple[Meaning, ...], str, str | None], ...] = (
    *((results, text, "ok") for results in (LINK_RESULTS, DEBIT_RESULTS) for text in ("正常終了", "承認", "Approved")),
    *((results, text, "ok") for results in (LINK_RESULTS, DEBIT_RESULTS) for text in ("エラーなし", "00", "済", "OK")),
    *((results, text, None) for results in (LINK_RESULTS, DEBIT_RESULTS) for text in ("不成功", "未完了", "非承認")),
    *((results, text, None) for results in (LINK_RESULTS, DEBIT_RESULTS) for text in ("unsuccessful", "not approved")),
    *((results, text, None) for results in (LINK_RESULTS, DEBIT_RESULTS) for text in ("Disapproved", "承認待ち")),
    (DEBIT_RESULTS, "承認拒否", "refused"),
    (DEBIT_RESULTS, "残高不足", "insufficient"),
    (DEBIT_RESULTS, "該当口座なし", "refused"),
    (LINK_RESULTS, "認証失敗", "wrong_credentials"),
    *((FRAUD, text, "1") for text in ("1", "不正", "不正利用", "被害届有", "有", "fraud", "Fraudulent", "不正(未遂)")),
    *((FRAUD, text, None) for text in ("被害なし", "被害無", "不正なし", "不正ではない", "被害未確認", "0", "無")),
    *((FRAUD, text, None) for text in ("not_fraud", "Not fraud", "non-fraud", "no fraud", "is_fraud=false")),
    *((VERIFIED, text, "true") for text in ("済", "本人確認済", "確認済み", "有", "1")),
    *((VERIFIED, text, "false") for text in ("本人確認未実施", "未", "未確認", "未済", "本人確認なし", "0")),
    *((VERIFIED, text, "false") for text in ("本人確認不備", "確認待ち", "確認中", "not verified", "unverified")),
    *((AUTHS, text, "ekyc") for text in ("本人確認", "eKYC", "顔認証")),
    *((AUTHS, text, None) for text in ("本人確認未実施", "本人確認なし", "no_otp")),
    *((AUTHS, text, word) for text, word in (("暗証番号", "pin4"), ("SMS認証", "otp"))),
    *((KINDS, text, "link") for text in ("口座登録", "新規連携", "link")),
    *((KINDS, text, "debit") for text in ("口座振替", "引落不能", "非対面出金", "無通帳出金", "notified payment")),
    *((KINDS, text, word) for text, word in (("登録解除", "unlink"), ("チャージ取消", "none"))),
    *((KINDS, text, "none") for text in ("登録取消", "契約取り消し", "link cancelled", "cancelled payment")),
    *((KINDS, text, None) for text in ("未登録", "登録なし", "not linked", "unregistered")),
)


@pytest.mark.parametrize(("meanings", "text", "word"), TEXTS)
def test_a_word_means_what_it_says(meanings: tuple[Meaning, ...], text: str, word: str | None) -> None:
    assert word == meaning(text, meanings)
