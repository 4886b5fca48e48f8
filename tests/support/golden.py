"""Digests of each stage's output for fixed events, recorded by version: a change of meaning must raise a version.

`python -m support.golden`, in `tests` and with the checkout on PYTHONPATH, records the digests of versions that have
none. Those of a recorded version are never written over.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from detector.contract.batch import OWN, Batch, concatenate
from detector.contract.codec import decode_account_events, decode_wallet_events
from detector.contract.keys import wallet_key
from detector.contract.vocabulary import ACCOUNT_KINDS, OPEN
from detector.core.chains import SOURCE_CHAIN
from detector.core.events import Events
from detector.core.forward import both_sides
from detector.core.pipeline import Outcome, Pipeline
from detector.core.rows import PackedRows
from detector.core.stage import (
    ALARM_MILLIONTHS,
    DETECTOR,
    ESCALATED,
    FACTS,
    OF_LIMIT,
    WHOLE,
    YEN_DEBITED,
    YEN_LEFT,
    YEN_PACE,
    Chain,
    Stage,
)
from detector.core.stages.budget import BUDGET
from detector.core.stages.campaigns import CAMPAIGNS, by_key
from detector.core.stages.cases import CASES
from detector.core.topology import Node, Topology

FOLDER = Path(__file__).parents[1] / "golden"
EVENTS, DIGESTS = FOLDER / "events.jsonl", FOLDER / "digests.json"
COMMAND = "PYTHONPATH=..:. python -m support.golden (in tests)"
STAGES = (*SOURCE_CHAIN.stages, CASES, BUDGET, CAMPAIGNS)
TTL_MS = 14 * 86_400_000  # shorter than the file's events, so that rows expire


class RecordedError(Exception):
    """A digest of this version is recorded, and another one."""


class Digests(NamedTuple):
    """SHA-256 in hex of a stage's features and facts, and of its rows' bytes; of single features by name."""

    features: str
    rows: str
    single: dict[str, str]


#: Of each part of a stage, the attribute that is its version.
VERSION_OF = {"features": "features_version", "rows": "version"}


@dataclass(frozen=True)
class Recorded:
    """Digests by stage, part and version; `events`: digest of the events they are of.

    `names`: the features, by their first names, that a version's digest is of, by stage and version. One that came
    later changes no other, needs no new version and has a digest of its own, in `later`.
    """

    events: str
    digests: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)
    names: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    later: dict[str, dict[str, dict[str, str]]] = field(default_factory=dict)

    def of(self, stage: Stage, part: str) -> str | None:
        """What is recorded for the stage's present version."""
        return self.digests.get(stage.name, {}).get(part, {}).get(str(getattr(stage, VERSION_OF[part])))

    def complaints(self, stage: Stage) -> Iterator[str]:
        """What is wrong with the stage, and what to do; nothing if its digests are those of its versions."""
        found = digests_of(stage, self.names_of(stage))
        for part, digest in zip(VERSION_OF, (found.features, found.rows), strict=True):
            name, recorded = VERSION_OF[part], self.of(stage, part)
            version = getattr(stage, name)
            if recorded is None:
                yield f"{name} {version} of stage {stage.name} has no digest of {part}: record it with {COMMAND}"
            elif recorded != digest:
                yield (
                    f"{part} of stage {stage.name} are not what they were: raise its {name} from {version} to"
                    f" {version + 1}, then record them with {COMMAND}"
                )

        later = self.later.get(stage.name, {}).get(str(stage.features_version), {})
        for name, single in found.single.items():
            if name not in later:
                yield f"feature {name} of stage {stage.name} has no digest: record it with {COMMAND}"
            elif later[name] != single:
                yield f"feature {name} of stage {stage.name} is not what it was: raise its features_version"

    def names_of(self, stage: Stage) -> tuple[str, ...]:
        """The features that the digest of the stage's present version is of: all where none is recorded."""
        all_of_them = [feature.known_as for feature in stage.features]
        return tuple(self.names.get(stage.name, {}).get(str(stage.features_version), all_of_them))

    def with_stage(self, stage: Stage) -> "Recorded":
        """These, and the digests of the stage's present versions; RecordedError where a version has others."""
        if wrong := [complaint for complaint in self.complaints(stage) if "has no digest" not in complaint]:
            raise RecordedError("; ".join(wrong))
        parts = self.digests.get(stage.name, {})
        names, version = self.names_of(stage), str(stage.features_version)
        found = digests_of(stage, names)
        of_stage = {
            part: {**parts.get(part, {}), str(getattr(stage, VERSION_OF[part])): digest}
            for part, digest in zip(VERSION_OF, (found.features, found.rows), strict=True)
        }
        names_of_stage = {**self.names.get(stage.name, {}), version: list(names)}
        later = {**self.later.get(stage.name, {}), **({version: found.single} if found.single else {})}
        return Recorded(
            self.events,
            {**self.digests, stage.name: of_stage},
            {**self.names, stage.name: names_of_stage},
            {**self.later, **({stage.name: later} if later else {})},
        )


def read() -> Recorded:
    """What is checked in."""
    return Recorded(**json.loads(DIGESTS.read_text()))


def digest_of_events() -> str:
    """SHA-256 of the file of events."""
    return hashlib.sha256(EVENTS.read_bytes()).hexdigest()


@cache
def log() -> Batch:
    """The events, account and wallet events mixed, transfers of both sides; a line's number is its offset."""
    lines = EVENTS.read_bytes().splitlines()
    events = [json.loads(line) for line in lines]
    of_account = np.array([event["kind"] in ACCOUNT_KINDS for event in events])
    parts = []
    keys = [event.get("account") or wallet_key(event["service"], event["wallet"]) for event in events]
    for decode, which in (
        (decode_account_events, np.flatnonzero(of_account)),
        (decode_wallet_events, np.flatnonzero(~of_account)),
    ):
        decoded = decode([lines[i] for i in which], [keys[i].encode() for i in which], which)
        assert not decoded.rejected
        parts.append(decoded.batch._replace(origin_offset=decoded.batch.offset))
    whole = concatenate([parts[0], both_sides(Events.fresh(parts[1], 0)).batch])
    return whole.select(np.lexsort((whole.hop_index, whole.offset)))


def input_of(stage: Stage) -> Events:
    """Input of the stage. Facts are made up here, so that no stage's digests depend on another stage."""
    batch = log()
    if stage.name == "account":
        batch = batch.select(batch.kind < OPEN)
    elif stage.name != "wallet":
        batch = batch.select(batch.role == OWN)
    events = Events.fresh(batch, len(stage.features))
    number = batch.offset
    made_up = {
        YEN_DEBITED: batch.amount_yen * (number % 3),
        YEN_LEFT: np.where(number % 7 == 0, 0, number * 7_919 % 300_000),
        YEN_PACE: number % 5 * 30_000 // (1 + number % 4),
        ALARM_MILLIONTHS: (1 + number % 11) * 400_000,
        DETECTOR: number // 40 % 5,
        OF_LIMIT: (1 + number * 31 % 29) * WHOLE // 12,
    }
    if not stage.features:
        for fact, column in made_up.items():
            events.facts[:, fact] = column
    if stage is CAMPAIGNS:
        events.facts[:, ESCALATED] = number % 3 == 0
        return by_key(events)
    return events


def pipeline_of(stage: Stage) -> Pipeline:
    """A partition of the stage alone."""
    node = Node(stage.name, stage)
    return Pipeline(Topology(Chain((stage,)), (node,)), node, None, ttl_ms=TTL_MS)


def run(stage: Stage) -> tuple[Outcome, PackedRows]:
    """The stage's outcome for its events, and its rows afterwards."""
    pipeline = pipeline_of(stage)
    return pipeline.process(input_of(stage)), pipeline.rows


def digests_of(stage: Stage, names: tuple[str, ...]) -> Digests:
    """The digests of the stage as it is, with the features of these names, and of each other one.

    Rows after each event, since what comes later may cover what differed. A feature that is gone leaves its place out.
    """
    known = {feature.known_as: index for index, feature in enumerate(stage.features)}
    columns = [known[name] for name in names if name in known]
    single = {name: hashlib.sha256() for name in known if name not in names}
    features, rows = hashlib.sha256(), hashlib.sha256()
    pipeline, events = pipeline_of(stage), input_of(stage)
    for i in range(events.size):
        before = events.select([i])
        outcome = pipeline.process(before)
        X, facts = outcome.events.X, outcome.events.facts
        X[np.isnan(X)] = np.nan  # of many kinds of NaN one
        features.update(outcome.status.tobytes() + np.ascontiguousarray(X[:, columns]).tobytes())
        for name, digest in single.items():
            digest.update(X[:, known[name]].tobytes())
        for fact in np.flatnonzero(before.facts[0] != facts[0]):
            features.update(f"{FACTS[fact]} {facts[0, fact]}".encode())
        left: Any = pipeline.rows.snapshot().copy()
        left["version"], left["kernel"] = 0, 0  # they are names for what the digest is of
        rows.update(left[np.argsort(left["key"])].tobytes())
    return Digests(features.hexdigest(), rows.hexdigest(), {name: one.hexdigest() for name, one in single.items()})


def main() -> None:
    """Record what is missing."""
    recorded = read() if DIGESTS.exists() else Recorded(digest_of_events())
    if recorded.events != digest_of_events():
        raise SystemExit(f"{EVENTS} is not the one the digests are of: restore it, or delete {DIGESTS} to begin anew")
    try:
        for stage in STAGES:
            recorded = recorded.with_stage(stage)
    except RecordedError as error:
        raise SystemExit(str(error)) from None
    text = json.dumps(asdict(recorded), indent=2, sort_keys=True)
    DIGESTS.write_text(text + "\n")


if __name__ == "__main__":
    main()
