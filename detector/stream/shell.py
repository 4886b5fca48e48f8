"""The worker's life with its partitions: restore what is assigned, process chunks, checkpoint, hand back."""

import asyncio
import secrets
import time
from collections.abc import Iterator, Mapping
from typing import Any

import structlog
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata
from faust.types import TP

from detector.core.pipeline import DAY_MS, Pipeline
from detector.core.policy import Model
from detector.core.stage import Stage
from detector.errors import WorkerError
from detector.observe.health import Report
from detector.observe.metrics import Metrics
from detector.settings import Settings
from detector.stream.app import App, build_app
from detector.stream.changelog import Header, Record, Recovery, encode_header
from detector.stream.checkpoint import Cuts, make_durable, take_cuts
from detector.stream.identity import check_log
from detector.stream.marks import Marks, decode_marks, encode_marks
from detector.stream.processor import Processed, process
from detector.stream.quota import DeadLetterQuota
from detector.stream.restore import first_offset, restore
from detector.stream.security import client_options
from detector.stream.tenure import Tenure
from detector.stream.topics import TopicFacts

log = structlog.get_logger(__name__)

#: Part of the rebalance timeout that the last checkpoint may take; the rest is for the rejoin.
FINISH_SHARE = 0.5
LAG_INTERVAL_S = 2.0
LAG_TIMEOUT_S = 10.0


class Shell:
    """Holds the tenures of one stage's input partitions and runs their checkpoints."""

    def __init__(self, settings: Settings, stage: Stage, model: Model, facts: TopicFacts, metrics: Metrics) -> None:
        self._settings = settings
        self._stage = stage
        self._model = model
        self._facts = facts
        self._metrics = metrics
        self._of_stage = metrics.stage(stage.name)
        self._quota = DeadLetterQuota(settings.dead_letter_limit_per_min, settings.dead_letter_share)
        self._topics = {"alerts": settings.alerts, "dead_letters": settings.dead_letters}
        self._rows_topic = settings.rows_topic(stage.name)
        self.tenures: dict[TP, Tenure] = {}
        self.progress = 0  # counts chunks and checkpoints; the watchdog looks whether it moves
        self._ready = False
        self.lag = 0  # records waiting, as last asked
        self.failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        # Chunks and cuts exclude each other (rule 3); checkpoints exclude one another.
        self._processing = asyncio.Lock()
        self._checkpointing = asyncio.Lock()
        self.app: App = build_app(
            settings, settings.account_events, on_chunk=self.on_chunk, on_assigned=self.begin, on_revoked=self.finish
        )

    async def begin(self) -> None:
        """Restore every assigned partition and begin its tenure; nothing is read before this returns."""
        try:
            await self._begin()
        except BaseException as error:
            self.fail(error)
            raise

    async def _begin(self) -> None:
        generation = self.app.consumer_generation_id
        assigned = {tp for tp in self.app.consumer.assignment() if tp.topic == self._settings.account_events}
        self._drop(set(self.tenures))
        self._metrics.rebalanced(len(assigned))
        if not assigned:
            self._set_ready(ready=True)
            return
        started = time.monotonic()
        recoveries = await restore(
            client_options(self._settings),
            {TP(self._rows_topic, tp.partition) for tp in assigned},
            self._stage,
            lambda: self.app.consumer_generation_id == generation,
        )
        if recoveries is None:
            return
        for tp in sorted(assigned):
            tenure = await self._begin_tenure(tp, generation, recoveries[TP(self._rows_topic, tp.partition)])
            if tenure is None or self.app.consumer_generation_id != generation:
                return
            self.tenures[tp] = tenure
            rows = tenure.pipeline.rows
            self._of_stage.restored(rows.count, time.monotonic() - started)
            log.info("partition taken", partition=tp.partition, offset=tenure.committed, rows=rows.count)
        self.progress += 1
        self._set_ready(ready=True)

    async def _begin_tenure(self, tp: TP, generation: int, recovery: Recovery) -> Tenure | None:
        consumer = self.app.consumer
        header = Header(tp.topic, self._facts.topic_id, self._facts.partitions, self._stage.name)
        begin = (await consumer.earliest_offsets(tp))[tp]
        end = (await consumer.highwaters(tp))[tp]
        found = (await consumer.committed_positions({tp})).get(tp)
        marks = decode_marks(found.metadata) if found else Marks()
        check_log(tp.partition, header, recovery, found.offset if found else None, marks, begin, end)
        committed = found.offset if found else begin
        if not found and not await consumer.commit_positions({tp: OffsetAndMetadata(begin, encode_marks(marks))}):
            return None
        if recovery.header is None:
            await self._write(TP(self._rows_topic, tp.partition), iter([encode_header(header)]))
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
        return Tenure(tp, generation, secrets.randbits(64), pipeline, recovery.superseded(), committed)

    async def on_chunk(self, message: Any) -> None:
        """Process a chunk and hand its outputs to the producer; an error here ends the worker, never the chunk."""
        try:
            async with self._processing:
                await self._on_chunk(message)
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - whatever it was, nothing may be read past this chunk
            self.fail(error)
            # Returning would let Faust hand over the next chunk, past the one that failed.
            await asyncio.Event().wait()

    async def _on_chunk(self, message: Any) -> None:
        tenure, records = self.tenures.get(message.tp), message.value
        if message.generation_id != self.app.consumer_generation_id:
            return
        if tenure is None:
            raise WorkerError(f"a chunk of partition {message.partition} came before its rows were restored")
        if records[0].offset != tenure.position:
            await self._check_hole(tenure, records[0].offset)
        started = time.perf_counter()
        processed = process(tenure.pipeline, records)
        for output in processed.outputs:
            future = await self.app.producer.send(
                self._topics[output.topic], output.key, output.value, None, None, None
            )
            if output.topic == "alerts":
                future.add_done_callback(lambda _, at_ms=output.timestamp_ms: self._alert_durable(at_ms))
            tenure.outputs.append(future)
        tenure.position = records[-1].offset + 1
        self.progress += 1
        self._count(tenure, processed, time.perf_counter() - started)
        self._quota.count(time.monotonic(), len(records), len(processed.rejected))

    async def _check_hole(self, tenure: Tenure, offset: int) -> None:
        """Offsets may be missing in a log (transaction markers), records must not: look whether any was skipped."""
        place = f"partition {tenure.tp.partition}"
        begin = (await self.app.consumer.earliest_offsets(tenure.tp))[tenure.tp]
        if offset < tenure.position or begin > tenure.position:
            raise WorkerError(
                f"{place} continued at offset {offset} instead of {tenure.position} (log begins at {begin}):"
                " the topic was re-created, or events expired before they were read; see `kozamori state show`"
            )
        found = await first_offset(client_options(self._settings), tenure.tp, tenure.position)
        if found != offset:
            raise WorkerError(f"{place}: records from offset {tenure.position} were fetched but not delivered")

    def _alert_durable(self, source_timestamp_ms: int) -> None:
        self._metrics.alert_durable(time.time() - source_timestamp_ms / 1000)

    def _count(self, tenure: Tenure, processed: Processed, seconds: float) -> None:
        partition, judgement = tenure.tp.partition, processed.outcome.judgement
        self._of_stage.chunk(
            partition,
            processed.batch,
            processed.outcome.status,
            seconds=seconds,
            watermark_ms=tenure.pipeline.watermark_ms,
            alarm=None if judgement is None else judgement.alarm,
        )
        for rejected in processed.rejected:
            self._metrics.dead_letters(rejected.reason)
        for alert in processed.alerts:
            self._metrics.alert(
                bank=alert.bank,
                service=alert.service,
                severity=alert.severity,
                detector=alert.detector,
                update=alert.update,
                yen_debited=alert.yen_debited,
                yen_at_risk=alert.yen_at_risk,
            )

    async def run_checkpoints(self) -> None:
        """Make a checkpoint every interval, until cancelled; an error ends the worker."""
        interval_s = self._settings.checkpoint_interval_ms / 1000
        try:
            while True:
                await asyncio.sleep(interval_s)
                await self.checkpoint()
        except Exception as error:  # noqa: BLE001 - whatever it was, no further checkpoint would be safe
            self.fail(error)

    async def checkpoint(self) -> Cuts:
        """Make durable and commit what was processed so far."""
        async with self._checkpointing:
            started = time.perf_counter()
            async with self._processing:
                cuts = take_cuts(self.tenures.values())
            committed = await make_durable(cuts, self)
        if committed:
            self.progress += 1
            self._of_stage.checkpoint(time.perf_counter() - started, sum(len(cut.rows) for _, cut in committed))
        for tp, tenure in self.tenures.items():
            self._of_stage.unacknowledged(tp.partition, tenure.position - tenure.committed)
            self._of_stage.rows(tp.partition, tenure.pipeline.rows.count, tenure.pipeline.rows.nbytes)
        return committed

    async def write_rows(self, tp: TP, records: Iterator[Record]) -> "list[asyncio.Future[Any]]":
        """Send changelog records of the rows of input partition `tp` (`checkpoint.Log`)."""
        return await self.app.producer.send_records(self._rows_topic, tp.partition, records)

    async def commit(self, positions: Mapping[TP, OffsetAndMetadata]) -> bool:
        """Commit offsets with their marks (`checkpoint.Log`)."""
        return await self.app.consumer.commit_positions(positions)

    async def finish(self) -> None:
        """A last checkpoint, bounded in time, then end every tenure: also of partitions that come back (rule 2)."""
        self._set_ready(ready=False)
        try:
            await asyncio.wait_for(self.checkpoint(), self._settings.rebalance_timeout_s * FINISH_SHARE)
        except TimeoutError:
            log.warning("checkpoint at revocation took too long, its events will be read again")
        except BaseException as error:
            self.fail(error)
            raise
        finally:
            self._drop(set(self.tenures))

    async def drain(self) -> None:
        """Stop reading, finish what was read, give the partitions back."""
        self.app.consumer.stop_flow()
        self.app.flow_control.suspend()
        await self.finish()

    def readiness(self) -> Report:
        """Whether every assigned partition is restored and read (called from another thread)."""
        return Report(self._ready, {"partitions": sorted(tp.partition for tp in list(self.tenures))})

    def _set_ready(self, *, ready: bool) -> None:
        self._ready = ready
        self._metrics.ready(ready=ready)

    async def watch_lag(self) -> None:
        """Ask the broker for the ends of the logs, again and again, until cancelled.

        Asked for, not taken from fetches: a consumer that silently stopped fetching would know of no new records.
        """
        while True:
            await asyncio.sleep(LAG_INTERVAL_S)
            held = list(self.tenures)
            try:
                ends = await asyncio.wait_for(self.app.consumer.highwaters(*held), LAG_TIMEOUT_S) if held else {}
            except (TimeoutError, KafkaError):
                self.lag = max(self.lag, 1)  # unknown counts as waiting: only without progress does it matter
                continue
            lags = {tp: max(0, ends[tp] - self.tenures[tp].position) for tp in held if tp in self.tenures}
            for tp, lag in lags.items():
                self._of_stage.lag(tp.partition, lag)
            self.lag = sum(lags.values())

    def fail(self, error: BaseException) -> None:
        """Make the worker end because of `error`; the first one counts."""
        if not self.failed.done() and not isinstance(error, asyncio.CancelledError):
            self.failed.set_result(error)

    def _drop(self, tps: set[TP]) -> None:
        for tp in tps:
            self.tenures.pop(tp).ended = True
            self._of_stage.partition_dropped(tp.partition)

    async def _write(self, tp: TP, records: Iterator[Record]) -> None:
        for future in await self.app.producer.send_records(tp.topic, tp.partition, records):
            await future
