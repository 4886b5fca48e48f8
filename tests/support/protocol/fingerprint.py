"""A digest of everything reachable from an object, coroutine frames included: equal digests behave equally.

By reflection, so that a field added to a task tomorrow is part of it without a change here; what is not known how
to read is refused, never left out.
"""

import asyncio
import dataclasses
import types
from collections import deque
from collections.abc import Iterable
from functools import cache, partial
from hashlib import blake2b
from itertools import chain
from typing import Any

import numpy as np
from support.protocol.loop import Promise

_PLAIN = frozenset((type(None), bool, int, float, str, bytes, slice))
_ITERATORS: tuple[type, ...] = (
    *(type(iter(kind())) for kind in (list, tuple, dict, set)),
    *(type(iter(range(0))), enumerate, zip, chain),
)
_NAMED = (type, types.FunctionType, types.BuiltinFunctionType)


class Fingerprint:
    """Digests objects. `opaque` types need no look inside; `skip` names fields and variables that decide nothing."""

    def __init__(self, opaque: tuple[type, ...], skip: set[str]) -> None:
        self._opaque = (*opaque, types.ModuleType, np.dtype, asyncio.Handle)
        self._skip = skip

    def __call__(self, *roots: object) -> bytes:
        """16 bytes that are equal for equal roots."""
        parts: list[str] = []
        self._add(roots, parts, {})
        return blake2b("\0".join(parts).encode(), digest_size=16).digest()

    def _add(self, value: Any, parts: list[str], seen: dict[int, int]) -> None:  # noqa: C901 - one line a kind of value
        kind = type(value)
        if kind in _PLAIN:
            parts.append(repr(value))
        elif isinstance(value, tuple):
            parts.append(f"({len(value)}")
            for item in value:
                self._add(item, parts, seen)
        elif isinstance(value, np.ndarray):
            parts.append(f"{value.dtype.str}{value.shape}{value.tobytes().hex()}")
        elif isinstance(value, np.generic):
            parts.append(value.tobytes().hex())
        elif isinstance(value, BaseException):
            parts.append(repr(value))
        elif isinstance(value, _NAMED):
            parts.append(value.__qualname__)
        elif isinstance(value, self._opaque):
            parts.append(kind.__qualname__)
        elif id(value) in seen:
            parts.append(f"^{seen[id(value)]}")
        else:
            seen[id(value)] = len(seen)
            parts.append(kind.__qualname__)
            for item in self._children(value):
                self._add(item, parts, seen)

    def _children(self, value: Any) -> Iterable[Any]:  # noqa: C901, PLR0911 - one line a kind of value
        if isinstance(value, (list, deque)):
            return (len(value), *value)
        if isinstance(value, dict):
            return (len(value), *chain.from_iterable(value.items()))
        if isinstance(value, (set, frozenset)):
            return (len(value), *sorted(value, key=_order))
        if isinstance(value, asyncio.Task):
            return (True,) if value.done() else (value.get_coro(), value._fut_waiter)  # type: ignore[attr-defined]
        if isinstance(value, asyncio.Future):
            return _outcome(value), value.label if isinstance(value, Promise) and not value.done() else None
        if isinstance(value, types.CoroutineType):
            return value.__qualname__, *self._frame(value.cr_frame), value.cr_await
        if isinstance(value, types.GeneratorType):
            return value.__qualname__, *self._frame(value.gi_frame), value.gi_yieldfrom
        if isinstance(value, types.MethodType):
            return value.__qualname__, value.__self__
        if isinstance(value, partial):
            return value.func, value.args, value.keywords
        if isinstance(value, _ITERATORS):
            return tuple(value.__reduce__())[1:]
        if type(value).__name__ == "FutureIter":
            return ()  # what is awaited stands in the task
        kind: Any = type(value)
        names = _names(kind, tuple(sorted(value.__dict__)) if hasattr(value, "__dict__") else ())
        return names, *(getattr(value, name) for name in names if name not in self._skip)

    def _frame(self, frame: types.FrameType | None) -> tuple[Any, ...]:
        if frame is None:
            return (-1,)
        known = frame.f_locals
        names = tuple(sorted(set(known) - self._skip))
        return frame.f_lasti, names, *(known[name] for name in names)


@cache
def _names(kind: Any, own: tuple[str, ...]) -> tuple[str, ...]:
    if own:
        return own
    if dataclasses.is_dataclass(kind):
        return tuple(field.name for field in dataclasses.fields(kind))
    if hasattr(kind, "__slots__"):
        return tuple(kind.__slots__)
    raise TypeError(f"no way known to look inside a {kind.__qualname__}")


def _outcome(future: "asyncio.Future[Any]") -> str:
    if not future.done():
        return "open"
    return "cancelled" if future.cancelled() else "failed" if future.exception() else "done"


def _order(item: Any) -> Any:
    return int(item.get_name().rpartition("-")[2]) if isinstance(item, asyncio.Task) else item  # by age
