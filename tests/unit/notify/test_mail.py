import socket
import ssl
import time
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from support.alerts import make_alert
from support.certificates import make_authority, make_certificate
from support.smtp_server import SmtpServer

from detector.cli.main import cli, run
from detector.contract.alerts import encode_alert
from detector.languages import Language
from detector.notify.mail import Mail, Mailbox, mail_of
from detector.notify.messages import Notice, notice_of
from detector.notify.ports import Delivered, Failed, Outcome, Refused
from detector.notify.retry import Pace
from detector.notify.texts import LANGUAGES, Texts, examples

NOW_S = 1_600_000_000.0
PACE = Pace(connect_s=0.5, answer_s=0.3, exchange_s=2.0)
TEXTS = Texts(None)
BOX = Mailbox("desk@bank.example", "kozamori@bank.example", "127.0.0.1", 25, "en", None)


def an_alert(**changes: object) -> Notice:
    alert = make_alert(7, **changes)  # type: ignore[arg-type]
    return notice_of(alert, "alerts", encode_alert(alert))


def send(server: SmtpServer, box: Mailbox = BOX) -> Outcome:
    return Mail(replace(box, port=server.port), TEXTS, PACE).deliver(an_alert(), NOW_S)


@pytest.mark.parametrize(
    ("lang", "subject", "line"),
    [
        ("en", "[CRITICAL] bank 0116: docomo_account, 110,000 yen at risk", "  debited      190,000 yen"),
        ("ja", "【最重要】銀行 0116：docomo_account、さらに引き落とされるおそれ 110,000円", "  ・10 分間に 3 回の引落"),
    ],
)
def test_a_mail_arrives_as_it_was_written(lang: Language, subject: str, line: str) -> None:
    with SmtpServer() as server:
        assert Delivered() == send(server, replace(BOX, lang=lang))
        (mail,) = server.mails
    assert [BOX.sender, BOX.to, subject] == [mail[name] for name in ("From", "To", "Subject")]
    assert "<account-account-events-0-7@bank.example>" == mail["Message-ID"]
    assert ("Sun, 13 Sep 2020 12:26:40 +0000", "text/plain") == (mail["Date"], mail.get_content_type())
    assert line in mail.get_content().splitlines()


def test_a_mail_is_plain_ascii_for_servers_that_take_no_other(tmp_path: Path) -> None:
    (tmp_path / "alert.ja.txt").write_text("件名\n短い\n", "utf-8")
    mail = mail_of(an_alert(), replace(BOX, lang="ja"), Texts(tmp_path), NOW_S)
    assert "短い" == mail.get_content().strip()
    assert mail.as_bytes().isascii()


class Dripping(SmtpServer):
    """Greets without an end, a line at a time."""

    def _say(self, connection: socket.socket, command: str) -> None:
        del command
        while True:
            connection.sendall(b"220-welcome\r\n")
            time.sleep(0.02)


def test_a_server_that_never_ends_its_greeting_is_cut_off() -> None:
    with Dripping() as server:
        began_s = time.monotonic()
        outcome = send(server)
        took_s = time.monotonic() - began_s
    assert isinstance(outcome, Failed)
    assert PACE.exchange_s <= took_s < PACE.exchange_s + 1.0


def test_no_value_of_a_message_makes_a_header_or_a_line() -> None:
    evil = "x\r\nBcc: everybody@evil.example\r\n\r\n\u2028\u202eFree yen"
    notice = replace(an_alert(service=evil, bank=evil, case_id=evil, passbook_text=evil), id=f"{evil}.>@evil")
    for lang in LANGUAGES:
        plain, odd = (mail_of(each, replace(BOX, lang=lang), TEXTS, NOW_S) for each in (an_alert(), notice))
        assert plain.keys() == odd.keys()
        assert len(plain.get_content().splitlines()) == len(odd.get_content().splitlines())
        assert "everybody@evil.example" not in [
            word for line in odd.as_string().splitlines() for word in line.split()[:2]
        ]
        assert odd["Message-ID"].count("@") == 1


def test_times_beyond_the_calendar_are_written_as_they_are() -> None:
    assert f"{10**17} JST" in TEXTS.write(an_alert(occurred_at_ms=10**17), "en")[1]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ({"RCPT": "550 no such user"}, Refused("status 550")),
        ({"RCPT": "450 mailbox busy"}, Failed("status 450")),
        ({".": "554 looks like spam"}, Refused("status 554")),
        ({".": "452 disk full"}, Failed("status 452")),
        ({"MAIL": "530 authenticate first"}, Failed("status 530")),
        ({"": "421 too busy"}, Failed("status 421")),
        ({"": ""}, Failed("no answer of SMTP (SMTPServerDisconnected)")),
        ({"EHLO": SmtpServer.HANGS}, Failed("no answer of SMTP (SMTPServerDisconnected)")),
        ({".": ""}, Failed("no answer of SMTP (SMTPServerDisconnected)")),
        ({"QUIT": "500 what?"}, Delivered()),
    ],
    ids=str,
)
def test_an_answer_says_whether_the_mail_is_taken_refused_or_to_be_sent_again(
    answers: dict[str, str], expected: Outcome
) -> None:
    with SmtpServer(answers=answers) as server:
        assert expected == send(server)


@pytest.mark.parametrize("trusted", [True, False])
def test_the_password_goes_over_tls_alone_to_a_server_that_is_trusted(tmp_path: Path, *, trusted: bool) -> None:
    authority, other = (make_authority(tmp_path, name) for name in ("authority", "other"))
    made = make_certificate(tmp_path, "server", authority)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.cert, made.key)
    trust = ssl.create_default_context(cafile=(authority if trusted else other).cert)
    box = replace(BOX, tls=trust, username="kozamori", password="swordfish")
    with SmtpServer(context) as server:
        outcome = send(server, box)
        said = [(command.split()[0].upper(), ciphered) for command, ciphered in server.commands]
    if trusted:
        assert Delivered() == outcome
        assert [("EHLO", False), ("STARTTLS", False)] == [each for each in said if not each[1]]
        assert ("AUTH", True) in said
    else:
        assert isinstance(outcome, Failed)
        assert "AUTH" not in [command for command, _ in said]


def test_a_server_without_starttls_gets_nothing() -> None:
    with SmtpServer(answers={"EHLO": "250 mail.test"}) as server:
        outcome = send(server, replace(BOX, tls=ssl.create_default_context()))
        assert Failed("no answer of SMTP (SMTPNotSupportedError)") == outcome
        assert ["EHLO"] == [command.split()[0].upper() for command, _ in server.commands]


def test_the_preview_has_every_kind_in_both_languages_and_needs_no_settings(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert 0 == run(cli, ["notify", "--preview"])
    shown = capsys.readouterr().out
    assert len(examples()) * len(LANGUAGES) == shown.count("--- ") == 6
    assert all(text in shown for text in ("[CRITICAL]", "【最重要】", "[BEGUN]", "【発生】", "YOURS", "貴行の口座"))
    (tmp_path / "alert.ja.txt").write_text("独自の件名 {{ alert.bank }}\n本文\n")
    config = tmp_path / "notify.toml"
    config.write_text(
        f'[notify]\ntemplates = "{tmp_path}"\n[[notify.mails]]\nname = "desk"\nto = "a@b.example"\n'
        'sender = "a@b.example"\nserver = "mail.example:25"\n'
    )
    assert 0 == run(cli, ["notify", "--preview", "--config", str(config)])
    assert "独自の件名 0116\n\n本文" in capsys.readouterr().out


def test_an_alert_without_reasons_or_amount_is_written_too() -> None:
    bare = an_alert(reasons=[], amount_yen=0, passbook_text="", counterfactual=None)
    for lang in LANGUAGES:
        subject, text = TEXTS.write(bare, lang)
        assert (True, True) == (bool(subject), len(text.splitlines()) > 8)
    assert msgspec.json.decode(bare.body)["reasons"] == []
