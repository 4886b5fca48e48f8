"""Compiles the kernels before the worker joins its group, so that no chunk and no heartbeat waits for a compiler."""

import msgspec
import numpy as np

from detector.contract.codec import decode_account_events
from detector.core.pipeline import DAY_MS, Pipeline
from detector.core.policy import Model
from detector.core.stage import Stage

_EVENT = {
    "event_id": "warm-up",
    "kind": "debit",
    "occurred_at_ms": 1_600_000_000_000,
    "service": "other",
    "wallet": "warm-up",
    "wallet_opened_at_ms": 1_600_000_000_000,
    "wallet_verified": True,
    "source": "",
    "bank": "0001",
    "account": "0" * 16,
    "result": "ok",
    "amount_yen": 1,
    "purpose": "charge",
}


def warm_up(stage: Stage, model: Model) -> None:
    """Run one made-up event through a pipeline of its own, every kernel the worker uses included."""
    value = msgspec.json.encode(_EVENT)
    decoded = decode_account_events([value], [b"0" * 16], np.zeros(1, np.int64))
    pipeline = Pipeline(stage, model, topic="warm-up", partition=0, ttl_ms=400 * DAY_MS)
    pipeline.process(decoded.batch)
    rows = pipeline.rows
    rows.load(rows.take_dirty())
    rows.expire(0, DAY_MS, 0)
