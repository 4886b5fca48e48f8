"""An exported state as a folder: `state.json`, the rows of each partition as they lie in memory, where accounts lie."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt

from detector.core.rows import Rows
from detector.core.stage import Stage
from detector.errors import UserError

MANIFEST = "state.json"
VERSION = 1
#: Place of an account whose events are no longer in the log.
UNKNOWN = -1

Places = npt.NDArray[np.int32]


class Part(msgspec.Struct, frozen=True):
    """A partition of a node's input: what was committed, records unread behind it, marks, and how many rows there are.

    `last`: of a source topic, the identity of the last event before the commit, 0 where the log has none. `files` have
    their SHA-256.
    """

    partition: int
    committed: int
    unread: int
    watermark_ms: int
    begun_ms: int
    rows: int
    last: int
    files: dict[str, str]


class NodeState(msgspec.Struct, frozen=True):
    """A node: its input topic, and the version, kernel hash and size of its rows, zeros where it keeps none."""

    name: str
    topic: str
    topic_id: str
    row: tuple[int, int, int]
    parts: tuple[Part, ...]


class Exported(msgspec.Struct, frozen=True):
    """All nodes that have read anything; every input has `partitions`."""

    v: int
    group: str
    partitions: int
    nodes: tuple[NodeState, ...]


def write_part(folder: Path, node: str, partition: int, rows: Rows, places: Places | None) -> dict[str, str]:
    """Write the rows of a partition, and where they lie; the files with their SHA-256."""
    contents = {f"{node}.{partition}.rows": rows.tobytes()}
    if places is not None:
        contents[f"{node}.{partition}.places"] = places.astype("<i4").tobytes()
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}


def write_manifest(folder: Path, exported: Exported) -> None:
    """Write what names all the rest."""
    (folder / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(exported), indent=2) + b"\n")


def read_manifest(folder: Path) -> Exported:
    """What an export wrote; UserError where it is none, or of a newer release."""
    try:
        found = msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Exported)
    except OSError as error:
        raise UserError(
            f"{folder / MANIFEST} cannot be read ({error.strerror}): give the folder that `kozamori state export` wrote"
        ) from None
    except msgspec.DecodeError as error:
        raise UserError(f"{folder / MANIFEST} is damaged ({error}): copy the folder again") from None
    if found.v > VERSION:
        raise UserError(
            f"{folder} has version {found.v} of a newer release, this one reads {VERSION}: install that one"
        )
    return found


def read_part(folder: Path, node: NodeState, part: Part, stage: Stage) -> tuple[Rows, Places | None]:
    """The rows of a partition as this release writes them, and where they lie. UserError where it cannot read them."""
    contents: Mapping[str, bytes] = {name: _intact(folder / name, digest) for name, digest in part.files.items()}
    if node.row not in stage.row_kinds:
        raise UserError(
            f"{folder}: rows of stage {node.name} have version {node.row[0]} of a kernel that this release does not"
            " read: import them with the release that exported them"
        )
    rows = stage.read_rows(contents[f"{node.name}.{part.partition}.rows"], node.row)
    places = contents.get(f"{node.name}.{part.partition}.places")
    if len(rows) != part.rows or (places is not None and len(places) != 4 * part.rows):
        raise UserError(f"{folder}: rows of stage {node.name} are not as many as {MANIFEST} says: copy it again")
    return rows, None if places is None else np.frombuffer(places, "<i4")


def _intact(path: Path, digest: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): copy the folder again") from None
    if hashlib.sha256(content).hexdigest() != digest:
        raise UserError(f"{path} is damaged (its SHA-256 is not the one in {MANIFEST}): copy the folder again")
    return content
