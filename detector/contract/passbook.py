"""The text of each service's debits in a passbook, so that a customer can check an alert."""

import unicodedata

#: Service → texts seen in passbooks, the usual one first (press, September 2020). Those of other
#: services are not published, and customers would look for the wrong line after a guess.
PASSBOOK_TEXTS: dict[str, tuple[str, ...]] = {
    "docomo_account": ("ドコモコウザ",),
    "d_payment": ("ディーバライ", "デイーバライ"),
}

_SERVICES = {unicodedata.normalize("NFKC", text): service for service, row in PASSBOOK_TEXTS.items() for text in row}


def passbook_text(service: str) -> str:
    """The usual text of a debit for `service`; "" if unknown."""
    return PASSBOOK_TEXTS.get(service, ("",))[0]


def service_of(text: str) -> str | None:
    """The service with this passbook text, half-width kana included; None for any other text."""
    return _SERVICES.get(unicodedata.normalize("NFKC", text).strip())
