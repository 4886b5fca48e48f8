"""Rights by role, without a broker: what is refused, what is too much, and the lines for Kafka's own tool."""

import json
import re

import pytest
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ACLResourcePatternType, ResourcePattern, ResourceType

from detector.cli.main import cli, run
from detector.errors import UserError
from detector.kafka.access import ROLES, access_of, banks_of, everybody
from detector.kafka.acls import compare_with, line_of
from detector.kafka.declarations import declared
from detector.settings import Settings

SETTINGS = Settings(prefix="t.", alert_banks=("0116", "0005"), bulletin_banks=("0116",))
BANK = "User:bank-0116"


def acl(
    name: str,
    operation: str = "READ",
    principal: str = BANK,
    pattern: str = "LITERAL",
    kind: str = "TOPIC",
    permission: str = "ALLOW",
) -> ACL:
    resource = ResourcePattern(ResourceType[kind], name, ACLResourcePatternType[pattern])
    return ACL(principal, "*", ACLOperation[operation], ACLPermissionType[permission], resource)


OWN = [
    acl("t.alerts.0116"),
    acl("t.bulletins"),
    acl("t.bulletins.0116"),
    acl("t.kozamori.acknowledgements.0116", "WRITE"),
    acl("desk-0116", kind="GROUP"),
]


def test_every_topic_can_be_created_by_the_operator_and_none_by_another() -> None:
    names = {topic.name(SETTINGS) for topic in declared(SETTINGS)}
    for role, bank in everybody(SETTINGS):
        may = {one.name for one in access_of(SETTINGS, role, bank) if one.operation == "CREATE"}
        assert (names if role == "operator" else set()) == may


def test_a_second_reader_changes_nothing_of_the_deployment_that_it_reads() -> None:
    shadow = SETTINGS.model_copy(update={"prefix": "shadow.", "input_prefix": "t."})
    rights = [one for role, bank in everybody(shadow) for one in access_of(shadow, role, bank)]
    of_the_first = {(one.name, one.operation) for one in rights if one.name.startswith("t.")}
    assert {"READ", "DESCRIBE_CONFIGS"} == {operation for _, operation in of_the_first}
    assert {"t.account-events", "t.wallet-events", "t.kozamori.redrives"} == {name for name, _ in of_the_first}
    assert [] == access_of(shadow, "producer")


def test_a_bank_with_a_topic_of_its_own_is_a_bank_and_no_other() -> None:
    assert ("0005", "0116") == banks_of(SETTINGS)
    assert {"t.alerts.0005", "t.bulletins", "desk-0005"} == {one.name for one in access_of(SETTINGS, "bank", "0005")}
    for bank in ("", "0009", "011"):
        with pytest.raises(UserError, match="expected one with a topic of its own"):
            access_of(SETTINGS, "bank", bank)


@pytest.mark.parametrize("group", ["desk-0005", "desk", "kozamori.default", "*"])
def test_a_further_group_is_none_that_is_another_s(group: str) -> None:
    assert "siem" in {one.name for one in access_of(SETTINGS, "bank", "0116", ["siem"])}
    with pytest.raises(UserError, match=f"got group {re.escape(group)}, expected none that is another's"):
        access_of(SETTINGS, "bank", "0116", [group])
    with pytest.raises(UserError, match="the role partner, which reads in none"):
        access_of(SETTINGS, "partner", groups=["siem"])


def test_notify_reads_all_alerts_and_bulletins_in_the_groups_of_its_receivers() -> None:
    topics = {"t.alerts", "t.alerts.0116", "t.alerts.0005", "t.bulletins", "t.bulletins.0116"}
    given = access_of(SETTINGS, "notify", groups=["kozamori.notify.t.default.soc"])
    assert {*((name, "TOPIC") for name in topics), ("kozamori.notify.t.default.soc", "GROUP")} == {
        (one.name, one.resource_type) for one in given
    }
    assert {"READ"} == {one.operation for one in given}


def test_a_principal_with_its_rights_lacks_none_and_has_none_too_much() -> None:
    assert ([], []) == compare_with(OWN, SETTINGS, access_of(SETTINGS, "bank", "0116"), BANK)


@pytest.mark.parametrize("lacking", range(len(OWN)))
def test_each_right_that_is_not_there_is_missing(lacking: int) -> None:
    found = compare_with([*OWN[:lacking], *OWN[lacking + 1 :]], SETTINGS, access_of(SETTINGS, "bank", "0116"), BANK)
    assert [OWN[lacking].resource_pattern.resource_name] == [one.name for one in found.missing]
    assert [] == found.too_much


@pytest.mark.parametrize(
    ("more", "counts"),
    [
        (acl("t.alerts"), True),
        (acl("t.alerts.0005"), True),
        (acl("t.alerts.0116", "WRITE"), True),
        (acl("t.alerts.0116", permission="DENY"), True),
        (acl("t.al", pattern="PREFIXED"), True),
        (acl("*"), True),
        (acl("desk-0005", kind="GROUP"), True),
        (acl("desk", kind="GROUP", pattern="PREFIXED"), True),
        (acl("kafka-cluster", "ALTER", kind="CLUSTER"), True),
        (acl("t.kozamori.audit", "WRITE", kind="TRANSACTIONAL_ID"), True),
        (acl("t.bulletins", principal="User:*"), True),
        (acl("t.alerts", principal="User:desk"), False),
        (acl("other.alerts"), False),
        (acl("t.alerts.0116.x", pattern="PREFIXED"), False),
        (acl("siem", kind="GROUP"), False),
    ],
    ids=lambda value: line_of(value) if isinstance(value, ACL) else "",
)
def test_what_reaches_more_of_the_deployment_is_too_much_and_nothing_else(more: ACL, *, counts: bool) -> None:
    found = compare_with([*OWN, more], SETTINGS, access_of(SETTINGS, "bank", "0116"), BANK)
    assert ([], [more] if counts else []) == found


def test_all_roles_are_shown_and_prometheus_with_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    banks = ["--alert-banks", "0116,0005"]
    assert 0 == run(cli, ["topics", "acls", "--json", *banks])
    roles = json.loads(capsys.readouterr().out)["roles"]
    assert [("bank", "0005"), ("bank", "0116")] == [(one["role"], one["bank"]) for one in roles if one["bank"]]
    assert list(ROLES) == list(dict.fromkeys(one["role"] for one in roles))
    assert [] == next(one["acls"] for one in roles if one["role"] == "prometheus")
    assert 0 == run(cli, ["topics", "acls", *banks])
    assert "prometheus: nothing" in capsys.readouterr().out


def test_the_lines_for_kafka_acls_are_one_a_resource_and_quoted(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["topics", "acls", "producer", "--principal", "User:CN=p, O=x", "--bootstrap", "k:9092", "--commands"]
    assert 0 == run(cli, asked)
    start = "kafka-acls --bootstrap-server k:9092 --add --allow-principal 'User:CN=p, O=x' --operation Write --topic "
    assert [f"{start}account-events", f"{start}wallet-events"] == capsys.readouterr().out.splitlines()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--check"], "expected a role first"),
        (["worker", "--check"], "give --principal"),
        (["bank", "--principal", BANK], "--bank goes with the role bank"),
        (["desk", "--bank", "0116"], "--bank goes with the role bank"),
        (["worker", "--principal", "worker", "--check"], "such as User:bank-0116"),
        (["notify", "--principal", BANK, "--apply"], "give each with --group"),
        (["partner", "--principal", "User:*", "--apply"], "such as User:bank-0116"),
        (["worker", "--principal", BANK, "--check", "--apply"], "one of --commands, --check and --apply"),
    ],
)
def test_what_does_not_go_together_is_refused_in_one_line(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert 2 == run(cli, ["topics", "acls", *words])
    assert said in capsys.readouterr().err
