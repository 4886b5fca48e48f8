"""Hop messages of one's own layout to columns, by one kernel: no Python object an event, a column or a string."""

from typing import Any

from numba import njit

#: Of a message, in a table: events; those with features and strings; a bit for each fact; where its body begins and how
#: long it is, in bytes; its offset in the hop, and the slot of its upstream.
EVENTS, SCORED, FACTS, AT, SIZE, OFFSET, SLOT = range(7)
#: Columns behind those of the layout, by width: of eight bytes position and offset; of four index in the message, index
#: among all, and slot.
MORE_EIGHTS, MORE_FOURS = 2, 3
DAMAGED, UNKNOWN_KIND = -1, -2
#: Events whose features are copied together, as in `hop_writer`.
_TILE = 16


@njit(cache=True)
def read(
    messages: Any,
    body8: Any,
    body4: Any,
    floats: Any,
    body2: Any,
    body1: Any,
    kind_row: int,
    scored: Any,
    features: Any,
    eights: Any,
    fours: Any,
    twos: Any,
    ones: Any,
    facts: Any,
    X: Any,
    begins: Any,
    lengths: Any,
) -> int:
    """Write the events of all messages to columns; 0, or what is wrong with a message.

    `messages` int64 (m, 7); `body8` int64, `body4` int32, `floats` float32, `body2` uint16, `body1` int8: one buffer
    with all bodies, each aligned to eight bytes. `kind_row`: row of the kind in `ones`; `scored` bool (kinds,);
    `features` int64: columns of X. Written: `eights` … `ones` (columns, n), `facts` int64 (n, facts), `X` float32
    (n, F), and of strings `begins` and `lengths` int64 (fields, n) in the buffer; `facts`, `X` and the strings only
    where an event has them.
    """
    columns8, columns4, fields = len(eights) - MORE_EIGHTS, len(fours) - MORE_FOURS, len(begins)
    first = 0
    for number in range(len(messages)):
        n, m, bits = messages[number, EVENTS], messages[number, SCORED], messages[number, FACTS]
        stop = first + n
        at = messages[number, AT] // 8
        end = messages[number, AT] + messages[number, SIZE]
        for c in range(columns8 + 1):
            eights[c, first:stop] = body8[at : at + n]
            at += n
        eights[columns8 + 1, first:stop] = messages[number, OFFSET]
        for f in range(64):
            if bits >> f & 1:
                for i in range(n):
                    facts[first + i, f] = body8[at + i]
                at += n
        features_at = at * 2
        at = features_at + len(features) * m
        for c in range(columns4):
            fours[c, first:stop] = body4[at : at + n]
            at += n
        for i in range(n):
            fours[columns4, first + i] = i
            fours[columns4 + 1, first + i] = first + i
        fours[columns4 + 2, first:stop] = messages[number, SLOT]
        lengths_at = at * 2
        at = lengths_at + fields * m
        for c in range(len(twos)):
            twos[c, first:stop] = body2[at : at + n]
            at += n
        at *= 2
        for c in range(len(ones)):
            ones[c, first:stop] = body1[at : at + n]
            at += n
        j = 0
        for i in range(first, stop):
            if not 0 <= ones[kind_row, i] < len(scored):
                return UNKNOWN_KIND
            if scored[ones[kind_row, i]]:
                j += 1
        if j != m:
            return DAMAGED
        for field in range(fields):
            j = 0
            for i in range(first, stop):
                if scored[ones[kind_row, i]]:
                    begins[field, i] = at
                    lengths[field, i] = body2[lengths_at + field * m + j]
                    at += lengths[field, i]
                    j += 1
        if at > end:
            return DAMAGED
        _scatter(floats, features_at, m, features, scored, ones[kind_row], first, stop, X)
        first = stop
    return 0


@njit(cache=True)
def _scatter(
    floats: Any, at: int, m: int, features: Any, scored: Any, kind: Any, first: int, stop: int, X: Any
) -> None:
    j, i = 0, first
    while i < stop:
        last = min(i + _TILE, stop)
        for f in range(len(features)):
            k = j
            for row in range(i, last):
                if scored[kind[row]]:
                    X[row, features[f]] = floats[at + f * m + k]
                    k += 1
        for row in range(i, last):
            if scored[kind[row]]:
                j += 1
        i = last
