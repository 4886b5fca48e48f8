"""What stands around a worker in place of Faust, Kafka, metrics and chance."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import pytest
from aiokafka.structs import OffsetAndMetadata
from faust.types import TP
from support.protocol.bus import Commit, KeyValue
from support.protocol.loop import HandLoop, Promise
from support.protocol.worker import Worker

from detector.core import rows as packed_rows
from detector.core.stage import Stage
from detector.kafka.topics import TopicFacts
from detector.settings import Settings
from detector.stream import assignment as assignment_module
from detector.stream import shell as shell_module
from detector.stream.changelog import Recovery

#: Two rows, so that tables grow and shrink in front of our eyes.
FIRST_CAPACITY = 2


def _here() -> Worker:
    worker: Worker = cast(HandLoop, asyncio.get_running_loop()).worker
    return worker


class _App:
    """Faust's app, consumer and producer in one: everything is put to the worker's queues and asks."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self.consumer = self.chunk_consumer = self.record_producer = self

    @property
    def consumer_generation_id(self) -> int:
        return self._worker.name

    def assignment(self) -> set[TP]:
        return set(self._worker.scene.inputs)

    async def earliest_offsets(self, *tps: TP) -> dict[TP, int]:
        return {tp: self._worker.ends[tp][0] for tp in tps}

    async def highwaters(self, *tps: TP) -> dict[TP, int]:
        return {tp: self._worker.ends[tp][1] for tp in tps}

    async def committed_positions(self, tps: set[TP]) -> dict[TP, OffsetAndMetadata]:
        found = self._worker.commits
        return {tp: OffsetAndMetadata(*found[tp]) for tp in tps if tp in found}

    async def commit_positions(self, positions: Mapping[TP, OffsetAndMetadata]) -> bool:
        asked = tuple((tp, mark.offset, mark.metadata) for tp, mark in sorted(positions.items()))
        return bool(await self._worker.ask(Commit(asked, self._worker.name)))

    async def send_one(self, topic: str, key: bytes, value: bytes) -> Promise:
        if self._worker.scene.waits_for_room:
            await self._worker.ask(("room",))
        return self._worker.enqueue((topic, 0), ((key, value),))

    async def send_batch(self, topic: str, partition: int, values: list[bytes]) -> Promise:
        return self._worker.enqueue((topic, partition), tuple((None, value) for value in values))

    async def send_records(self, topic: str, partition: int, records: Iterator[KeyValue]) -> list[Promise]:
        # Batches are cut at any size: one record each is the most that can come between two of them.
        return [self._worker.enqueue((topic, partition), (record,)) for record in records]


class _Silent:
    """Takes what metrics and logs are told, and forgets it."""

    def __init__(self, *_: Any) -> None:
        self.worker = self.stage = self

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


class _Writers:
    """In the place of `secrets`."""

    @staticmethod
    def randbits(_: int) -> int:
        return _here().new_writer()


def _build_app(*_: Any, **__: Any) -> _App:
    return _App(_here())


def _inspect(settings: Settings) -> dict[str, TopicFacts]:
    worker = _here()
    topics = {settings.input_topic(node) for node in worker.scene.flow.nodes} | {settings.wallet_events}
    return {
        topic: TopicFacts(topic, worker.topic_ids.get(topic, ""), worker.scene.partitions, 1, {}) for topic in topics
    }


async def _restore(_: Any, stages: Mapping[TP, Stage], still_wanted: Any, _told: Any) -> dict[TP, Recovery] | None:
    recoveries = {tp: Recovery(stage) for tp, stage in stages.items()}
    for tp, recovery in recoveries.items():
        found = _here().changelogs.get((tp.topic, tp.partition), ())
        # Record by record, the finest slices there are.
        for key, value in found:
            recovery.feed([key or b""], [value])
    return recoveries if still_wanted() else None


async def _first_offset(_: Any, tp: TP, offset: int) -> int | None:
    return offset


@contextmanager
def stand_ins() -> Iterator[pytest.MonkeyPatch]:
    """While it lasts, workers live in tests' hands. Further patches (mutations) may be put on top."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed_rows, "FIRST_CAPACITY", FIRST_CAPACITY)
        for name, stand_in in (
            ("build_app", _build_app), ("Reporting", _Silent), ("log", _Silent()), ("inspect", _inspect),
            ("check", lambda *_: None), ("first_offset", _first_offset),
        ):  # fmt: skip
            patch.setattr(shell_module, name, stand_in)
        patch.setattr(assignment_module, "secrets", _Writers)
        patch.setattr(assignment_module, "restore", _restore)
        yield patch
