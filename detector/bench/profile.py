"""Where the worker's time goes: its parts run one by one on the same events, in chunks of the size it had."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np
from aiokafka import TopicPartition

from detector.artifact import read_model
from detector.bench.worker import Totals
from detector.bench.workload import TTL_MS, Workload
from detector.contract.alerts import encode_alert
from detector.contract.codec import Decoded
from detector.contract.decoding import decode_records
from detector.contract.records import Records
from detector.contract.vocabulary import ACCOUNT_EVENTS
from detector.core.alerting import Explainer
from detector.core.chains import ACCOUNT_CHAIN
from detector.core.memory import MemoryRun, Played
from detector.core.model import Model
from detector.core.pipeline import Pipeline
from detector.core.stage import Chain, Stage
from detector.core.stages.account import ACCOUNT
from detector.core.topology import topology_of
from detector.kafka.security import client_options
from detector.settings import Settings
from detector.stream.batch_writer import batches_of
from detector.stream.changelog import encode_rows
from detector.stream.columnar_fetch import ColumnConsumer

TURNS = 3  # the median counts; the first warms caches and compiles
POLL_MS = 1_000
#: Of all records, 2100-01-01: no event is later.
RECORDED_MS = 4_102_444_800_000


def profile(settings: Settings, workload: Workload, cpu_us: float, totals: Totals) -> list[dict[str, Any]]:
    """µs an event by part, in processing order; `cpu_us` and `totals` are those of the worker's run."""
    assert settings.model is not None
    model = read_model(settings.model, ACCOUNT_CHAIN)
    topics = settings.account_events, settings.wallet_events
    events = len(workload.values)
    chunks = _chunks(workload, max(1, round(events / totals.chunks)))
    decoded = _decode(chunks)
    admitted = _seconds(lambda: _run(decoded, replace(ACCOUNT, kernel=_idle), None))
    featured = _seconds(lambda: _run(decoded, ACCOUNT, None))
    scored = _seconds(lambda: _run(decoded, ACCOUNT, model))
    run, played = _run(decoded, ACCOUNT, model)
    pipeline, explainer = run.pipelines[ACCOUNT.name], Explainer(model, ACCOUNT_CHAIN, topics)
    row_s = _seconds(lambda: _write_rows(pipeline)) / pipeline.rows.count
    parts = [
        ("fetch", _seconds(lambda: asyncio.run(_fetch(settings, events))), "the consumer alone: bytes to columns"),
        ("decode", _seconds(lambda: _decode(chunks)), "JSON to columns, checks, hashes"),
        ("locate, admit", admitted, "rows found or made, replays and duplicates detected"),
        ("features", featured - admitted, "the account stage's kernel"),
        ("score", scored - featured, "forest, calibration, decision, cases"),
        ("alerts", _seconds(lambda: _alerts(explainer, played)), "reasons and JSON of what alerts"),
        ("rows", row_s * totals.checkpoint_rows, "changed rows copied and written into record batches"),
    ]
    shown = [(name, seconds / events * 1e6, what) for name, seconds, what in parts]
    rest = cpu_us - sum(us for _, us, _ in shown)
    shown.append(("rest", rest, "what these leave of its CPU time: Faust, sends, commits, metrics, heartbeats"))
    return [{"part": name, "us_per_event": round(us, 2), "what": what} for name, us, what in shown]


def _seconds(work: Callable[[], object]) -> float:
    """Median CPU time of one turn."""
    turns = []
    for _ in range(TURNS):
        began = time.process_time()
        work()
        turns.append(time.process_time() - began)
    return median(turns)


def _chunks(workload: Workload, size: int) -> list[Records]:
    n = len(workload.values)
    records = Records.from_lists(workload.values, workload.keys, np.arange(n), np.full(n, RECORDED_MS))
    return [records[start : start + size] for start in range(0, n, size)]


def _decode(chunks: list[Records]) -> list[Decoded]:
    return [decode_records(ACCOUNT_EVENTS, chunk) for chunk in chunks]


def _run(chunks: list[Decoded], stage: Stage, model: Model | None) -> tuple[MemoryRun, list[Played]]:
    run = MemoryRun(topology_of(Chain((stage,))), model, ttl_ms=TTL_MS)
    return run, [run.process(chunk.batch, chunk.strings) for chunk in chunks]


def _idle(*_: Any) -> None:
    """A kernel that does nothing."""


def _alerts(explainer: Explainer, played: list[Played]) -> None:
    for one in played:
        for alert in explainer.explain(one.cases.events, one.cases.raised):
            encode_alert(alert)


def _write_rows(pipeline: Pipeline) -> None:
    pipeline.rows.mark_dirty(np.arange(pipeline.rows.count))
    deque(batches_of(encode_rows(pipeline.rows.take_dirty(), 1), 0), maxlen=0)


async def _fetch(settings: Settings, events: int) -> None:
    consumer = ColumnConsumer(
        columnar=settings.columnar_fetch,
        **client_options(settings),
        group_id=None,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        consumer.assign([TopicPartition(settings.account_events, part) for part in range(settings.partitions)])
        seen = 0
        while seen < events:
            found = await consumer.getmany(timeout_ms=POLL_MS, max_records=settings.max_chunk_records)
            seen += sum(len(records) for records in found.values())
    finally:
        await consumer.stop()
