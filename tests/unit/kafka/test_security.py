"""TLS contexts and credentials: what they accept, what they refuse, and that no password is shown."""

import inspect
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import faust
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth
from kafka import KafkaAdminClient, KafkaProducer
from support.certificates import Certificate, encrypt_key, make_authority, make_certificate

from detector.errors import UserError
from detector.kafka.security import (
    client_options,
    sasl_password,
    security_protocol,
    tls_context,
)
from detector.settings import Settings
from detector.stream.app import broker_credentials

PASSWORD = "correct horse"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Certificate:
    return make_authority(folder)


@pytest.fixture(scope="module")
def client(folder: Path, authority: Certificate) -> Certificate:
    return make_certificate(folder, "client", authority)


@pytest.fixture
def password_file(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(PASSWORD + "\nsecond line\n", "utf-8")
    return path


def with_sasl(password_file: Path, **more: object) -> Settings:
    sasl = {"sasl_mechanism": "SCRAM-SHA-512", "sasl_username": "worker", "sasl_password_file": str(password_file)}
    return Settings.model_validate({**sasl, **more})


@contextmanager
def server(certificate: Certificate, *, client_authority: Certificate | None = None) -> Iterator[int]:
    """A TLS server that greets one client after the handshake; yields its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.cert, certificate.key)
    if client_authority is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_authority.cert)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def greet() -> None:
            connection, _ = listener.accept()
            try:
                with context.wrap_socket(connection, server_side=True) as secured:
                    secured.sendall(b"hello")
            except OSError:
                connection.close()

        thread = threading.Thread(target=greet)
        thread.start()
        yield listener.getsockname()[1]
        thread.join(10)


def greeting(context: ssl.SSLContext | None, port: int) -> bytes:
    assert context is not None
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
    ):
        return secured.recv(5)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, "PLAINTEXT"),
        ({"tls_ca": "system"}, "SSL"),
        ({"sasl": True, "allow_plaintext_sasl": True}, "SASL_PLAINTEXT"),
        ({"sasl": True, "tls_ca": "system"}, "SASL_SSL"),
        ({"sasl": True, "tls_ca": "system", "allow_plaintext_sasl": True}, "SASL_SSL"),
    ],
)
def test_the_protocol_follows_from_the_settings(given: dict[str, object], expected: str, password_file: Path) -> None:
    options = dict(given)
    settings = with_sasl(password_file, **options) if options.pop("sasl", False) else Settings.model_validate(options)
    assert expected == security_protocol(settings) == client_options(settings)["security_protocol"]


def test_a_broker_of_our_authority_is_trusted(folder: Path, authority: Certificate) -> None:
    with server(make_certificate(folder, "broker", authority)) as port:
        assert greeting(tls_context(Settings(tls_ca=str(authority.cert))), port) == b"hello"


@pytest.mark.parametrize("tls_ca", ["other", "system"])
def test_a_broker_of_another_authority_is_refused(folder: Path, authority: Certificate, tls_ca: str) -> None:
    other = make_authority(folder, "other")
    trusted = str(other.cert) if tls_ca == "other" else tls_ca
    with server(make_certificate(folder, "broker", authority)) as port, pytest.raises(ssl.SSLCertVerificationError):
        greeting(tls_context(Settings(tls_ca=trusted)), port)


def test_a_broker_with_a_certificate_for_another_host_is_refused(folder: Path, authority: Certificate) -> None:
    elsewhere = make_certificate(folder, "elsewhere", authority, host="DNS:kafka.example")
    with server(elsewhere) as port, pytest.raises(ssl.SSLCertVerificationError, match="IP address mismatch"):
        greeting(tls_context(Settings(tls_ca=str(authority.cert))), port)


def test_a_broker_that_asks_for_a_certificate_gets_ours(
    folder: Path, authority: Certificate, client: Certificate
) -> None:
    settings = Settings(tls_ca=str(authority.cert), tls_cert=str(client.cert), tls_key=str(client.key))
    broker = make_certificate(folder, "broker", authority)
    with server(broker, client_authority=authority) as port:
        assert greeting(tls_context(settings), port) == b"hello"
    with server(broker, client_authority=authority) as port, pytest.raises(ssl.SSLError):
        greeting(tls_context(Settings(tls_ca=str(authority.cert))), port)


def test_old_versions_of_tls_are_not_spoken() -> None:
    context = tls_context(Settings(tls_ca="system"))
    assert context is not None
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize(
    ("broken", "names"),
    [
        ({"tls_ca": "absent"}, ("tls_ca", "No such file")),
        ({"tls_ca": "garbage"}, ("tls_ca", "certificates in PEM")),
        ({"tls_cert": "absent"}, ("tls_cert", "No such file")),
        ({"tls_key": "absent"}, ("tls_key", "No such file")),
        ({"tls_cert": "garbage"}, ("tls_cert", "belongs to tls_key")),
        ({"tls_key": "garbage"}, ("tls_cert", "belongs to tls_key")),
        ({"tls_key": "foreign"}, ("tls_cert", "belongs to tls_key")),
        ({"tls_key": "encrypted"}, ("tls_cert", "not encrypted")),
    ],
)
def test_a_file_that_is_not_what_its_setting_says_is_refused_in_one_line(
    folder: Path, authority: Certificate, client: Certificate, broken: dict[str, str], names: tuple[str, ...]
) -> None:
    (folder / "garbage").write_text("not PEM", "ascii")
    paths = {
        "absent": folder / "absent",
        "garbage": folder / "garbage",
        "foreign": make_certificate(folder, "foreign", authority).key,
        "encrypted": encrypt_key(client),
    }
    good = {"tls_ca": str(authority.cert), "tls_cert": str(client.cert), "tls_key": str(client.key)}
    settings = Settings.model_validate(good | {name: str(paths[kind]) for name, kind in broken.items()})
    with pytest.raises(UserError) as caught:
        tls_context(settings)
    message = str(caught.value)
    assert "\n" not in message
    assert all(name in message for name in (*names, str(paths[next(iter(broken.values()))])))


def test_the_password_is_the_first_line_of_its_file(password_file: Path) -> None:
    assert sasl_password(with_sasl(password_file, tls_ca="system")) == PASSWORD


@pytest.mark.parametrize("content", [None, b"", b"\n", b"\nsecond", b"\xff\xfe"])
def test_a_password_file_without_a_password_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "empty"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match="setting sasl_password_file"):
        sasl_password(with_sasl(path, tls_ca="system"))


def test_settings_and_credentials_do_not_show_the_password(password_file: Path) -> None:
    settings = with_sasl(password_file, tls_ca="system")
    assert PASSWORD not in repr(settings) + repr(broker_credentials(settings))


@pytest.mark.parametrize("more", [{"tls_ca": "system"}, {"allow_plaintext_sasl": True}])
@pytest.mark.parametrize("sasl", [True, False])
def test_what_faust_makes_of_our_credentials_is_what_the_other_clients_get(
    password_file: Path, more: dict[str, object], *, sasl: bool
) -> None:
    settings = with_sasl(password_file, **more) if sasl else Settings.model_validate(more)
    expected = {name: value for name, value in client_options(settings).items() if name != "bootstrap_servers"}
    through_faust = dict(credentials_to_aiokafka_auth(broker_credentials(settings)))
    for options in (expected, through_faust):  # each has a context of its own
        options["ssl_context"] = options.get("ssl_context") is not None
    assert expected == through_faust


def test_faust_gets_no_credentials_without_security() -> None:
    assert broker_credentials(Settings()) is None


def test_faust_never_falls_back_to_plaintext_with_tls(password_file: Path) -> None:
    credentials = broker_credentials(with_sasl(password_file, tls_ca="system"))
    assert isinstance(credentials, faust.SASLCredentials)
    assert (credentials.protocol.value, credentials.ssl_context is None) == ("SASL_SSL", False)


def test_every_option_is_one_that_the_clients_know(password_file: Path) -> None:
    options = set(client_options(with_sasl(password_file, tls_ca="system")))
    for client in (AIOKafkaConsumer, AIOKafkaProducer):
        assert options <= set(inspect.signature(client.__init__).parameters)
    for client in (KafkaAdminClient, KafkaProducer):
        assert options <= set(client.DEFAULT_CONFIG)
