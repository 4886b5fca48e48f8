import base64
import dataclasses
import socket
import ssl
import time
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path

import pytest
from support.alerts import make_alert
from support.certificates import make_authority, make_certificate
from support.webhook_receivers import OK, Answer, WebhookReceiver, status

from detector.contract.alerts import encode_alert
from detector.notify.cut import Cut
from detector.notify.messages import notice_of
from detector.notify.ports import Delivered, Failed, Outcome, Refused
from detector.notify.retry import Pace
from detector.notify.webhook import Webhook, headers_of, moment, signature, wish_s

KEYS = (b"o" * 24, b"n" * 24)
NOW_S = 1_600_000_000.9
ALERT = make_alert(7)
NOTICE = notice_of(ALERT, "alerts", encode_alert(ALERT))
PACE = Pace(connect_s=0.3, answer_s=0.3, exchange_s=0.6)


def webhook(url: str, tls: ssl.SSLContext | None = None) -> Webhook:
    return Webhook(url, KEYS, tls, PACE)


def deliver(say: bytes, *, wait_s: float = 0.0) -> Outcome:
    with WebhookReceiver(lambda _number, _request: Answer(say, wait_s=wait_s)) as receiver:
        return webhook(receiver.url).deliver(NOTICE, NOW_S)


def test_the_signature_is_that_of_the_standard_s_own_example() -> None:
    key = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    said = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}')
    assert "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" == said


def test_a_request_carries_the_message_as_on_the_bus_signed_with_each_key_and_as_a_cloud_event() -> None:
    with WebhookReceiver() as receiver:
        assert Delivered() == webhook(receiver.url + "?tenant=1").deliver(NOTICE, NOW_S)
        (request,) = receiver.requests
    signatures = [signature(key, NOTICE.id, 1_600_000_000, NOTICE.body) for key in KEYS]
    assert NOTICE.body == request.body
    assert "/hook?tenant=1" == request.path
    assert {
        "host": f"127.0.0.1:{receiver.port}",
        "content-type": "application/json",
        "content-length": str(len(NOTICE.body)),
        "accept-encoding": "identity",
        "user-agent": "kozamori",
        "connection": "close",
        "webhook-id": ALERT.alert_id,
        "webhook-timestamp": "1600000000",
        "webhook-signature": " ".join(signatures),
        "ce-specversion": "1.0",
        "ce-id": ALERT.alert_id,
        "ce-type": "kozamori.alert",
        "ce-source": "/kozamori/alerts",
        "ce-time": "2020-09-01T05:05:06.000Z",
    } == request.headers


def test_what_is_no_plain_character_of_an_id_is_encoded_as_cloud_events_say() -> None:
    odd = dataclasses.replace(NOTICE, id='a b\r\nx-evil: 1"%é')
    headers = headers_of(odd, KEYS, 1)
    assert "a%20b%0D%0Ax-evil:%201%22%25%C3%A9" == headers["ce-id"] == headers["webhook-id"]
    with WebhookReceiver() as receiver:
        assert Delivered() == webhook(receiver.url).deliver(odd, NOW_S)
        assert "x-evil" not in receiver.requests[0].headers


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (200, Delivered()),
        (204, Delivered()),
        (302, Failed("status 302")),
        (400, Refused("status 400")),
        (404, Refused("status 404")),
        (408, Failed("status 408")),
        (410, Refused("status 410")),
        (422, Refused("status 422")),
        (425, Failed("status 425")),
        (429, Failed("status 429")),
        (500, Failed("status 500")),
        (503, Failed("status 503")),
    ],
)
def test_a_status_says_whether_the_receiver_has_it(code: int, expected: Outcome) -> None:
    assert expected == deliver(status(code))


def test_the_wish_of_a_busy_receiver_is_heard() -> None:
    assert Failed("status 429", 17.0) == deliver(status(429, "Retry-After: 17"))
    date = format_datetime(datetime.fromtimestamp(NOW_S + 60, UTC), usegmt=True)
    busy = deliver(status(503, f"Retry-After: {date}"))
    assert isinstance(busy, Failed)
    assert pytest.approx(59.1) == busy.wish_s
    assert [0.0] * 4 == [wish_s(text, NOW_S) for text in ("", "soon", "-5", "Wed, 21 Oct 2015 07:28:00 GMT")]


@pytest.mark.parametrize(
    ("say", "wait_s", "expected"),
    [
        (b"", 0.0, Failed("no answer of HTTP (RemoteDisconnected)")),
        (b"220 mail.example ESMTP\r\n", 0.0, Failed("no answer of HTTP (BadStatusLine)")),
        (OK, 5.0, Failed("no answer in time")),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{}", 0.0, Delivered()),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz", 0.0, Delivered()),
    ],
    ids=["hangs up", "no HTTP", "hangs", "says less than announced", "says nonsense behind it"],
)
def test_an_answer_that_breaks_off_counts_by_its_head(say: bytes, wait_s: float, expected: Outcome) -> None:
    assert expected == deliver(say, wait_s=wait_s)


class Dripping(WebhookReceiver):
    """Always about to answer, a byte at a time."""

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            for byte in b"HTTP/1.1 100 Continue\r\n\r\n" * 100:
                connection.sendall(bytes([byte]))
                time.sleep(0.02)


def test_a_receiver_that_is_always_about_to_answer_is_cut_off() -> None:
    with Dripping() as receiver:
        began_s = time.monotonic()
        outcome = webhook(receiver.url).deliver(NOTICE, NOW_S)
        took_s = time.monotonic() - began_s
    assert isinstance(outcome, Failed)
    assert PACE.exchange_s <= took_s < PACE.exchange_s + 1.0


def test_an_address_of_ipv6_is_no_host_and_port() -> None:
    with WebhookReceiver() as receiver:
        mapped = receiver.url.replace("127.0.0.1", "[::ffff:127.0.0.1]")
        assert Delivered() == webhook(mapped).deliver(NOTICE, NOW_S)
        assert f"[::ffff:127.0.0.1]:{receiver.port}" == receiver.requests[0].headers["host"]


def test_what_is_held_when_the_time_is_over_already_is_cut_off_and_the_next_exchange_is_not() -> None:
    cut = Cut()
    one, other = socket.socketpair()
    other.settimeout(5)
    with one, other, cut.off_after(0.01):
        time.sleep(0.1)  # a name is looked up, an address that is dead is tried
        cut.hold(one)
        assert b"" == other.recv(1)
    one, other = socket.socketpair()
    other.settimeout(5)
    with one, other, cut.off_after(5.0):
        cut.hold(one)
        one.sendall(b"x")
        assert b"x" == other.recv(1)


def test_nobody_there_is_a_failure_that_does_not_tell_the_address() -> None:
    receiver = WebhookReceiver()
    receiver.close()
    assert Failed("Connection refused") == webhook(receiver.url + "?token=hidden").deliver(NOTICE, NOW_S)


def test_an_event_beyond_the_calendar_has_no_time_and_is_delivered() -> None:
    assert ["", "", "1970-01-01T00:00:00.000Z"] == [moment(at_ms) for at_ms in (10**18, -(10**18), 0)]
    with WebhookReceiver() as receiver:
        assert Delivered() == webhook(receiver.url).deliver(dataclasses.replace(NOTICE, occurred_at_ms=10**18), NOW_S)
        assert "ce-time" not in receiver.requests[0].headers


class TlsReceiver(WebhookReceiver):
    """The same over TLS, with a certificate of `authority` for `host`."""

    context: ssl.SSLContext

    def _serve(self, connection: socket.socket) -> None:
        try:
            secured = self.context.wrap_socket(connection, server_side=True)
        except (OSError, ssl.SSLError):
            connection.close()
            return
        super()._serve(secured)


@pytest.mark.parametrize(
    ("trusted", "host", "expected"),
    [
        ("authority", "IP:127.0.0.1", Delivered()),
        ("other", "IP:127.0.0.1", "certificate verify failed"),
        ("authority", "DNS:another.example", "IP address mismatch"),
    ],
)
def test_over_tls_certificate_and_host_are_checked(tmp_path: Path, trusted: str, host: str, expected: object) -> None:
    authorities = {name: make_authority(tmp_path, name) for name in ("authority", "other")}
    made = make_certificate(tmp_path, "server", authorities["authority"], host)
    with TlsReceiver() as receiver:
        receiver.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        receiver.context.load_cert_chain(made.cert, made.key)
        trust = ssl.create_default_context(cafile=authorities[trusted].cert)
        outcome = webhook(receiver.url.replace("http:", "https:"), trust).deliver(NOTICE, NOW_S)
        if isinstance(expected, Delivered):
            assert expected == outcome
            assert [NOTICE.id] == receiver.kept
        else:
            assert isinstance(outcome, Failed)
            assert outcome.cause.startswith("its certificate is not trusted")
            assert [] == receiver.requests
