"""Who may do what on a real broker with an authorizer: the whole matrix, and a worker, a producer, a bank on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.brokers import local_kafka
from support.certificates import Certificate, make_authority, make_certificate
from support.tenants import Asker, asker

from detector.cli.main import cli, run
from detector.kafka.clients import admin_client
from detector.kafka.groups import active_members
from detector.kafka.topics import create
from detector.local_kafka.broker import LocalKafka
from detector.settings import Settings

PASSWORD = "correct horse battery"
BANKS = ("0116", "0117")
DEPLOYMENT = {"prefix": "m.", "deployment": "matrix", "alert_banks": BANKS, "bulletin_banks": BANKS}
#: Who has which role; the second bank comes with a certificate, all others with a password.
PRINCIPALS = {
    "producer": ("producer",),
    "bank-0116": ("bank", "--bank", "0116"),
    "CN=bank-0117": ("bank", "--bank", "0117"),
    "desk": ("desk",),
    "partner": ("partner",),
    "canary": ("canary",),
    "prometheus": ("prometheus",),
    "worker": ("worker",),
    "operator": ("operator",),
}
KINDS = {
    "source": ("account-events", "wallet-events"),
    "hop": tuple(f"kozamori.hop.{name}" for name in ("wallet", "source", "budget", "cases", "campaigns")),
    "rows": tuple(f"kozamori.rows.{name}" for name in ("account", "wallet", "source", "budget", "cases", "campaigns")),
    "dead": ("dead-letters",),
    "redrives": ("kozamori.redrives",),
    "audit": ("kozamori.audit",),
    "alerts": ("alerts",),
    "alerts0116": ("alerts.0116",),
    "alerts0117": ("alerts.0117",),
    "told": ("bulletins",),
    "told0116": ("bulletins.0116",),
    "told0117": ("bulletins.0117",),
    "read": ("kozamori.acknowledgements",),
    "read0116": ("kozamori.acknowledgements.0116",),
    "read0117": ("kozamori.acknowledgements.0117",),
    # Of nobody: names that begin as a bank's do, and another deployment's.
    "foreign": ("alerts.01166", "bulletins.0116.x", "alerts."),
}
#: Operations on topics: Produce, Consume, Look at offsets, Kreate, Delete, delete Records, Show configuration, Alter
#: it, add partitions (N). By hand, not from the code's table.
MAY = """
             producer bank-0116 CN=bank-0117 desk partner canary prometheus worker operator
source       PL       -         -            -    -       PCL    -          CLS    PCLKS
hop          -        -         -            -    -       -      -          PCLDRS CLKDRS
rows         -        -         -            -    -       -      -          PCLS   PCLKDRS
dead         -        -         -            -    -       -      -          PLS    CLKS
redrives     -        -         -            -    -       -      -          CLS    PCLKS
audit        -        -         -            -    -       -      -          PCLS   PCLKS
alerts       -        -         -            CL   -       CL     -          PLS    LKS
alerts0116   -        CL        -            -    -       CL     -          PLS    LKS
alerts0117   -        -         CL           -    -       CL     -          PLS    LKS
told         -        CL        CL           CL   CL      -      -          PLS    CLKS
told0116     -        CL        -            -    -       -      -          PLS    LKS
told0117     -        -         CL           -    -       -      -          PLS    LKS
read         -        -         -            -    -       -      -          LS     CLKS
read0116     -        PL        -            -    -       -      -          LS     CLKS
read0117     -        -         PL           -    -       -      -          LS     CLKS
foreign      -        -         -            -    -       -      -          -      -
"""
#: On groups: Join, cOmmit, see Commits (F), describe (G), delete (X).
GROUPS = """
                producer bank-0116 CN=bank-0117 desk partner canary prometheus worker operator
kozamori.matrix -        -         -            -    -       -      -          JOFG   JOFGX
desk            -        -         -            JOFG -       FG     -          -      -
desk-0116       -        JOFG      -            -    -       FG     -          -      -
desk-0117       -        -         JOFG         -    -       FG     -          -      -
desk-01166      -        -         -            -    -       -      -          -      -
"""
#: On transactional ids: T.
TRANSACTIONS = """
                    producer bank-0116 CN=bank-0117 desk partner canary prometheus worker operator
m.kozamori.redrives -        -         -            -    -       -      -          -      T
m.kozamori.audit    -        -         -            -    -       -      -          T      T
m.kozamori          -        -         -            -    -       -      -          -      -
"""
#: A topic that each may consume, of those whose group it may commit to.
READABLE = {"desk": "alerts", "worker": "account-events", "operator": "account-events"}


def table(text: str) -> dict[tuple[str, str], set[str]]:
    """Which letters are in a row, by principal and row."""
    principals, *rows = (line.split() for line in text.strip("\n").splitlines())
    return {
        (who, row): set(cell.strip("-")) for row, *cells in rows for who, cell in zip(principals, cells, strict=True)
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tenants")
    (folder / "password").write_text(PASSWORD + "\n", "utf-8")
    return folder


def pem(text: str) -> str:
    return text.replace("\n", "\\n")


@pytest.fixture(scope="module")
def broker(folder: Path) -> Iterator[LocalKafka]:
    authority = make_authority(folder)
    certificate = make_certificate(folder, "broker", authority)
    make_certificate(folder, "bank-0117", authority)
    extra = {
        "ssl.keystore.type": "PEM",
        "ssl.keystore.certificate.chain": pem(certificate.cert.read_text("ascii")),
        "ssl.keystore.key": pem(certificate.key.read_text("ascii")),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.certificates": pem(authority.cert.read_text("ascii")),
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
    kafka = local_kafka(
        extra=extra, listeners={"SECURED": "SASL_SSL", "MUTUAL": "SSL"}, scram_users=dict.fromkeys(users, PASSWORD)
    )
    with kafka:
        yield kafka


def settings(broker: LocalKafka, folder: Path, user: str, **changed: object) -> Settings:
    given: dict[str, object] = {"tls_ca": str(folder / "authority.pem"), **DEPLOYMENT, **changed}
    if user.startswith("CN="):
        of_user = Certificate(*(folder / f"{user[3:]}.{ending}" for ending in ("pem", "key")))
        own = {"bootstrap": broker.address("MUTUAL"), "tls_cert": str(of_user.cert), "tls_key": str(of_user.key)}
    else:
        own = {"bootstrap": broker.address("SECURED"), "sasl_mechanism": "SCRAM-SHA-256", "sasl_username": user}
        own["sasl_password_file"] = str(folder / "password")
    return Settings.model_validate(given | own)


def flags(of: Settings) -> list[str]:
    given = of.model_dump(exclude_defaults=True)
    return [
        word
        for name, value in given.items()
        for word in (f"--{name.replace('_', '-')}", ",".join(value) if isinstance(value, tuple) else str(value))
    ]


@pytest.fixture(scope="module")
def granted(broker: LocalKafka, folder: Path) -> Settings:
    """Topics and rights of the deployment, by the commands; the administrator's settings."""
    admin = settings(broker, folder, "admin")
    create(admin, 1, 1)
    with admin_client(admin) as client:
        client.create_topics([admin.prefix + name for name in KINDS["foreign"]])
        active_members(client, admin.group)  # waits until the new broker can answer questions about groups
    for principal, role in PRINCIPALS.items():
        assert 0 == run(cli, ["topics", "acls", *role, "--principal", f"User:{principal}", "--apply", *flags(admin)])
    return admin


def found_on_topics(ask: Asker, prefix: str) -> dict[str, set[str]]:
    """By kind, the letters of what was not refused on each of its topics; on some of them is told apart."""
    names = {prefix + name: kind for kind, topics in KINDS.items() for name in topics}
    operations = {
        "P": ask.produce,
        "C": ask.consume,
        "L": ask.offsets,
        "K": ask.create,
        "S": ask.show_configs,
        "A": ask.alter_configs,
        "N": ask.add_partitions,
        "R": ask.delete_records,
        "D": ask.delete,  # at last: what may be deleted is gone
    }
    found: dict[str, set[str]] = {kind: set() for kind in KINDS}
    for letter, asked in operations.items():
        allowed = asked(names)
        for kind, topics in KINDS.items():
            some = {name in allowed for name in (prefix + topic for topic in topics)}
            found[kind] |= {letter} if some == {True} else {f"some {letter}"} if True in some else set()
    return found


@pytest.mark.parametrize("principal", PRINCIPALS)
def test_each_principal_may_do_what_the_matrix_says_and_nothing_else(
    principal: str, broker: LocalKafka, folder: Path, granted: Settings
) -> None:
    with asker(settings(broker, folder, principal)) as ask:
        on_topics = {kind: may for (who, kind), may in table(MAY).items() if who == principal}
        assert on_topics == found_on_topics(ask, granted.prefix)
        on_groups = {group: may for (who, group), may in table(GROUPS).items() if who == principal}
        readable = granted.prefix + READABLE.get(principal, "bulletins" if "bank" in principal else "account-events")
        found: dict[str, set[str]] = {group: set() for group in on_groups}
        for letter, allowed in (
            ("J", ask.join(found)),
            ("O", ask.commit(found, readable)),
            ("F", ask.committed(found)),
            ("G", ask.describe_groups(found)),
            ("X", ask.delete_groups(found)),
        ):
            for group in allowed:
                found[group].add(letter)
        assert on_groups == found
        ids = {name: may for (who, name), may in table(TRANSACTIONS).items() if who == principal}
        assert {name for name, may in ids.items() if may} == ask.transactions(ids)
        assert (principal == "operator") is ask.acls()
        assert not ask.grant_itself(f"User:{principal}", f"{granted.prefix}alerts")
