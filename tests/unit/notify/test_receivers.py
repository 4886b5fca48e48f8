"""Settings of receivers that make no sense are refused by their names, and secrets are nowhere to be read."""

import re
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from support.notify_files import SECRET

from detector.cli.main import cli, run
from detector.errors import UserError
from detector.notify.receivers import is_local, load_receivers
from detector.notify.retry import Pace
from detector.notify.run import receivers_of, run_notify, topics_of
from detector.notify.secrets import signing_keys
from detector.settings import Settings, load_settings

WEBHOOK = {"name": "soc", "url": "https://soc.example/hook", "secret_env": "SOC"}
MAIL = {"name": "desk", "to": "desk@bank.example", "sender": "k@bank.example", "server": "mail.bank.example:587"}
PAGE = Path(__file__).parents[3] / "deploy" / "notify.md"


def text_of(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(text_of, value))}]"
    return str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, int) else f'"{value}"'


def write(folder: Path, kind: str, table: Mapping[str, Any], more: str = "") -> Path:
    path = folder / "notify.toml"
    lines = "".join(f"{name} = {text_of(value)}\n" for name, value in table.items() if value is not None)
    path.write_text(f"{more}\n[[notify.{kind}]]\n{lines}")
    return path


def without(table: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in table.items() if name not in names}


REFUSED = {
    "no name": ("webhooks", without(WEBHOOK, "name"), "notify.webhooks.0.name: is missing, expected 1 to 50 letters"),
    "odd name": ("webhooks", {**WEBHOOK, "name": "a b"}, "notify.webhooks.a b.name: expected 1 to 50 letters"),
    "no URL": ("webhooks", without(WEBHOOK, "url"), "notify.webhooks.soc.url: is missing, expected https://"),
    "no scheme": ("webhooks", {**WEBHOOK, "url": "soc.example"}, "notify.webhooks.soc.url: expected https://"),
    "odd scheme": ("webhooks", {**WEBHOOK, "url": "file:///etc/passwd"}, "webhooks.soc.url: expected https://"),
    "a space": ("webhooks", {**WEBHOOK, "url": "https://soc.example/a b"}, "webhooks.soc.url: expected https://"),
    "odd port": ("webhooks", {**WEBHOOK, "url": "https://soc.example:99999/"}, "webhooks.soc.url: expected https://"),
    "no name of a host": ("webhooks", {**WEBHOOK, "url": "https://soc..example/"}, "soc.url: expected https://"),
    "a long label": ("webhooks", {**WEBHOOK, "url": f"https://{'x' * 64}.example/"}, "soc.url: expected https://"),
    "a password": ("webhooks", {**WEBHOOK, "url": "https://me:pw@soc.example/"}, "webhooks.soc.url: expected https://"),
    "http": ("webhooks", {**WEBHOOK, "url": "http://soc.example/"}, "soc.url: expected https, or insecure = true"),
    "no secret": ("webhooks", without(WEBHOOK, "secret_env"), "soc.secret_file: expected secret_file or secret_env"),
    "two secrets": ("webhooks", {**WEBHOOK, "secret_file": "x"}, "soc.secret_file: expected secret_file or secret_env"),
    "severity": ("webhooks", {**WEBHOOK, "severity": "urgent"}, "soc.severity: expected low, medium, high or critical"),
    "bank": ("webhooks", {**WEBHOOK, "bank": "116"}, "notify.webhooks.soc.bank: expected a four-digit bank code"),
    "events": ("webhooks", {**WEBHOOK, "events": ["theft"]}, "notify.webhooks.soc.events.0: expected kinds of event"),
    "messages": ("webhooks", {**WEBHOOK, "messages": []}, 'soc.messages: expected ["alerts"], ["bulletins"] or both'),
    "a slip": ("webhooks", {**WEBHOOK, "secret": SECRET}, "notify.webhooks.soc.secret: no such setting; expected one"),
    "mail address": ("mails", {**MAIL, "to": "a@b.example, c@d.example"}, "mails.desk.to: expected one mail address"),
    "a header": ("mails", {**MAIL, "sender": "a@b.example\\nBcc: x"}, "mails.desk.sender: expected one mail address"),
    "two addresses": ("mails", {**MAIL, "to": "a,b@c.example"}, "mails.desk.to: expected one mail address"),
    "a bracket": ("mails", {**MAIL, "to": "<b@c.example"}, "mails.desk.to: expected one mail address"),
    "two dots": ("mails", {**MAIL, "to": "a@b..example"}, "mails.desk.to: expected one mail address"),
    "no server": ("mails", {**MAIL, "server": "mail..example:25"}, "notify.mails.desk.server: expected host:port"),
    "odd user": (
        "mails",
        {**MAIL, "username": "é", "password_env": "P"},
        "desk.username: expected a name in ASCII",
    ),
    "no port": ("mails", {**MAIL, "server": "mail.example"}, "notify.mails.desk.server: expected host:port"),
    "no password": ("mails", {**MAIL, "username": "k"}, "desk.username: expected username with password_file"),
    "lang": ("mails", {**MAIL, "lang": "fr"}, "notify.mails.desk.lang: expected en or ja"),
    "readable password": (
        "mails",
        {**MAIL, "username": "k", "password_env": "P", "insecure": True},
        "desk.insecure: expected false where there is a password",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_makes_no_sense_is_refused_by_the_setting_s_name(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kind, table, expected = REFUSED[case]
    assert 2 == run(cli, ["notify", "--config", str(write(tmp_path, kind, table))])
    said = capsys.readouterr().err
    assert expected in said
    assert (1, False) == (len(said.splitlines()), SECRET in said)


def test_no_receiver_two_of_one_name_and_no_table_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "notify.toml"
    for text in ("", "[notify]\n", 'notify = "soc"\n'):
        path.write_text(text)
        with pytest.raises(UserError, match=r"setting notify.*: expected"):
            load_receivers(path)
    twice = write(tmp_path, "mails", {**MAIL, "name": "soc"}, more=write(tmp_path, "webhooks", WEBHOOK).read_text())
    with pytest.raises(UserError, match="each name once, not soc again"):
        load_receivers(twice)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:1/", "http://localhost/", "http://[::1]:80/", "https://soc.example", "https://例え.example/"],
)
def test_http_goes_to_this_machine_alone(tmp_path: Path, url: str) -> None:
    path = write(tmp_path, "webhooks", {**WEBHOOK, "url": url})
    if url.isascii():
        assert [url] == [each.url for each in load_receivers(path).webhooks]
    else:
        with pytest.raises(UserError, match="ASCII"):
            load_receivers(path)
    assert not any(map(is_local, ("soc.example", "127.0.0.1.example", "10.0.0.1", "0.0.0.0")))


def built(path: Path, environ: Mapping[str, str]) -> list[str]:
    found = receivers_of(Settings(), load_receivers(path), environ, Pace(), 1)
    return [f"{receiver!r} {getattr(receiver.way, '_mailbox', '')!r}" for receiver in found]


SECRETS = {
    "not set": ({}, "SOC cannot be read (not set)"),
    "empty": ({"SOC": " \n"}, "SOC is empty"),
    "no prefix": ({"SOC": SECRET.removeprefix("whsec_")}, "no secret of a webhook"),
    "no base64": ({"SOC": "whsec_" + "@" * 40}, "no secret of a webhook"),
    "short": ({"SOC": "whsec_a2V5"}, "no secret of a webhook"),
    "one of two": ({"SOC": f"{SECRET} {SECRET[:-8]}"}, "no secret of a webhook"),
}


@pytest.mark.parametrize("case", SECRETS)
def test_a_secret_that_is_none_is_refused_and_not_shown(tmp_path: Path, case: str) -> None:
    environ, expected = SECRETS[case]
    with pytest.raises(UserError) as refused:
        built(write(tmp_path, "webhooks", WEBHOOK), environ)
    said = str(refused.value)
    assert (True, True) == (said.startswith("setting notify.webhooks.soc"), expected in said)
    assert not any(word in said for value in environ.values() for word in value.split() if len(word) > 12)


def test_secrets_come_from_the_environment_or_a_file_and_stand_nowhere_else(tmp_path: Path) -> None:
    assert (b"keykeykeykeykeykeykeykey",) * 2 == signing_keys("x", f"{SECRET}\n{SECRET}")
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    for place in ({"secret_env": "SOC"}, {"secret_env": None, "secret_file": tmp_path / "secret"}):
        (shown,) = built(write(tmp_path, "webhooks", {**WEBHOOK, **place}), {"SOC": SECRET})
        assert SECRET not in shown
    mail = {**MAIL, "username": "k", "password_env": "PASSWORD"}
    (shown,) = built(write(tmp_path, "mails", mail), {"PASSWORD": "swordfish"})
    assert ("swordfish" in shown, "mail.bank.example" in shown) == (False, True)


@pytest.mark.parametrize("password", ["hunt\u00ffer", "hunt\ner"])
def test_a_password_that_smtp_cannot_carry_is_refused_and_not_shown(tmp_path: Path, password: str) -> None:
    mail = {**MAIL, "username": "k", "password_env": "PASSWORD"}
    with pytest.raises(UserError, match=r"^setting notify.mails.desk.password: .*ASCII") as refused:
        built(write(tmp_path, "mails", mail), {"PASSWORD": password})
    assert "hunt" not in str(refused.value)


def test_authorities_and_templates_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    for authorities in (tmp_path / "ca.pem", tmp_path / "missing.pem"):
        with pytest.raises(UserError, match=r"setting notify.webhooks.soc.tls_ca: .* expected certificates in PEM"):
            built(write(tmp_path, "webhooks", {**WEBHOOK, "tls_ca": authorities}), {"SOC": SECRET})
    (tmp_path / "alert.en.txt").write_text("{{ alert.no_such_field }}")
    path = write(tmp_path, "webhooks", WEBHOOK, more=f'[notify]\ntemplates = "{tmp_path}/missing"\n')
    with pytest.raises(UserError, match=r"setting notify.templates: .*missing is no folder"):
        built(path, {"SOC": SECRET})
    path = write(tmp_path, "webhooks", WEBHOOK, more=f'[notify]\ntemplates = "{tmp_path}"\n')
    with pytest.raises(UserError, match=r"setting notify.templates: a template in .* fails: .*no_such_field"):
        built(path, {"SOC": SECRET})


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({}, ["p.alerts"]),
        ({"messages": ["bulletins"]}, ["p.bulletins"]),
        ({"messages": ["alerts", "bulletins"], "bank": "0116"}, ["p.alerts", "p.bulletins", "p.bulletins.0116"]),
        ({"bank": "0149"}, ["p.alerts.0149"]),
    ],
)
def test_a_receiver_reads_the_topics_of_what_it_gets(tmp_path: Path, table: Any, expected: list[str]) -> None:
    (receiver,) = load_receivers(write(tmp_path, "webhooks", {**WEBHOOK, **table})).receivers
    assert expected == topics_of(Settings(prefix="p.", alert_banks=("0149",)), receiver)


def test_the_examples_of_the_page_and_the_help_are_accepted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert 0 == run(cli, ["notify", "--help"])
    shown = capsys.readouterr().out.partition("A notify.toml")[2].partition("\n")[2]
    (page,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    for text in (shown, page):
        (tmp_path / "notify.toml").write_text(text)
        found = load_receivers(tmp_path / "notify.toml")
        assert ["soc", "desk"] == [each.name for each in found.receivers]
        assert ("kafka-1:9092",) == load_settings({}, {}, tmp_path / "notify.toml").bootstrap


def test_without_a_kafka_it_waits_and_ends_when_asked(tmp_path: Path) -> None:
    settings = Settings(bootstrap=("127.0.0.1:1",), metrics_port=0)
    path = write(tmp_path, "webhooks", WEBHOOK, more=f'[notify]\nparked = "{tmp_path / "parked.jsonl"}"\n')
    stop = threading.Event()
    threading.Timer(1.0, stop.set).start()
    began_s = time.monotonic()
    run_notify(settings, load_receivers(path), {"SOC": SECRET}, stop)
    assert 1.0 <= time.monotonic() - began_s < 1.0 + 5.0
