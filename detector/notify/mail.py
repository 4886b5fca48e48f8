"""E-mail: one mail a message over SMTP with STARTTLS, its Message-ID from the message's id."""

import smtplib
import socket
import ssl
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from email.utils import format_datetime
from urllib.parse import quote

from detector.languages import Language
from detector.notify.cut import Cut, told
from detector.notify.messages import Notice
from detector.notify.ports import Delivered, Failed, Outcome, Refused
from detector.notify.retry import Pace
from detector.notify.texts import Texts

#: A server may take ASCII alone, RFC 6152.
_ASCII = POLICY.clone(cte_type="7bit")
#: Answers of SMTP for good, RFC 5321 4.2.1.
PERMANENT = range(500, 600)


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Where mails go, by which server, as whom; `tls`: whom to trust, None to send readable to the network."""

    to: str
    sender: str
    host: str
    port: int
    lang: Language
    tls: ssl.SSLContext | None
    username: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"Mailbox(by {self.host}:{self.port})"


class _Client(smtplib.SMTP):
    """Hands out its socket before it reads the greeting, which may take for ever."""

    def __init__(self, mailbox: Mailbox, connect_s: float, hold: Callable[[socket.socket], None]) -> None:
        self._hold = hold
        super().__init__(mailbox.host, mailbox.port, timeout=connect_s)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        made: socket.socket = super()._get_socket(host, port, timeout)  # type: ignore[misc]  # typeshed has it not
        self._hold(made)
        return made


class Mail:
    """Sends each message to one mailbox."""

    def __init__(self, mailbox: Mailbox, texts: Texts, pace: Pace) -> None:
        self._mailbox = mailbox
        self._texts = texts
        self._pace = pace
        self._cut = Cut()

    def deliver(self, notice: Notice, wall_s: float) -> Outcome:
        """See `detector.notify.ports.Deliverer`."""
        message = mail_of(notice, self._mailbox, self._texts, wall_s)
        try:
            with self._cut.off_after(self._pace.exchange_s), ExitStack() as ending:
                client = _Client(self._mailbox, self._pace.connect_s, self._hold)
                ending.callback(client.close)  # without QUIT: an error of that would send what was accepted again
                self._greet(client)
                client.send_message(message)
                return Delivered()
        except smtplib.SMTPRecipientsRefused as error:
            return _of_message(next(iter(error.recipients.values()))[0])
        except smtplib.SMTPDataError as error:
            return _of_message(error.smtp_code)
        except smtplib.SMTPResponseException as error:  # of the server or the account, not of this message
            return Failed(f"status {error.smtp_code}")
        except (OSError, smtplib.SMTPException) as error:
            return Failed(told(error, "SMTP"))

    def abort(self) -> None:
        """See `detector.notify.ports.Deliverer`."""
        self._cut.now()

    def _greet(self, client: smtplib.SMTP) -> None:
        mailbox = self._mailbox
        if mailbox.tls is not None:
            client.starttls(context=mailbox.tls)
            if client.sock is not None:
                self._hold(client.sock)
        if mailbox.username:
            client.login(mailbox.username, mailbox.password)

    def _hold(self, sock: socket.socket) -> None:
        self._cut.hold(sock)
        sock.settimeout(self._pace.answer_s)


def _of_message(code: int) -> Outcome:
    return Refused(f"status {code}") if code in PERMANENT else Failed(f"status {code}")


def mail_of(notice: Notice, mailbox: Mailbox, texts: Texts, wall_s: float) -> EmailMessage:
    """The mail; no value of the message can make a header of it."""
    subject, text = texts.write(notice, mailbox.lang)
    message = EmailMessage(policy=_ASCII)
    message["From"], message["To"], message["Subject"] = mailbox.sender, mailbox.to, subject
    message["Date"] = format_datetime(datetime.fromtimestamp(wall_s, UTC))
    message["Message-ID"] = f"<{quote(notice.id, safe='').replace('.', '%2E')}@{mailbox.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    message.set_content(text)
    return message
