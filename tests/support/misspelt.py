"""Documents with one thing wrong, to see that a schema misses nothing."""

import copy
from collections.abc import Iterator, Sequence
from typing import Any


def misspelt(document: Any, free: frozenset[str]) -> Iterator[tuple[str, Any]]:
    """Where, and the document with a name misspelt or a value of another type there.

    Where many items of a list have a field, it is changed in the first. Names in an object called one of `free` are the
    writer's own, and none of them can be misspelt.
    """
    seen: set[str] = set()
    for *above, last in _ways(document):
        where = ".".join("*" if isinstance(step, int) else step for step in (*above, last))
        if where in seen:
            continue
        seen.add(where)
        if isinstance(last, str) and not (above and above[-1] in free):
            other = copy.deepcopy(document)
            part = _at(other, above)
            part[f"{last}z"] = part.pop(last)
            yield f"{where}z", other
        other = copy.deepcopy(document)
        part = _at(other, above)
        part[last] = 1.5 if isinstance(part[last], dict | list) else [part[last]]
        yield where, other


def _ways(part: Any, above: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    inside = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for step, value in inside:
        yield (*above, step)
        yield from _ways(value, (*above, step))


def _at(document: Any, way: Sequence[str | int]) -> Any:
    for step in way:
        document = document[step]
    return document
