"""Stage: a key column, a fixed-size state row, one kernel and a table of features. Chain: stages in order."""

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from detector.contract.batch import Batch
from detector.core.row_versions import Rows, RowVersion

#: Row fields of every stage. `version` and `kernel` are first, at fixed byte offsets, so that a row of another release
#: is recognised before any other field is read (PROTOCOL rule 10).
HEADER: tuple[tuple[Any, ...], ...] = (
    ("version", "<u2"),
    ("recent_next", "u1"),  # slot of recent_ids to overwrite next
    ("_spare", "u1"),
    ("kernel", "<u4"),
    ("key", "<u8"),
    ("last_offset", "<i8"),  # of the last event applied; -1 in a new row
    ("last_seen_ms", "<i8"),  # greatest event time applied
    ("recent_ids", "<u8", (4,)),  # identities of the last four events (PROTOCOL rule 12)
    ("last_index", "<i4"),  # `hop_index` of that event; 0 in the first stage; BEFORE: of a history, before that offset
)
#: `last_index` of a row that a history left: it was last changed before any event at `last_offset`.
BEFORE = -1
MAX_ROW_BYTES = 256

#: Whole numbers that travel with an event from stage to stage.
FACTS = (
    # Account stage: yen debited from the account in 24 hours, this event included; yen left to its monthly cap; yen a
    # minute at the present pace.
    "yen_debited",
    "yen_left",
    "yen_pace",
    # The judging node (`escalation`): the number of the model that judged, 0 if no detector scores the event; for
    # alerting events 1, the alarm in millionths, and the index of the detector with that alarm.
    "judged_by",
    "escalated",
    "alarm_millionths",
    "detector",
    # Input of the budget controller: the alarm as a fraction of the limit, in units of 1 / `WHOLE`. Its output: the
    # same, or `TURNED_DOWN`.
    "of_limit",
    # The worker: the source record's timestamp, epoch ms.
    "received_ms",
    # Cases stage: source record of the case's first alert, its `origin` and offset; number of the update, HELD if
    # none is raised; events it counts; the case's severity and urgency; bits of `triage.NEWS`. It sets `yen_debited`
    # and `yen_left` to those of the case.
    "case_origin",
    "case_offset",
    "case_update",
    "case_events",
    "case_severity",
    "case_urgency",
    "case_news",
)
(
    YEN_DEBITED,
    YEN_LEFT,
    YEN_PACE,
    JUDGED_BY,
    ESCALATED,
    ALARM_MILLIONTHS,
    DETECTOR,
    OF_LIMIT,
    RECEIVED_MS,
    CASE_ORIGIN,
    CASE_OFFSET,
    CASE_UPDATE,
    CASE_EVENTS,
    CASE_SEVERITY,
    CASE_URGENCY,
    CASE_NEWS,
) = range(len(FACTS))
#: The first fact of the cases stage, the last stage: these facts are in no hop.
HOP_FACTS = CASE_ORIGIN
WHOLE, TURNED_DOWN = 1_000_000, -1

#: Returns the keys of a batch's events, uint64 (n,).
Keys = Callable[[Batch], npt.NDArray[np.uint64]]


@dataclass(frozen=True, slots=True)
class OwnAmount:
    """How a feature depends on a debit's own amount: a form of `detector.core.own_amount`; some need feature `of`."""

    form: str
    of: str = ""


@dataclass(frozen=True, slots=True)
class OwnUsual:
    """Usual value of this account or address: the feature's value / that of feature `ratio` − `allowance`."""

    ratio: str
    whose_en: str
    whose_ja: str
    allowance: float = 0.0


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of a stage's feature matrix.

    `risk` is +1 where higher is riskier, -1 where lower is. `kinds` are the event kinds it is defined for;
    for others its value is NaN. `text_en` and `text_ja` are format strings over `value` and `usual`; `thing_en` and
    `thing_ja` name the measured quantity ("if … had been 3 or less"), "" for yes or no. `first_name`: its first
    name where it was renamed; models and hops know it by that for ever.
    """

    name: str
    meaning: str
    unit: str
    risk: int
    kinds: tuple[str, ...]
    text_en: str
    text_ja: str
    thing_en: str = ""
    thing_ja: str = ""
    amount: OwnAmount | None = None
    own_usual: OwnUsual | None = None
    first_name: str = ""

    @property
    def known_as(self) -> str:
        """Its name in what is stored."""
        return self.first_name or self.name


@dataclass(frozen=True, slots=True)
class Stage:
    """A key column, a row dtype (header fields first), a numba kernel and the features it emits.

    `key` is the batch's column (or property) with the row's key, or a function that returns it; `reads` are the columns
    that key and kernel read. `kernel(rows, row_ids, status, batch, start, stop, X, facts)` processes events
    `start … stop-1` in order: `rows[row_ids[i]]` is the event's state row, whose header `admit` already updated;
    `status[i]` says whether to apply it (see `detector.core.admission`). It writes its features into `X[i]`, a `record`
    that is NaN so far, as of before the event, plus the event itself, and its own columns of `facts[i, :]` (int64,
    columns `FACTS`, from the stage before), then updates the row's own fields.

    `version` is that of the row's layout and meaning, `features_version` that of the meaning of features and facts. A
    changed constant in a kernel changes no name and no layout: recorded digests enforce a new version (`tests/golden`).
    A new feature needs no new version of the others. `other_rows` are versions of other releases' rows that it reads.
    `recorded_hash`: a version and its kernel's hash, where a release has written rows that computed it otherwise.
    `snapshots`: it has no features; its kernel gets for `X` empty rows, (n,), and copies the row of an event there
    that tells something. `one_partition`: all its rows lie in that of key 0, in one order, as their events are few.
    """

    name: str
    key: str | Keys
    row: np.dtype[Any]
    version: int
    kernel: Callable[..., None]
    features: tuple[Feature, ...]
    reads: frozenset[str]
    features_version: int = 1
    other_rows: tuple[RowVersion, ...] = ()
    recorded_hash: tuple[int, int] = (0, 0)
    snapshots: bool = False
    one_partition: bool = False
    #: A record of its features by name, float32 each: a row of its feature matrix.
    record: np.dtype[Any] = field(init=False)

    def __post_init__(self) -> None:
        # Cached: read at every batch.
        object.__setattr__(self, "record", np.dtype([(name, "<f4") for name in self.feature_names], align=True))
        if self.row.itemsize > MAX_ROW_BYTES:
            raise ValueError(f"row of stage {self.name} has {self.row.itemsize} bytes, at most {MAX_ROW_BYTES}")
        if sum(dtype.itemsize for dtype, *_ in (self.row.fields or {}).values()) != self.row.itemsize:
            # numpy's copies leave padding undefined, and rows are compared and stored byte for byte.
            raise ValueError(f"row of stage {self.name} has holes between its fields")
        if self.row.names is None or self.row.names[: len(HEADER)] != tuple(field[0] for field in HEADER):
            raise ValueError(f"row of stage {self.name} does not begin with the header fields")
        for other in self.other_rows:
            other.check(self.row)

    def keys_of(self, batch: Batch) -> npt.NDArray[np.uint64]:
        """The key of each event's row, uint64 (n,)."""
        keys: npt.NDArray[np.uint64] = getattr(batch, self.key) if isinstance(self.key, str) else self.key(batch)
        return keys

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Columns of the feature matrix, in order."""
        return tuple(feature.name for feature in self.features)

    def placed_by(self, keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        """What decides the partition of the rows with these keys, uint64 (n,)."""
        return np.zeros_like(keys) if self.one_partition else keys

    @property
    def kernel_hash(self) -> int:
        """CRC-32 of the stage's name, version and row layout, stored in every row it writes."""
        version, recorded = self.recorded_hash
        if version == self.version:
            return recorded
        return zlib.crc32(repr((self.name, self.version, self.row.descr)).encode())

    @property
    def row_kinds(self) -> dict[tuple[int, int, int], RowVersion | None]:
        """Version, kernel hash and size in bytes of the rows that it reads, with how; None for its own."""
        own = self.version, self.kernel_hash, self.row.itemsize
        return {own: None} | {
            (other.version, other.kernel_hash, other.row.itemsize): other for other in self.other_rows
        }

    def read_rows(self, data: bytes, kind: tuple[int, int, int]) -> Rows:
        """The rows in `data`, of a kind that it reads, as it writes them."""
        other = self.row_kinds[kind]
        if other is None:
            return np.frombuffer(data, self.row)
        return other.read(np.frombuffer(data, other.row), self.row, self.version, self.kernel_hash)

    @property
    def features_versions(self) -> tuple[tuple[str, int], ...]:
        """The stage's name and its `features_version`, in the form that a chain has for all its stages."""
        return ((self.name, self.features_version),)


class Columns(Protocol):
    """The features a model is trained on: those of a stage or of a chain."""

    @property
    def name(self) -> str:
        """Name of the stage, or names of all stages."""

    @property
    def features(self) -> tuple[Feature, ...]:
        """The columns of the feature matrix."""

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the columns, in order."""

    @property
    def features_versions(self) -> tuple[tuple[str, int], ...]:
        """Name and `features_version` of each stage."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Stages that an event passes in order; a model reads the features of all of them, side by side."""

    stages: tuple[Stage, ...]
    #: The features of all stages, in order.
    features: tuple[Feature, ...] = field(init=False)
    #: Columns of the feature matrix, in order.
    feature_names: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        # Cached: read at every alert.
        object.__setattr__(self, "features", tuple(feature for stage in self.stages for feature in stage.features))
        object.__setattr__(self, "feature_names", tuple(feature.name for feature in self.features))
        if len(set(self.feature_names)) < len(self.feature_names):
            raise ValueError(f"two stages of {self.name} have features of one name")

    @property
    def name(self) -> str:
        """The names of the stages."""
        return "+".join(stage.name for stage in self.stages)

    @property
    def features_versions(self) -> tuple[tuple[str, int], ...]:
        """Name and `features_version` of each stage, in order."""
        return tuple((stage.name, stage.features_version) for stage in self.stages)

    @property
    def reads_wallet_events(self) -> bool:
        """Whether it reads wallet events too."""
        return len(self.stages) > 1

    def width(self, stages: int) -> int:
        """Number of features of the first `stages` stages."""
        return sum(len(stage.features) for stage in self.stages[:stages])
