from producers.typologies.names import NAMES_JA, named
from producers.typologies.table import BY_ID


def test_every_typology_has_a_name_in_both_languages_and_an_unknown_one_stays_as_it_is() -> None:
    assert list(BY_ID) == list(NAMES_JA)
    assert "T1 ghost wallet, drain to cap" == named("T1")
    assert "T1 幽霊ウォレット、上限まで引き出し" == named("T1", "ja")
    assert "phishing" == named("phishing", "ja")
