"""Who the audit says has made a change."""

import ssl
from hashlib import sha256
from pathlib import Path

import pytest
from support.certificates import Certificate, make_authority, make_certificate

from detector.kafka.audit import user_of
from detector.settings import Settings

Pair = tuple[Certificate, Certificate]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """A client's certificate, and that of its authority."""
    folder = tmp_path_factory.mktemp("certificates")
    authority = make_authority(folder)
    return make_certificate(folder, "client", authority), authority


def test_by_sasl_it_is_the_user_and_without_any_credentials_nobody() -> None:
    with_sasl = Settings(tls_ca="system", sasl_mechanism="SCRAM-SHA-256", sasl_username="o", sasl_password_file="p")
    assert "User:o" == user_of(with_sasl)
    assert "User:ANONYMOUS" == user_of(Settings())


@pytest.mark.parametrize(
    "around", ["{own}", "{own}{authority}", "Bag Attributes: größe\n{own}", "{key}{own}{authority}"]
)
def test_by_a_certificate_it_is_the_first_in_its_file_whatever_is_around(
    around: str, made: Pair, tmp_path: Path
) -> None:
    client, authority = made
    own, signer = (one.cert.read_text("ascii") for one in made)
    file = tmp_path / "client.pem"
    file.write_text(around.format(own=own, authority=signer, key=client.key.read_text("ascii")), "utf-8")
    expected = sha256(ssl.PEM_cert_to_DER_cert(own)).hexdigest()
    settings = Settings(tls_ca=str(authority.cert), tls_cert=str(file), tls_key=str(client.key))
    assert f"certificate SHA-256 {expected}" == user_of(settings)
