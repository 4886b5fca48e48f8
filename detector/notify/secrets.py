"""Secrets from a file or the environment: never in the settings' text, never in a message for people."""

import base64
import binascii
import ssl
from collections.abc import Mapping
from pathlib import Path

from detector.errors import UserError

PREFIX = "whsec_"
#: Standard Webhooks 1.0, "Signature scheme".
SECRET_BYTES = range(24, 65)


def read_secret(place: str, file: Path | None, variable: str | None, environ: Mapping[str, str]) -> str:
    """The text of `file`, or of the environment's `variable`, without white space around it.

    `place`: the receiver, such as `notify.webhooks.soc.secret`, for the UserError where it is missing or empty.
    """
    name, where = (f"{place}_file", str(file)) if file is not None else (f"{place}_env", str(variable))
    try:
        text = file.read_text("utf-8") if file is not None else environ[str(variable)]
    except (OSError, UnicodeDecodeError, KeyError) as error:
        reason = getattr(error, "strerror", None) or ("not set" if isinstance(error, KeyError) else "not UTF-8")
        raise UserError(f"setting {name}: {where} cannot be read ({reason}), expected the secret there") from None
    if not text.strip():
        raise UserError(f"setting {name}: {where} is empty, expected the secret there")
    return text.strip()


def mail_password(place: str, text: str) -> str:
    """The text, which SMTP's AUTH carries in ASCII alone; raises UserError, without any part of it."""
    if not (text.isascii() and text.isprintable()):
        raise UserError(f"setting {place}: this cannot be sent; expected a password in one line of ASCII")
    return text


def signing_keys(place: str, text: str) -> tuple[bytes, ...]:
    """The keys of one or several secrets `whsec_…`, white space between them; all sign, the first is the oldest.

    Raises UserError, without any part of the text.
    """
    keys = []
    for word in text.split():
        try:
            key = base64.b64decode(word.removeprefix(PREFIX), validate=True)
        except binascii.Error:
            key = b""
        if not word.startswith(PREFIX) or len(key) not in SECRET_BYTES:
            raise UserError(
                f"setting {place}: this is no secret of a webhook; expected {PREFIX} and 24 to 64 random bytes in"
                f' base64: echo "{PREFIX}$(openssl rand -base64 32)"'
            )
        keys.append(key)
    return tuple(keys)


def trust(place: str, authorities: Path | None) -> ssl.SSLContext:
    """A context that checks certificate and host name, by these authorities or the system's; UserError for no PEM."""
    try:
        return ssl.create_default_context(cafile=authorities)
    except (OSError, ssl.SSLError) as error:
        reason = getattr(error, "reason", None) or error.strerror
        raise UserError(
            f"setting {place}.tls_ca: {authorities} cannot be used ({reason}), expected certificates in PEM"
        ) from None
