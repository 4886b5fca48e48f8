"""Exchanges over a socket: ended from another thread where they take too long; why they failed."""

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class Cut:
    """Shuts a socket down after a while, or now: whoever waits on it gets an error. One exchange at a time."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._exchange = 0
        self._late = False
        self._off = False
        self._lock = threading.Lock()

    @contextmanager
    def off_after(self, limit_s: float) -> Iterator[None]:
        """What is held within the block is shut down when it has taken `limit_s`; at once where it is held later."""
        with self._lock:
            self._exchange, self._late = self._exchange + 1, False
            timer = threading.Timer(limit_s, self._over, [self._exchange])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            with self._lock:
                self._socket = None

    def hold(self, sock: socket.socket) -> None:
        """This is the exchange's socket."""
        with self._lock:
            self._socket = sock
            if self._off or self._late:
                self._shut()

    def now(self) -> None:
        """Shut down what is held, and whatever is held later."""
        with self._lock:
            self._off = True
            self._shut()

    def _over(self, exchange: int) -> None:
        with self._lock:
            if exchange == self._exchange:
                self._late = True
                self._shut()

    def _shut(self) -> None:
        """With the lock held."""
        with suppress(OSError):  # the other side may have been faster
            if self._socket is not None:
                # Of the plain socket below TLS, which says no farewell and so cannot wait.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


def told(error: Exception, protocol: str) -> str:
    """Why an exchange failed, in a few words; without what the other side said, or an address that may be a secret."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return getattr(error, "strerror", None) or f"no answer of {protocol} ({type(error).__name__})"
