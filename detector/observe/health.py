"""A small HTTP server on its own thread: /metrics for Prometheus, /healthz and /readyz for an orchestrator.

Its own event loop, so that it answers while the worker's is busy or stuck. No authentication: bind it to a loopback
or an inner network.
"""

import asyncio
import gzip
import json
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import TracebackType
from typing import Self

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder, gzip_accepted

from detector.errors import UserError

#: A whole request and its answer; a client slower than that is cut off.
DEADLINE_S = 5.0
#: Prometheus, an orchestrator and a person or two; more are turned away, so that threads and memory stay bounded.
MAX_CONNECTIONS = 32
MAX_HEAD_BYTES = 8 * 1024


@dataclass(frozen=True, slots=True)
class Report:
    """An answer to "are you well": shown as JSON with status 200, or 503 where not `ok`."""

    ok: bool
    detail: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Answer:
    status: HTTPStatus
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()

    def head(self) -> bytes:
        lines = [
            f"HTTP/1.1 {self.status.value} {self.status.phrase}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body)}",
            "Cache-Control: no-store",
            "X-Content-Type-Options: nosniff",
            "Connection: close",
            *(f"{name}: {value}" for name, value in self.headers),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


class HealthServer:
    """Serves from `start()` to `stop()`; `port` is the real one when 0 was asked for.

    `alive` and `ready` are called on this server's thread: they must be quick and only read.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        registry: CollectorRegistry,
        alive: Callable[[], Report],
        ready: Callable[[], Report],
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self._socket = _listen(host, port)
        self.host = host
        self.port: int = self._socket.getsockname()[1]
        self._registry = registry
        self._reports = {"/healthz": alive, "/readyz": ready}
        self._deadline_s = deadline_s
        self._connections = 0
        self._loop = asyncio.new_event_loop()
        self._done = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="health", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port and end the thread; answers under way are cut off. May be called twice."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._done.set)
            self._thread.join()
        self._socket.close()
        if not self._loop.is_closed():
            self._loop.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connection, sock=self._socket, limit=MAX_HEAD_BYTES)
        try:
            await self._done.wait()
        finally:
            server.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            if self._connections <= MAX_CONNECTIONS:
                async with asyncio.timeout(self._deadline_s):
                    await self._exchange(reader, writer)
        except (TimeoutError, OSError, asyncio.IncompleteReadError):
            pass  # the client was too slow or went away: nobody is left to tell
        finally:
            self._connections -= 1
            writer.transport.abort() if writer.transport.get_write_buffer_size() else writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            answer, method = _text(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE), "GET"
        else:
            answer, method = self._answer(head.decode("latin-1"))
        writer.transport.set_write_buffer_limits(0)  # so that drain waits until all is sent
        writer.write(answer.head() if method == "HEAD" else answer.head() + answer.body)
        await writer.drain()

    def _answer(self, head: str) -> tuple[_Answer, str]:
        request, *lines = head.split("\r\n")
        words = request.split(" ")
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            return _text(HTTPStatus.BAD_REQUEST), "GET"
        method, path = words[0], words[1].partition("?")[0]
        if method not in {"GET", "HEAD"}:
            return _text(HTTPStatus.METHOD_NOT_ALLOWED, (("Allow", "GET, HEAD"),)), method
        try:
            return self._page(path, dict(_header(line) for line in lines if ":" in line)), method
        except Exception:  # noqa: BLE001 - a failing report must show as a failing report, not as a closed connection
            structlog.get_logger("detector.health").exception("no answer to a health request", path=path)
            return _text(HTTPStatus.INTERNAL_SERVER_ERROR), method

    def _page(self, path: str, headers: Mapping[str, str]) -> _Answer:
        if path == "/metrics":
            return _metrics(self._registry, headers)
        if path in self._reports:
            report = self._reports[path]()
            status = HTTPStatus.OK if report.ok else HTTPStatus.SERVICE_UNAVAILABLE
            return _json(status, {"status": "ok" if report.ok else "failing", **report.detail})
        return _text(HTTPStatus.NOT_FOUND)


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
        )[0]
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        raise UserError(
            f"metrics cannot be served on {host}:{port} ({error.strerror or error}); expected a free port of this "
            "machine: set metrics_host and metrics_port (0 takes a free one)"
        ) from None


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(":")
    return name.strip().lower(), value.strip()


def _metrics(registry: CollectorRegistry, headers: Mapping[str, str]) -> _Answer:
    encode, content_type = choose_encoder(headers.get("accept", ""))
    body = encode(registry)
    if gzip_accepted(headers.get("accept-encoding", "")):
        zipped = gzip.compress(body, compresslevel=1)
        return _Answer(HTTPStatus.OK, zipped, content_type, (("Content-Encoding", "gzip"),))
    return _Answer(HTTPStatus.OK, body, content_type)


def _json(status: HTTPStatus, body: Mapping[str, object], headers: tuple[tuple[str, str], ...] = ()) -> _Answer:
    return _Answer(status, json.dumps(body, default=str).encode() + b"\n", headers=headers)


def _text(status: HTTPStatus, headers: tuple[tuple[str, str], ...] = ()) -> _Answer:
    return _json(status, {"status": status.phrase.lower()}, headers)
