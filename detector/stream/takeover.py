"""From an assignment to tenures: rows restored, the log checked, the first commit and the header written."""

import secrets

from aiokafka.structs import OffsetAndMetadata
from faust.types import TP

from detector.core.pipeline import DAY_MS, Pipeline
from detector.core.policy import Model
from detector.core.stage import Stage
from detector.settings import Settings
from detector.stream.app import App
from detector.stream.changelog import Header, Recovery, encode_header
from detector.stream.identity import check_log
from detector.stream.marks import Marks, decode_marks, encode_marks
from detector.stream.restore import restore
from detector.stream.security import client_options
from detector.stream.tenure import Tenure
from detector.stream.topics import TopicFacts


class Takeover:
    """Begins tenures of one stage's input partitions, for one generation of the group."""

    def __init__(self, settings: Settings, stage: Stage, model: Model, facts: TopicFacts, app: App) -> None:
        self._settings = settings
        self._stage = stage
        self._model = model
        self._facts = facts
        self._app = app
        self._generation = app.consumer_generation_id

    @property
    def stands(self) -> bool:
        """Whether the group has not moved on since."""
        return bool(self._app.consumer_generation_id == self._generation)

    async def begin(self, assigned: set[TP]) -> list[Tenure]:
        """A tenure for each partition; none at all when the group moves on meanwhile.

        `UserError` where rows cannot be read or offsets no longer mean anything.
        """
        if not assigned:
            return []
        changelogs = {tp: TP(self._settings.rows_topic(self._stage.name), tp.partition) for tp in assigned}
        recoveries = await restore(
            client_options(self._settings), set(changelogs.values()), self._stage, lambda: self.stands
        )
        tenures: list[Tenure] = []
        for tp in sorted(assigned):
            tenure = await self._begin_one(tp, recoveries[changelogs[tp]]) if recoveries else None
            if tenure is None or not self.stands:
                return []
            tenures.append(tenure)
        return tenures

    async def _begin_one(self, tp: TP, recovery: Recovery) -> Tenure | None:
        header = Header(tp.topic, self._facts.topic_id, self._facts.partitions, self._stage.name)
        begin = (await self._app.consumer.earliest_offsets(tp))[tp]
        end = (await self._app.consumer.highwaters(tp))[tp]
        found = (await self._app.chunk_consumer.committed_positions({tp})).get(tp)
        marks = decode_marks(found.metadata) if found else Marks()
        check_log(tp.partition, header, recovery, found.offset if found else None, marks, begin, end)
        committed = found.offset if found else begin
        if not found and not await self._commit_first(tp, begin, marks):
            return None
        if recovery.header is None:
            topic = self._settings.rows_topic(self._stage.name)
            for future in await self._app.record_producer.send_records(
                topic, tp.partition, iter([encode_header(header)])
            ):
                await future
        return self._tenure(tp, recovery, committed, marks)

    async def _commit_first(self, tp: TP, begin: int, marks: Marks) -> bool:
        # Rows must never exist without a commit (PROTOCOL rule 5).
        first = OffsetAndMetadata(begin, encode_marks(marks))
        return await self._app.chunk_consumer.commit_positions({tp: first})

    def _tenure(self, tp: TP, recovery: Recovery, committed: int, marks: Marks) -> Tenure:
        rows = recovery.rows
        # Rows ahead of the commit were perhaps written by a zombie: they are written again under this tenure's id.
        rows.mark_dirty((rows.rows[: rows.count]["last_offset"] >= committed).nonzero()[0])
        pipeline = Pipeline(
            self._stage,
            self._model,
            topic=tp.topic,
            partition=tp.partition,
            ttl_ms=self._settings.ttl_days * DAY_MS,
            rows=rows,
            watermark_ms=marks.watermark_ms,
        )
        return Tenure(tp, secrets.randbits(64), pipeline, recovery.superseded(), committed)
