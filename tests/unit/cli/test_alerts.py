import pytest
from support.alerts import make_alert

from detector.cli.alerts import block
from detector.contract.alerts import Counterfactual
from detector.languages import Language

EXPECTED: dict[Language, str] = {
    "en": """\
 CRITICAL  2020-09-01 14:05:06 JST  bank 0116  docomo_account (ドコモコウザ)
    190,000 yen debited, 110,000 yen at risk
    - 3 debits within 10 minutes, usually 0
    - wallet opened 10 minutes ago
    as unusual as once in 4 days in normal life (forest_debit)
    account 00112233445566778899aabbccddeeff, case account-account-events-0-7, update 0
""",
    "ja": """\
 最重要  2020-09-01 14:05:06 JST  銀行 0116  docomo_account (ドコモコウザ)
    引き落とし済み 190,000円、さらに引き落とされるおそれ 110,000円
    - 10 分間に 3 回の引落
    - 開設から 10 分のウォレット
    正常な取引でここまで疑わしいものは4日に1件（forest_debit）
    口座 00112233445566778899aabbccddeeff、事案 account-account-events-0-7、第0報
""",
}


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_an_alert_reads_as_a_block_in_both_languages(lang: Language) -> None:
    assert EXPECTED[lang] == block(make_alert(7), lang).plain


@pytest.mark.parametrize(
    ("lang", "line"), [("en", "    → would not have alerted below\n"), ("ja", "    → 検知されませんでした\n")]
)
def test_what_would_not_have_alerted_follows_the_reasons(lang: Language, line: str) -> None:
    otherwise = Counterfactual("amount_yen", 40_000, "would not have alerted below", "検知されませんでした")
    before, after = block(make_alert(7, counterfactual=otherwise), lang).plain.split(line)
    assert EXPECTED[lang] == before + after


def test_a_service_without_a_passbook_text_shows_none() -> None:
    alert = make_alert(7, service="other", passbook_text="")
    assert " JST  bank 0116  other\n" in block(alert, "en").plain


def test_control_characters_never_reach_the_terminal() -> None:
    alert = make_alert(7, account="\x1b[2J\x07", case_id="\x9b1m")
    assert not any((ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160 for c in block(alert, "en").plain)
