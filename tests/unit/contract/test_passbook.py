import pytest

from detector.contract.passbook import PASSBOOK_TEXTS, passbook_text, service_of
from detector.contract.vocabulary import SERVICES


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("docomo_account", "ドコモコウザ"),
        ("docomo_account", "ﾄﾞｺﾓｺｳｻﾞ"),
        ("docomo_account", " ドコモコウザ　"),
        ("d_payment", "ディーバライ"),
        ("d_payment", "デイーバライ"),
        ("d_payment", "ﾃﾞｨｰﾊﾞﾗｲ"),
        ("d_payment", "ﾃﾞｲｰﾊﾞﾗｲ"),
        (None, "デンキ"),
        (None, ""),
    ],
)
def test_a_passbook_text_names_its_service(expected: str | None, text: str) -> None:
    assert expected == service_of(text)


@pytest.mark.parametrize(
    ("expected", "service"), [("ドコモコウザ", "docomo_account"), ("ディーバライ", "d_payment"), ("", "other")]
)
def test_a_service_has_its_usual_text_where_one_is_known(expected: str, service: str) -> None:
    assert expected == passbook_text(service)


def test_only_services_of_the_vocabulary_are_in_the_table() -> None:
    assert set(PASSBOOK_TEXTS) <= set(SERVICES)
