"""What a debit for each service reads in the victim's passbook, so that a customer can check an alert by eye."""

import unicodedata

#: Service → texts seen in passbooks, the usual one first (press, September 2020). Of the other services none is
#: published, and a guess would send customers looking for the wrong line.
PASSBOOK_TEXTS: dict[str, tuple[str, ...]] = {
    "docomo_account": ("ドコモコウザ",),
    "d_payment": ("ディーバライ", "デイーバライ"),
}

_SERVICES = {unicodedata.normalize("NFKC", text): service for service, row in PASSBOOK_TEXTS.items() for text in row}


def passbook_text(service: str) -> str:
    """The usual text of a debit for `service`; "" where none is known."""
    return PASSBOOK_TEXTS.get(service, ("",))[0]


def service_of(text: str) -> str | None:
    """The service whose passbook text this is, half-width kana included; None for any other text."""
    return _SERVICES.get(unicodedata.normalize("NFKC", text).strip())
