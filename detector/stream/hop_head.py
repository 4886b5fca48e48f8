"""The header of a hop message: which columns, facts and features it carries, of which kinds of events.

By name, each as a hash: a reader of another release takes what it knows, and ignores the rest. Messages of the release
before name theirs by the CRC of its catalogue and by numbers in it (`hop_numbers`): they are read, and not written.
"""

import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from detector.contract.vocabulary import KINDS
from detector.core.topology import Topology
from detector.stream import hop_numbers

BY_NAME, BY_NUMBER = 0x3348_5A4B, 0x3248_5A4B  # "KZH3", "KZH2"
WIDTHS = (8, 4, 2, 1)
#: Magic; columns of each width, facts, features; a bit for each kind. Then the ids, in this order.
_NAMED = struct.Struct("<I7H")
#: Magic; catalogue; columns and kinds, a bit each; features of the catalogue. Then a bit for each, in whole bytes.
_NUMBERED = struct.Struct("<3I2H")


class Carried(NamedTuple):
    """Ids of the columns of each width, of the facts by their bit, of the features; codes of the kinds that have
    features and strings."""

    columns: tuple[tuple[int, ...], ...]
    facts: tuple[int, ...]
    features: tuple[int, ...]
    kinds: tuple[int, ...]

    def covers(self, needed: Self) -> bool:
        """Whether a reader that needs these columns, features and kinds finds them. A fact not carried is 0."""
        pairs = [*zip(needed.columns, self.columns, strict=True), *zip(needed[2:], self[2:], strict=True)]
        return all(set(asked) <= set(found) for asked, found in pairs)


def id_of(*name: object) -> int:
    """What stands for a column (name, numpy type), a fact (name) or a feature (stage, version, first name)."""
    return zlib.crc32("/".join(map(str, name)).encode())


class Catalogue(NamedTuple):
    """What numbers count, in the form in which its CRC is taken."""

    chain: str
    columns: Sequence[tuple[str, str]]
    facts: tuple[str, ...]
    features: Sequence[str]
    versions: tuple[tuple[str, int], ...]

    @property
    def crc(self) -> int:
        """CRC-32 of all that is numbered, and of what the features mean."""
        return zlib.crc32(
            repr((self.chain, list(self.columns), self.facts, list(self.features), self.versions)).encode()
        )


def _numbered() -> Mapping[int, tuple[Catalogue, tuple[int, ...]]]:
    """Of every chain of the release before, by CRC, its catalogue and the ids of its features."""
    found = {}
    for chain in hop_numbers.CHAINS:
        stages = [
            (stage, version, names.split()) for stage in chain for version, names in [hop_numbers.FEATURES[stage]]
        ]
        catalogue = Catalogue(
            "+".join(chain),
            tuple(hop_numbers.COLUMNS.items()),
            hop_numbers.FACTS,
            [name for *_, names in stages for name in names],
            tuple((stage, version) for stage, version, _ in stages),
        )
        ids = tuple(id_of(stage, version, name) for stage, version, names in stages for name in names)
        found[catalogue.crc] = catalogue, ids
    return found


NUMBERED = _numbered()


def feature_ids(topology: Topology) -> tuple[int, ...]:
    """Ids of all features of a topology, in order."""
    stages = [node.stage for node in topology.nodes if node.stage is not None]
    return tuple(id_of(stage.name, stage.features_version, one.known_as) for stage in stages for one in stage.features)


def head_by_name(carried: Carried) -> bytes:
    """The header that names this."""
    lists = (*carried.columns, carried.facts, carried.features)
    numbers = [number for ids in lists for number in ids]
    head = _NAMED.pack(BY_NAME, *map(len, lists), _bits(carried.kinds))
    return head + struct.pack(f"<{len(numbers)}I", *numbers)


def head_of(message: bytes) -> bytes:
    """The header at the beginning of a message; b"" where there is none that this release knows."""
    size = 0
    if len(message) >= _NUMBERED.size:
        magic = int.from_bytes(message[:4], "little")
        if magic == BY_NUMBER:
            size = _NUMBERED.size + (_NUMBERED.unpack_from(message)[-1] + 7) // 8
        elif magic == BY_NAME and len(message) >= _NAMED.size:
            size = _NAMED.size + 4 * sum(_NAMED.unpack_from(message)[1:-1])
    return message[:size]


def read_head(head: bytes) -> Carried | None:
    """What a header names; None: numbers of a catalogue that this release does not know."""
    if int.from_bytes(head[:4], "little") == BY_NAME:
        _, *counts, kinds = _NAMED.unpack_from(head)
        ids = struct.unpack_from(f"<{sum(counts)}I", head, _NAMED.size)
        ends = np.cumsum(counts).tolist()
        lists = [ids[end - count : end] for count, end in zip(counts, ends, strict=True)]
        return Carried(tuple(lists[:4]), lists[4], lists[5], _codes(kinds))
    _, crc, columns, kinds, _ = _NUMBERED.unpack_from(head)
    if crc not in NUMBERED:
        return None
    catalogue, features = NUMBERED[crc]
    bits = np.unpackbits(np.frombuffer(head, np.uint8)[_NUMBERED.size :], bitorder="little")
    named = [found for bit, found in enumerate(catalogue.columns) if columns >> bit & 1]
    return Carried(
        by_width(named),
        tuple(id_of(fact) for fact in catalogue.facts),
        tuple(features[index] for index in np.flatnonzero(bits).tolist()),
        _codes(kinds),
    )


def by_width(columns: Iterable[tuple[str, str]]) -> tuple[tuple[int, ...], ...]:
    """Ids of columns, given as name and numpy type, by the bytes that a value takes."""
    found = list(columns)
    return tuple(tuple(id_of(*one) for one in found if np.dtype(one[1]).itemsize == width) for width in WIDTHS)


def _bits(codes: Iterable[int]) -> int:
    return sum(1 << code for code in codes)


def _codes(bits: Any) -> tuple[int, ...]:
    return tuple(code for code in range(len(KINDS)) if bits >> code & 1)
