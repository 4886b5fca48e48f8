"""How to connect to Kafka: TLS context and credentials from settings, for all its clients."""

import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

from detector.errors import UserError
from detector.kafka.renewal import RenewingContext
from detector.settings import SYSTEM_TRUST, Settings

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
_Read = TypeVar("_Read")


def security_protocol(settings: Settings) -> Protocol:
    """Kafka's name for what the settings ask for; SASL without TLS was refused by `Settings` unless allowed there."""
    if settings.sasl_mechanism:
        return "SASL_SSL" if settings.tls_ca else "SASL_PLAINTEXT"
    return "SSL" if settings.tls_ca else "PLAINTEXT"


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """A context that checks certificate and host name, TLS 1.2 or later; None without `tls_ca`.

    Where its files change, new connections have what is new. Raises UserError where a file is missing or is not what
    its setting says.
    """
    if not settings.tls_ca:
        return None
    named = settings.tls_ca, settings.tls_cert, settings.tls_key
    files = [Path(name) for name in named if name and name != SYSTEM_TRUST]
    return RenewingContext.of(partial(_fill, settings), files)


def _fill(settings: Settings, context: ssl.SSLContext) -> None:
    """Load what the settings name into a context."""
    if settings.tls_ca == SYSTEM_TRUST:
        context.load_default_certs()
    else:
        # Only the authorities named: a broker with a certificate of any public one is not ours.
        _load("tls_ca", settings.tls_ca, "certificates in PEM", lambda: context.load_verify_locations(settings.tls_ca))
    if settings.tls_cert:
        for name, path in (("tls_cert", settings.tls_cert), ("tls_key", settings.tls_key)):
            _load(name, path, "a file in PEM", Path(path).read_bytes)
        _load(
            "tls_cert",
            f"{settings.tls_cert} with {settings.tls_key}",
            "a certificate in PEM that belongs to tls_key, the key not encrypted",
            # Without `password` OpenSSL asks the terminal, and a service would wait for ever.
            lambda: context.load_cert_chain(settings.tls_cert, settings.tls_key, password=""),
        )


def sasl_password(settings: Settings) -> str:
    """First line of `sasl_password_file`; raises UserError where it is missing or empty. Never logged or shown."""
    path = Path(settings.sasl_password_file)
    lines = _load("sasl_password_file", str(path), "a UTF-8 file with the password", path.read_text).splitlines()
    if not lines or not lines[0]:
        raise UserError(f"setting sasl_password_file: {path} is empty, expected the password in its first line")
    return lines[0]


def client_options(settings: Settings) -> dict[str, Any]:
    """Keyword arguments that aiokafka's and kafka-python's clients both take."""
    options: dict[str, Any] = {
        "bootstrap_servers": list(settings.bootstrap),
        "security_protocol": security_protocol(settings),
    }
    context = tls_context(settings)
    if context is not None:
        options["ssl_context"] = context
    if settings.sasl_mechanism:
        options["sasl_mechanism"] = settings.sasl_mechanism
        options["sasl_plain_username"] = settings.sasl_username
        options["sasl_plain_password"] = sasl_password(settings)
    return options


def _load(setting: str, path: str, expected: str, read: Callable[[], _Read]) -> _Read:
    try:
        return read()
    except (OSError, UnicodeDecodeError, ssl.SSLError) as error:
        # The text of an SSL error names OpenSSL's source lines; its reason is what a person can use.
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or type(error).__name__
        raise UserError(f"setting {setting}: {path} cannot be used ({reason}), expected {expected}") from None
