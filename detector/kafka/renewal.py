"""A TLS context that reads its files again when they have changed: certificates are renewed without a restart."""

import logging
import ssl
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from detector.errors import UserError

log = logging.getLogger(__name__)

_Stamp = tuple[tuple[int, int, int], ...]


class RenewingContext(ssl.SSLContext):
    """A client's context, TLS 1.2 or later. A connection that is there stays as it is; the next one has what is new.

    Thread-safe. Files that cannot be used are told in the log, once a change, and what was read before stays. An
    authority that is no longer in its file is trusted until the process ends.
    """

    _load: Callable[[ssl.SSLContext], None]
    _files: Sequence[Path]
    _lock: threading.Lock
    _seen: _Stamp

    @classmethod
    def of(cls, load: Callable[[ssl.SSLContext], None], files: Sequence[Path]) -> Self:
        """The context that `load` fills from these files. Raises what `load` does."""
        context = cls(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context._load, context._files, context._lock = load, files, threading.Lock()
        context._seen = context._stamp()
        load(context)
        return context

    def wrap_socket(self, *args: Any, **options: Any) -> ssl.SSLSocket:
        """A connection of kafka-python."""
        self._renew()
        return super().wrap_socket(*args, **options)

    def wrap_bio(self, *args: Any, **options: Any) -> ssl.SSLObject:
        """A connection of asyncio."""
        self._renew()
        return super().wrap_bio(*args, **options)

    def _renew(self) -> None:
        with self._lock:
            stamp = self._stamp()
            if stamp == self._seen:
                return
            self._seen = stamp
            try:
                # Elsewhere first: a certificate without its key would leave this one with neither.
                self._load(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
                self._load(self)
            except UserError as error:
                log.warning("certificates have changed and cannot be used, those before stay: %s", error)
            else:
                log.info("certificates have changed and were read again")

    def _stamp(self) -> _Stamp:
        """Changes with the files, also where a link leads to others."""
        return tuple(_stamp_of(path) for path in self._files)


def _stamp_of(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0, 0
    return found.st_mtime_ns, found.st_size, found.st_ino
