"""What a stage is: a key column, a fixed-size state row, one kernel and a table of features. And a chain of stages."""

import math
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from detector.contract.batch import Batch

#: Row fields every stage has. `version` and `kernel` lie first, at a place that never moves, so that a row of
#: another release can be recognised before anything else of it is read (PROTOCOL rule 10).
HEADER: tuple[tuple[Any, ...], ...] = (
    ("version", "<u2"),
    ("recent_next", "u1"),  # slot of recent_ids to overwrite next
    ("_spare", "u1"),
    ("kernel", "<u4"),
    ("key", "<u8"),
    ("last_offset", "<i8"),  # of the last event applied; -1 in a row no event has touched
    ("last_seen_ms", "<i8"),  # greatest event time applied
    ("recent_ids", "<u8", (4,)),  # identities of the last four events (PROTOCOL rule 12)
    ("last_index", "<i4"),  # place inside the hop message; 0 in the first stage
)
MAX_ROW_BYTES = 256

#: Whole numbers that go with an event from stage to stage.
FACTS = (
    # Account stage: yen debited from the account in 24 hours, this event included; yen left to its monthly cap; yen a
    # minute at the present pace.
    "yen_debited",
    "yen_left",
    "yen_pace",
    # The judging node (`escalation`): the number of the model that judged, 0 for what no detector scores; of what
    # alerts 1, its alarm in millionths, and the index of the detector whose alarm it is.
    "judged_by",
    "escalated",
    "alarm_millionths",
    "detector",
    # On its way into the budget controller, and out: the alarm in parts of the limit, `WHOLE` of which make one, or
    # `TURNED_DOWN`.
    "of_limit",
    # The worker: the source record's timestamp, epoch ms.
    "received_ms",
    # Cases stage: source record of the case's first alert, its `origin` and offset; number of the update, HELD where
    # none is raised; events it stands for; the case's severity and urgency; bits of what is new. It makes `yen_debited`
    # and `yen_left` those of the case.
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
#: The first of them: those of the cases stage, the last of all, are in no hop.
HOP_FACTS = CASE_ORIGIN
WHOLE, TURNED_DOWN = 1_000_000, -1

#: The keys uint64 (n,) of a batch's events.
Keys = Callable[[Batch], npt.NDArray[np.uint64]]


@dataclass(frozen=True, slots=True)
class OwnAmount:
    """How a debit's own amount is in a feature: a form of `detector.core.own_amount`, which may need feature `of`."""

    form: str
    of: str = ""


@dataclass(frozen=True, slots=True)
class OwnUsual:
    """What is usual for this account, or this address: the feature's value / that of feature `ratio` − `allowance`."""

    ratio: str
    whose_en: str
    whose_ja: str
    allowance: float = 0.0


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of a stage's feature matrix.

    `risk` is +1 where higher is riskier, -1 where lower is. `kinds` are the event kinds it has a meaning for;
    elsewhere its value is NaN. `text_en` and `text_ja` are format strings over `value` and `usual`; `thing_en` and
    `thing_ja` name what is measured ("if … had been 3 or less"), none for yes or no. A feature that is another with a
    cap, min(`same_as`, `at_most`), changes with it.
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
    same_as: str = ""
    at_most: float = math.inf
    own_usual: OwnUsual | None = None


@dataclass(frozen=True, slots=True)
class Stage:
    """A key column, a row dtype (header fields first), a numba kernel and the features it emits.

    `key` is the batch's column (or property) that names the row, or a function that tells it; `reads` are the columns
    that key and kernel look at. `kernel(rows, row_ids,
    status, batch, start, stop, X, facts)` goes over events `start … stop-1` in order: `rows[row_ids[i]]` is the event's
    state row, whose header `admit` already updated; `status[i]` says whether to apply it (see
    `detector.core.admission`). It writes `X[i, :]` (its own features, as of before the event, plus the event itself)
    and those of `facts[i, :]` (int64, columns `FACTS`, carried on from the stage before) that it knows, then updates
    the row's own fields.

    `version` is the row's, layout and meaning; `features_version` that of what features and facts mean. A constant that
    changes in a kernel changes no name and no layout: recorded digests make it raise these (`tests/golden`).
    """

    name: str
    key: str | Keys
    row: np.dtype[Any]
    version: int
    kernel: Callable[..., None]
    features: tuple[Feature, ...]
    reads: frozenset[str]
    features_version: int = 1

    def __post_init__(self) -> None:
        if self.row.itemsize > MAX_ROW_BYTES:
            raise ValueError(f"row of stage {self.name} has {self.row.itemsize} bytes, at most {MAX_ROW_BYTES}")
        if sum(dtype.itemsize for dtype, *_ in (self.row.fields or {}).values()) != self.row.itemsize:
            # numpy's copies leave holes undefined, and rows are compared and stored byte for byte.
            raise ValueError(f"row of stage {self.name} has holes between its fields")
        if self.row.names is None or self.row.names[: len(HEADER)] != tuple(field[0] for field in HEADER):
            raise ValueError(f"row of stage {self.name} does not begin with the header fields")

    def keys_of(self, batch: Batch) -> npt.NDArray[np.uint64]:
        """The key of each event's row, uint64 (n,)."""
        keys: npt.NDArray[np.uint64] = getattr(batch, self.key) if isinstance(self.key, str) else self.key(batch)
        return keys

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Columns of the feature matrix, in order."""
        return tuple(feature.name for feature in self.features)

    @property
    def kernel_hash(self) -> int:
        """CRC-32 of the stage's name, version, row layout and feature names: what a stored row was written by."""
        return zlib.crc32(repr((self.name, self.version, self.row.descr, self.feature_names)).encode())

    @property
    def features_versions(self) -> tuple[tuple[str, int], ...]:
        """The stage's name and its `features_version`, as a chain has them of all its stages."""
        return ((self.name, self.features_version),)


class Columns(Protocol):
    """What a model is made for: a stage, or a chain of them."""

    @property
    def name(self) -> str:
        """Of the stage, or of all stages."""

    @property
    def features(self) -> tuple[Feature, ...]:
        """The columns of the feature matrix."""

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Their names, in order."""

    @property
    def features_versions(self) -> tuple[tuple[str, int], ...]:
        """Of each stage its name and the version of what its features mean."""


@dataclass(frozen=True, slots=True)
class Chain:
    """Stages an event goes through one after another; a model looks at the features of all of them side by side."""

    stages: tuple[Stage, ...]
    #: The features of all stages, in order.
    features: tuple[Feature, ...] = field(init=False)

    def __post_init__(self) -> None:
        # Asked for at every alert: kept.
        object.__setattr__(self, "features", tuple(feature for stage in self.stages for feature in stage.features))
        if len(set(self.feature_names)) < len(self.feature_names):
            raise ValueError(f"two stages of {self.name} have features of one name")

    @property
    def name(self) -> str:
        """The names of the stages."""
        return "+".join(stage.name for stage in self.stages)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Columns of the feature matrix, in order."""
        return tuple(feature.name for feature in self.features)

    @property
    def features_versions(self) -> tuple[tuple[str, int], ...]:
        """Of each stage its name and its `features_version`, in order."""
        return tuple((stage.name, stage.features_version) for stage in self.stages)

    @property
    def reads_wallet_events(self) -> bool:
        """Whether it has use for more than account events."""
        return len(self.stages) > 1

    def width(self, stages: int) -> int:
        """Number of features of the first `stages` stages."""
        return sum(len(stage.features) for stage in self.stages[:stages])
