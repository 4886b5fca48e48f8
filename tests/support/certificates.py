"""Throw-away certificates for tests of TLS, made with the openssl command: no private key lies in the repository."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate and its private key, both PEM files; the key is PKCS 8, as Kafka wants it."""

    cert: Path
    key: Path

    @property
    def both(self) -> str:
        """Key and certificate in one text, as Kafka's PEM key store wants them."""
        return self.key.read_text("ascii") + self.cert.read_text("ascii")


def make_authority(folder: Path, name: str = "authority") -> Certificate:
    """A certificate that can sign others. Skips the test where there is no openssl, and fails it on CI."""
    made = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    _openssl("req", "-x509", "-days", "2", "-subj", f"/CN={name}", *_new_key(made), "-out", str(made.cert))
    return made


def make_certificate(folder: Path, name: str, authority: Certificate, host: str = "IP:127.0.0.1") -> Certificate:
    """A certificate signed by `authority`, for a server at `host` or for a client."""
    made = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    request, extensions = folder / f"{name}.csr", folder / f"{name}.ext"
    extensions.write_text(f"subjectAltName={host}\n", "ascii")
    _openssl("req", "-subj", f"/CN={name}", *_new_key(made), "-out", str(request))
    _openssl(
        *("x509", "-req", "-days", "2", "-in", str(request), "-extfile", str(extensions), "-out", str(made.cert)),
        *("-CA", str(authority.cert), "-CAkey", str(authority.key), "-CAcreateserial"),
    )
    return made


def with_passwords(broker: Certificate) -> dict[str, str]:
    """Properties of a broker with a listener SECURED: TLS with its certificate, and passwords by SCRAM-SHA-256."""
    return {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.certificate.chain": broker.cert.read_text("ascii").replace("\n", "\\n"),
        "ssl.keystore.key": broker.key.read_text("ascii").replace("\n", "\\n"),
        "sasl.enabled.mechanisms": "SCRAM-SHA-256",
        "listener.name.secured.scram-sha-256.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
    }


def encrypt_key(made: Certificate) -> Path:
    """The certificate's key, encrypted."""
    path = made.key.with_suffix(".encrypted")
    _openssl("pkcs8", "-topk8", "-in", str(made.key), "-out", str(path), "-passout", "pass:abcd")
    return path


def _new_key(made: Certificate) -> tuple[str, ...]:
    return ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", str(made.key))


def _openssl(*arguments: str) -> None:
    program = shutil.which("openssl")
    if program is None:
        message = "openssl is not installed"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    subprocess.run([program, *arguments], check=True, capture_output=True, timeout=60)
