"""A webhook: one signed POST a message, with the headers of CloudEvents 1.0 and of Standard Webhooks.

The status alone says whether the receiver has it. What follows in the answer is not read, and each message has a
connection of its own: an answer that says more, or less, than it announces can mean nothing for the next message.
"""

import base64
import hashlib
import hmac
import socket
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPResponse
from urllib.parse import quote, urlsplit

from detector.notify.cut import Cut, told
from detector.notify.messages import Notice
from detector.notify.ports import Delivered, Failed, Outcome, Refused
from detector.notify.retry import Pace

#: Of the 400s, those that ask to try again.
TRY_AGAIN = {408, 425, 429}
#: What a header may carry as it is, CloudEvents' HTTP binding 3.1.3.2: printable ASCII but space, `"` and `%`.
_PLAIN = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')


class Webhook:
    """POSTs to `url`, signed with each of `secrets`, so that a new one can be rolled out beside the old.

    `tls`: whom to trust, for https. Redirects are not followed: a message goes where the settings say, or nowhere.
    """

    def __init__(self, url: str, secrets: Sequence[bytes], tls: ssl.SSLContext | None, pace: Pace) -> None:
        parts = urlsplit(url)
        self._host, self._netloc = parts.hostname or "", parts.netloc
        self._port = parts.port or (80 if tls is None else 443)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._secrets = tuple(secrets)
        self._tls = tls
        self._pace = pace
        self._cut = Cut()

    def deliver(self, notice: Notice, wall_s: float) -> Outcome:
        """See `detector.notify.ports.Deliverer`."""
        headers = {"Host": self._netloc, **headers_of(notice, self._secrets, int(wall_s))}
        connection = HTTPConnection(self._host, self._port)
        try:
            with self._cut.off_after(self._pace.exchange_s):
                self._open(connection)
                connection.request("POST", self._path, notice.body, headers)
                return outcome_of(connection.getresponse(), wall_s)
        except (OSError, HTTPException) as error:
            return Failed(told(error, "HTTP"))
        finally:
            connection.close()

    def abort(self) -> None:
        """See `detector.notify.ports.Deliverer`."""
        self._cut.now()

    def _open(self, connection: HTTPConnection) -> None:
        connection.sock = socket.create_connection((self._host, self._port), self._pace.connect_s)
        if self._tls is not None:
            connection.sock = self._tls.wrap_socket(
                connection.sock, server_hostname=self._host, do_handshake_on_connect=False
            )
        self._cut.hold(connection.sock)
        connection.sock.settimeout(self._pace.answer_s)
        if isinstance(connection.sock, ssl.SSLSocket):
            connection.sock.do_handshake()


def headers_of(notice: Notice, secrets: Sequence[bytes], at_s: int) -> dict[str, str]:
    """Those of a request sent `at_s` seconds after 1970."""
    identity = quote(notice.id, safe=_PLAIN)
    return {
        "Content-Type": "application/json",
        "User-Agent": "kozamori",
        "Connection": "close",
        "webhook-id": identity,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(signature(secret, identity, at_s, notice.body) for secret in secrets),
        "ce-specversion": "1.0",
        "ce-id": identity,
        "ce-type": f"kozamori.{notice.kind}",
        "ce-source": f"/kozamori/{notice.topic}",
        **({"ce-time": time} if (time := moment(notice.occurred_at_ms)) else {}),
    }


def signature(secret: bytes, identity: str, at_s: int, body: bytes) -> str:
    """Of Standard Webhooks 1.0: `v1,` and the HMAC-SHA256 of id, time and body in base64."""
    signed = f"{identity}.{at_s}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret, signed, hashlib.sha256)).decode()


def outcome_of(response: HTTPResponse, wall_s: float) -> Outcome:
    """What an answer's head means; `wall_s` is now, in seconds since 1970."""
    status = response.status
    if 200 <= status < 300:
        return Delivered()
    if 400 <= status < 500 and status not in TRY_AGAIN:
        return Refused(f"status {status}")
    return Failed(f"status {status}", wish_s(response.headers.get("Retry-After", ""), wall_s))


def wish_s(retry_after: str, wall_s: float) -> float:
    """Seconds of a `Retry-After` header, in either of its forms; 0 for anything else."""
    if retry_after.strip().isdecimal():
        return float(retry_after)
    try:
        return max(parsedate_to_datetime(retry_after).timestamp() - wall_s, 0.0)
    except (ValueError, OverflowError):
        return 0.0


def moment(at_ms: int) -> str:
    """RFC 3339 of milliseconds since 1970; "" where the calendar ends: whoever writes to the topic may say anything."""
    try:
        return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError, OSError):
        return ""
