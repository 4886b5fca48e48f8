"""A real broker with TLS, passwords and an authorizer: who gets in and may do what, and a worker, a bank on it."""

import secrets
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from faust.transport.drivers.aiokafka import credentials_to_aiokafka_auth
from kafka import KafkaProducer
from support.asking import Asker, asker
from support.chains import draft_of, mixed_records
from support.tenants import PRINCIPALS, config, grant, guarded_kafka, settings_of
from support.workers import Progress, WorkerProcess, wait_until

from detector.artifact import write_model
from detector.canary.probe import prove
from detector.cli.main import cli, run
from detector.contract.alerts import decode_alert
from detector.contract.bulletins import decode_bulletin
from detector.contract.examples import MESSAGES
from detector.core.chains import CHAINS
from detector.errors import UserError
from detector.kafka.access import desk_group
from detector.kafka.audit import entries_in, log_of
from detector.kafka.clients import admin_client
from detector.kafka.groups import active_members, committed_offsets
from detector.kafka.inbox import KafkaInbox, begin_now
from detector.kafka.security import client_options
from detector.local_kafka.broker import LocalKafka
from detector.notify.run import group_of
from detector.settings import Settings
from detector.stream.app import broker_credentials
from detector.subscriber import AlertSubscriber

EVENTS = 1_200
TOPIC = "secured"
#: Who has the key of the audit.
AUDITED = ("worker", "operator")
BANKS = ("0116", "0117")
DEPLOYMENT = {"prefix": "m.", "deployment": "matrix", "alert_banks": BANKS, "bulletin_banks": BANKS}
KINDS = {
    "accounts": ("account-events",),
    "wallets": ("wallet-events",),
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
             producer bank-0116 CN=bank-0117 desk partner notify canary prometheus worker operator
accounts     PL       -         -            -    -       -      PCL    -          CLS    PCLKS
wallets      PL       -         -            -    -       -      -      -          CLS    PCLKS
hop          -        -         -            -    -       -      -      -          PCLDRS CLKDRS
rows         -        -         -            -    -       -      -      -          PCLS   PCLKDRS
dead         -        -         -            -    -       -      -      -          PLS    CLKS
redrives     -        -         -            -    -       -      -      -          CLS    PCLKS
audit        -        -         -            -    -       -      -      -          PCLS   PCLKS
alerts       -        -         -            CL   -       CL     CL     -          PLS    LKS
alerts0116   -        CL        -            -    -       CL     L      -          PLS    LKS
alerts0117   -        -         CL           -    -       CL     L      -          PLS    LKS
told         -        CL        CL           CL   CL      CL     -      -          PLS    CLKS
told0116     -        CL        -            -    -       CL     -      -          PLS    LKS
told0117     -        -         CL           -    -       CL     -      -          PLS    LKS
read         -        -         -            -    -       -      -      -          LS     CLKS
read0116     -        PL        -            -    -       -      -      -          LS     CLKS
read0117     -        -         PL           -    -       -      -      -          LS     CLKS
foreign      -        -         -            -    -       -      -      -          -      -
"""
#: On groups: Join, cOmmit, see Commits (F), describe (G), delete (X).
GROUPS = """
                             producer bank-0116 CN=bank-0117 desk partner notify canary prometheus worker operator
kozamori.matrix              -        -         -            -    -       -      -      -          JOFG   JOFGX
desk                         -        -         -            JOFG -       -      FG     -          -      -
desk-0116                    -        JOFG      -            -    -       -      FG     -          -      -
desk-0117                    -        -         JOFG         -    -       -      FG     -          -      -
desk-01166                   -        -         -            -    -       -      -      -          -      -
kozamori.notify.m.matrix.soc -        -         -            -    -       JOFG   -      -          -      -
"""
#: On transactional ids: T.
TRANSACTIONS = """
                    producer bank-0116 CN=bank-0117 desk partner notify canary prometheus worker operator
m.kozamori.redrives -        -         -            -    -       -      -      -          -      T
m.kozamori.audit    -        -         -            -    -       -      -      -          T      T
m.kozamori          -        -         -            -    -       -      -      -          -      -
"""
#: A topic that each may consume, of those whose group it may commit to.
READABLE = {"desk": "alerts", "notify": "alerts", "worker": "account-events", "operator": "account-events"}


def table(text: str) -> dict[tuple[str, str], set[str]]:
    """Which letters are in a row, by principal and row."""
    principals, *rows = (line.split() for line in text.strip("\n").splitlines())
    return {
        (who, row): set(cell.strip("-")) for row, *cells in rows for who, cell in zip(principals, cells, strict=True)
    }


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tenants")


@pytest.fixture(scope="module")
def broker(folder: Path) -> Iterator[LocalKafka]:
    with guarded_kafka(folder) as kafka:
        yield kafka


@pytest.fixture(scope="module")
def granted(broker: LocalKafka, folder: Path) -> Settings:
    """Topics and rights of the deployment, by the commands; the administrator's settings."""
    admin = settings_of(broker, folder, "admin", **DEPLOYMENT)
    grant(folder, admin, BANKS)
    with admin_client(admin) as client:
        client.create_topics([admin.prefix + name for name in KINDS["foreign"]])
        active_members(client, admin.group)  # waits until the new broker can answer questions about groups
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


async def test_a_record_goes_through_kafka_python_aiokafka_and_the_options_faust_makes(
    broker: LocalKafka, folder: Path
) -> None:
    secured = settings_of(broker, folder, "admin")
    with admin_client(secured) as client:
        client.create_topics([TOPIC])
    async with AIOKafkaProducer(**client_options(secured)) as producer:
        await producer.send_and_wait(TOPIC, b"sealed")
    through_faust = credentials_to_aiokafka_auth(broker_credentials(secured))
    consumer = AIOKafkaConsumer(
        TOPIC, bootstrap_servers=list(secured.bootstrap), auto_offset_reset="earliest", **through_faust
    )
    async with consumer:
        assert (await consumer.getone()).value == b"sealed"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"sasl_username": "nobody"}, "SaslAuthenticationFailed"),
        ({"sasl_password_file": "{folder}/authority.pem"}, "SaslAuthenticationFailed"),
        ({"tls_ca": "system"}, "CERTIFICATE_VERIFY_FAILED"),
        ({"sasl_mechanism": "", "sasl_username": "", "sasl_password_file": ""}, "Unable to request metadata"),
    ],
    ids=["unknown user", "wrong password", "authority not trusted", "no credentials"],
)
async def test_nobody_gets_in_who_should_not(
    broker: LocalKafka, folder: Path, caplog: pytest.LogCaptureFixture, changed: dict[str, str], reason: str
) -> None:
    changed = {name: value.format(folder=folder) for name, value in changed.items()}
    options = client_options(settings_of(broker, folder, "worker").model_copy(update=changed))
    producer = AIOKafkaProducer(**options, request_timeout_ms=5_000)
    try:
        with pytest.raises(KafkaError):
            await producer.start()
        assert reason in caplog.text  # aiokafka raises "unable to bootstrap" for each, and logs why
    finally:
        await producer.stop()


@pytest.mark.parametrize("principal", PRINCIPALS)
def test_each_principal_may_do_what_the_matrix_says_and_nothing_else(
    principal: str, broker: LocalKafka, folder: Path, granted: Settings
) -> None:
    with asker(settings_of(broker, folder, principal, **DEPLOYMENT)) as ask:
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


@dataclass(frozen=True)
class Live:
    """A worker that has processed events of a producer, each with its own rights; two banks of which some alert."""

    broker: LocalKafka
    folder: Path
    own: str
    other: str
    worker: WorkerProcess

    def settings(self, user: str, **changed: object) -> Settings:
        banks = (self.own, self.other)
        names = {
            "prefix": "live.",
            "deployment": "live",
            "partitions": 1,
            "alert_banks": banks,
            "bulletin_banks": banks,
        }
        audit = {"audit_key_file": str(self.folder / "audit")} if user in AUDITED else {}
        return settings_of(self.broker, self.folder, user, **{**names, **audit, **changed})

    def run(self, user: str, *command: str) -> int:
        """The exit status of a command under the user's name."""
        return run(cli, [*command, *config(self.folder, self.settings(user))])


@pytest.fixture(scope="module")
def live(broker: LocalKafka, folder: Path) -> Iterator[Live]:
    write_model(folder / "model", draft_of(CHAINS[-1]))
    (folder / "audit").write_text(secrets.token_hex(16), "ascii")
    records = mixed_records(EVENTS, 1)
    banks = Counter(msgspec.json.decode(one.record.value).get("bank") for one in records)
    del banks[None]
    (own, _), (other, _) = banks.most_common(2)
    found = Live(broker, folder, own, other, cast(WorkerProcess, None))
    admin = found.settings("admin")
    grant(folder, admin, (own, other))
    producer = KafkaProducer(**client_options(found.settings("producer")))
    for one in records:
        topic = (admin.account_events, admin.wallet_events)[one.source]
        producer.send(topic, one.record.value, key=one.record.key)
    producer.close()
    model = folder / "model"
    worker, progress = WorkerProcess(found.settings("worker", model=model), folder / "worker.log"), Progress(admin)
    try:
        wait_until(lambda: worker.started() and progress.finished(), "all events are committed", worker)
        yield replace(found, worker=worker)
    finally:
        worker.close()
        progress.close()


def test_a_bank_reads_its_alerts_and_bulletins_and_says_so_and_is_refused_all_else(
    live: Live, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = live.settings("bank-0116")
    assert 0 == live.run("desk", "alerts", "--json", "--group", "desk")
    everyone = [decode_alert(line.encode()) for line in capsys.readouterr().out.splitlines()]
    assert 0 == live.run("bank-0116", "alerts", "--json", "--bank", live.own, "--group", f"desk-{live.own}")
    own = [decode_alert(line.encode()) for line in capsys.readouterr().out.splitlines()]
    assert {alert.alert_id: alert for alert in everyone if alert.bank == live.own} == {one.alert_id: one for one in own}
    assert len(everyone) > len(own) > 1
    assert 0 == live.run("CN=bank-0117", "alerts", "--bank", live.other)
    capsys.readouterr()
    tell(live, settings.bulletins, "bulletins")
    tell(live, settings.bulletins_of(live.own), "bulletins.<bank>")
    assert 0 == live.run("bank-0116", "bulletins", "--json", "--bank", live.own)
    told = [decode_bulletin(line.encode()) for line in capsys.readouterr().out.splitlines()]
    assert {False, True} == {bool(bulletin.accounts) for bulletin in told}
    public = next(bulletin.bulletin_id for bulletin in told if not bulletin.accounts)
    assert 0 == live.run("bank-0116", "bulletins", "acknowledge", public, "--bank", live.own)
    capsys.readouterr()
    assert 0 == live.run("operator", "bulletins", "acknowledged", "--json")
    assert live.own == msgspec.json.decode(capsys.readouterr().out)["bank"]
    for command in (
        ("alerts",),
        ("alerts", "--bank", live.other),
        ("alerts", "--bank", live.own, "--group", f"desk-{live.other}"),
        ("cases",),
        ("bulletins", "--bank", live.other),
        ("bulletins", "acknowledge", public, "--bank", live.other),
        ("dead-letters", "list"),
        ("state", "show"),
        ("topics", "acls", "partner", "--principal", "User:bank-0116", "--check"),
        ("topics", "acls", "desk", "--principal", "User:bank-0116", "--apply"),
    ):
        assert 2 == live.run("bank-0116", *command), command
        said = capsys.readouterr().err
        assert "does not allow this" in said, (command, said)
        assert said.count("\n") == 1
    # To a consumer a topic that it may not see is none: that would be an empty list.
    assert 2 == live.run("partner", "bulletins", "acknowledged")
    assert "does not allow this" in capsys.readouterr().err


def test_a_client_is_whoever_its_new_certificate_names_from_its_next_connection_on(live: Live) -> None:
    settings = live.settings("CN=bank-0117")
    own: dict[str, Any] = {
        "topic": settings.alerts_of(live.other),
        "bank": live.other,
        "from_beginning": True,
        "until_end": True,
    }
    connection = client_options(settings)  # one context for all connections, as a worker has
    brokers = connection.pop("bootstrap_servers")
    with AlertSubscriber(brokers, **own, **connection) as alerts:
        assert list(alerts)
    for ending, used in (("pem", settings.tls_cert), ("key", settings.tls_key)):
        shutil.copy(used, live.folder / f"kept.{ending}")
        shutil.copy(live.folder / f"broker.{ending}", used)
    with pytest.raises(UserError, match="does not allow this"):
        AlertSubscriber(brokers, **own, **connection)
    for ending, used in (("pem", settings.tls_cert), ("key", settings.tls_key)):
        shutil.copy(live.folder / f"kept.{ending}", used)


def test_rights_are_shown_to_be_all_there_and_what_is_too_much_is_named(
    live: Live, capsys: pytest.CaptureFixture[str]
) -> None:
    bank = "topics", "acls", "bank", "--bank", live.own, "--principal", "User:bank-0116"
    assert 0 == live.run("operator", *bank, "--check")
    assert "User:bank-0116 has these rights and no more\n" == capsys.readouterr().out
    assert 0 == live.run("admin", *bank, "--apply", "--json")
    assert [] == msgspec.json.decode(capsys.readouterr().out)["added"]
    # A group more; and as a partner it would have less.
    assert 1 == live.run("operator", *bank, "--check", "--group", "siem")
    assert "missing: READ on GROUP siem\n" == capsys.readouterr().out
    partner = "topics", "acls", "partner", "--principal", "User:bank-0116", "--check"
    assert 1 == live.run("operator", *partner)
    said = capsys.readouterr().out.splitlines()
    assert f"too much: ALLOW User:bank-0116 READ on TOPIC live.alerts.{live.own} (LITERAL) from *" in said
    assert all(line.startswith("too much: ") for line in said)
    # Two roles of one principal: each is applied, and what the other has beside it is named.
    assert 0 == live.run("admin", *partner[:-1], "--apply")
    assert said == capsys.readouterr().out.splitlines()


def test_a_granted_right_is_in_the_audit_and_is_not_granted_without(
    live: Live, capsys: pytest.CaptureFixture[str]
) -> None:
    bank = "topics", "acls", "bank", "--bank", live.own, "--principal", "User:bank-0116", "--group", "siem", "--apply"
    assert 2 == live.run("admin", *bank)
    assert "this deployment keeps an audit" in capsys.readouterr().err
    assert 0 == live.run("admin", *bank, "--audit-key-file", str(live.folder / "audit"))
    assert "added: READ on GROUP siem\n" == capsys.readouterr().out
    noted = entries_in(log_of(live.settings("operator")).messages)[-1]
    assert ("User:admin", "rights granted") == (noted.user, noted.what)
    granted = {"role": "bank", "bank": live.own, "principal": "User:bank-0116", "groups": "siem"}
    assert {"group": live.settings("worker").group, **granted} == noted.parameters


def test_notify_reads_what_its_receivers_get_in_their_groups_and_in_no_other(live: Live) -> None:
    settings = live.settings("notify")
    topics = [settings.alerts_of(live.own), settings.alerts, settings.bulletins, settings.bulletins_of(live.own)]
    group = group_of(settings, "soc")
    begin_now(settings, group, topics)
    tell(live, settings.bulletins_of(live.own), "bulletins.<bank>")
    inbox = KafkaInbox(settings, group, topics)
    while (record := inbox.next()) is None:
        continue
    assert MESSAGES["bulletins.<bank>"][0] == decode_bulletin(record.value)
    inbox.done(record)
    inbox.close()
    with admin_client(settings) as client:
        assert record.offset + 1 == committed_offsets(client, group, record.topic)[0].offset
    for other in (f"{group}x", desk_group(live.own), settings.group):
        with pytest.raises(UserError, match="does not allow this"):
            begin_now(settings, other, topics)


def test_a_canary_is_answered_and_an_operator_resets_with_their_own_rights(
    live: Live, capsys: pytest.CaptureFixture[str]
) -> None:
    assert prove(live.settings("canary"), int(time.time()) // 60) is not None
    assert 0 == live.worker.stop()
    copy = str(live.folder / "copy")
    for command in (
        ("state", "show"),
        ("state", "export", copy),
        ("state", "reset", "--yes"),
        ("state", "import", copy, "--yes"),
        ("topics", "show"),
        ("dead-letters", "redrive", "--yes"),
    ):
        assert 0 == live.run("operator", *command), (command, capsys.readouterr().err)
    assert 0 == live.run("operator", "audit", "verify")
    capsys.readouterr()
    assert 0 == live.run("operator", "audit", "show", "--json")
    all_noted = [msgspec.json.decode(line) for line in capsys.readouterr().out.splitlines()]
    noted = [entry for entry in all_noted if entry["user"] != "User:admin"]
    changes = "state reset", "state imported", "dead letters redriven"
    expected = [("User:worker", "worker started"), *(("User:operator", change) for change in changes)]
    assert expected == [(entry["user"], entry["what"]) for entry in noted]
    assert (live.folder / "audit").read_text("ascii") not in str(noted)
    assert 2 == live.run("bank-0116", "audit", "show")
    capsys.readouterr()
    assert 2 == live.run("operator", "topics", "acls", "partner", "--principal", "User:new", "--apply")
    assert "does not allow this" in capsys.readouterr().err


def tell(live: Live, topic: str, example: str) -> None:
    """A bulletin, as the worker writes it."""
    producer = KafkaProducer(**client_options(live.settings("worker")))
    producer.send(topic, msgspec.json.encode(MESSAGES[example][0])).get(30)
    producer.close()
