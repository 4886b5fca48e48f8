"""Receivers of webhooks on a real socket: one that takes all, and some that fail, hang, restart and lie."""

import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Self

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


@dataclass(frozen=True)
class Request:
    """One POST as it came in; `at_s` by the steady clock."""

    path: str
    headers: dict[str, str]
    body: bytes
    at_s: float

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


@dataclass
class Answer:
    """`say` is sent after `wait_s`; `keeps`: whether the receiver has the message then, whatever it says."""

    say: bytes = OK
    keeps: bool = True
    wait_s: float = 0.0


def status(code: int, *headers: str) -> bytes:
    return "\r\n".join((f"HTTP/1.1 {code} Some Words", "Content-Length: 0", *headers, "", "")).encode()


@dataclass
class WebhookReceiver:
    """Answers the nth request (from 0) as `answer` says; keeps messages by id, as a good receiver does.

    `kept`: ids in the order in which they were first kept; `repeats`: what came once more and was dropped.
    """

    answer: Callable[[int, Request], Answer] = lambda _number, _request: Answer()
    port: int = 0
    requests: list[Request] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    repeats: int = 0
    at_s: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._listener: socket.socket | None = None
        self.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook"

    def start(self) -> None:
        """Listen, again on the same port after a `stop`."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()

    def close(self) -> None:
        self._ending.set()
        self.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _accept(self, listener: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, suppress(OSError, ValueError):
            connection.settimeout(5)
            request = _read(connection)
            with self._lock:
                number = len(self.requests)
                self.requests.append(request)
            answer = self.answer(number, request)
            if answer.keeps:
                self._keep(request)
            self._ending.wait(answer.wait_s)
            connection.sendall(answer.say)

    def _keep(self, request: Request) -> None:
        with self._lock:
            if request.id in self.kept:
                self.repeats += 1
            else:
                self.kept.append(request.id)
                self.at_s.append(request.at_s)

    def has(self, ids: Sequence[str], within_s: float = 10.0) -> bool:
        """Whether it has all these before long."""
        deadline_s = time.monotonic() + within_s
        while set(ids) - set(self.kept) and time.monotonic() < deadline_s:
            time.sleep(0.01)
        return not set(ids) - set(self.kept)


def _read(connection: socket.socket) -> Request:
    with connection.makefile("rb") as stream:
        _, path, _ = stream.readline().decode().split(" ")
        lines = iter(lambda: stream.readline().decode().rstrip("\r\n"), "")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        return Request(path, headers, stream.read(int(headers["content-length"])), time.monotonic())
