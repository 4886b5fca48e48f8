"""A Kafka that checks rights, by TLS with passwords and certificates, and principals of every role on it."""

import json
from pathlib import Path

from support.brokers import local_kafka
from support.certificates import Certificate, make_authority, make_certificate

from detector.cli.main import cli, run
from detector.kafka.topics import create
from detector.local_kafka.broker import LocalKafka
from detector.notify.run import group_of
from detector.settings import Settings

PASSWORD = "correct horse battery"
#: Who has which role; the second bank comes with a certificate, all others with a password.
PRINCIPALS = {
    "producer": "producer",
    "bank-0116": "bank",
    "CN=bank-0117": "bank",
    "desk": "desk",
    "partner": "partner",
    "notify": "notify",
    "canary": "canary",
    "prometheus": "prometheus",
    "worker": "worker",
    "operator": "operator",
}


def guarded_kafka(folder: Path) -> LocalKafka:
    """The broker, not started; certificates and the password lie in `folder`."""
    (folder / "password").write_text(PASSWORD + "\n", "utf-8")
    authority = make_authority(folder)
    certificate = make_certificate(folder, "broker", authority)
    make_certificate(folder, "bank-0117", authority)
    extra = {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.certificate.chain": _pem(certificate.cert.read_text("ascii")),
        "ssl.keystore.key": _pem(certificate.key.read_text("ascii")),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.certificates": _pem(authority.cert.read_text("ascii")),
        "listener.name.mutual.ssl.client.auth": "required",
        "sasl.enabled.mechanisms": "SCRAM-SHA-256",
        "listener.name.secured.scram-sha-256.sasl.jaas.config": (
            "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        ),
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        # The node itself comes by the plain listener, without a name.
        "super.users": "User:ANONYMOUS;User:admin",
    }
    users = ("admin", *(name for name in PRINCIPALS if not name.startswith("CN=")))
    return local_kafka(
        extra=extra, listeners={"SECURED": "SASL_SSL", "MUTUAL": "SSL"}, scram_users=dict.fromkeys(users, PASSWORD)
    )


def _pem(text: str) -> str:
    return text.replace("\n", "\\n")


def settings_of(broker: LocalKafka, folder: Path, user: str, **changed: object) -> Settings:
    """Settings of a principal."""
    given: dict[str, object] = {"tls_ca": str(folder / "authority.pem"), **changed}
    if user.startswith("CN="):
        of_user = Certificate(*(folder / f"{user[3:]}.{ending}" for ending in ("pem", "key")))
        own = {"bootstrap": broker.address("MUTUAL"), "tls_cert": str(of_user.cert), "tls_key": str(of_user.key)}
    else:
        own = {"bootstrap": broker.address("SECURED"), "sasl_mechanism": "SCRAM-SHA-256", "sasl_username": user}
        own["sasl_password_file"] = str(folder / "password")
    return Settings.model_validate(given | own)


def config(folder: Path, of: Settings) -> list[str]:
    """The option with a file of these settings."""
    given = of.model_dump(mode="json", exclude_defaults=True)
    file = folder / "settings.toml"
    file.write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in given.items()), "utf-8")
    return ["--config", str(file)]


def grant(folder: Path, admin: Settings, banks: tuple[str, str]) -> None:
    """Topics of a deployment, and the rights of all principals on them, by the command."""
    create(admin, 1, 1)
    of_bank = dict(zip(("bank-0116", "CN=bank-0117"), banks, strict=True))
    for principal, role in PRINCIPALS.items():
        bank = ["--bank", of_bank[principal]] if principal in of_bank else []
        group = ["--group", group_of(admin, "soc")] if role == "notify" else []
        asked = ["topics", "acls", role, *bank, *group, "--principal", f"User:{principal}", "--apply"]
        assert 0 == run(cli, [*asked, *config(folder, admin)])
