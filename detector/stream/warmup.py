"""Compiles the kernels before the worker joins its group, so that no chunk and no heartbeat waits for a compiler."""

import sys
from collections import deque
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np

from detector.contract.keys import wallet_key
from detector.contract.vocabulary import KINDS
from detector.core.budgets import BankBudgets
from detector.core.model import Model
from detector.core.pipeline import Pipeline
from detector.core.stages.budget import HIGHEST
from detector.core.topology import Node, Topology
from detector.jst import DAY_MS
from detector.stream.batch_writer import batches_of
from detector.stream.changelog import encode_rows
from detector.stream.message_sets import read_message_set
from detector.stream.processor import Processor, Wiring

_COMMON = {
    "event_id": "warm-up",
    "occurred_at_ms": 1_600_000_000_000,
    "service": "other",
    "wallet": "warm-up",
    "wallet_opened_at_ms": 1_600_000_000_000,
    "wallet_verified": True,
    "source": "",
}
_ACCOUNT, _WALLET = "0" * 16, wallet_key("other", "warm-up")
_DEBIT = {"kind": "debit", "bank": "0001", "account": _ACCOUNT, "result": "ok", "amount_yen": 1, "purpose": "charge"}
_TRANSFER = {"kind": "transfer", "amount_yen": 1, "counterparty": "warm-up-2"}
_TTL_MS = 400 * DAY_MS


def warm_up(topology: Topology, model: Model) -> None:
    """Run a debit and a transfer through nodes of their own, every kernel the worker uses included."""
    read_message_set(b"", 0, (), committed=True)
    # With a budget that large every event that is scored alerts, and so reaches every node.
    keen = replace(model, budget=sys.float_info.max / HIGHEST, banks=BankBudgets())
    wiring = Wiring(topology, keen, 1, ("warm-up", "warm-up"))
    waiting: dict[str, list[Any]] = {node.name: [] for node in topology.nodes}
    for node in topology.nodes:
        processor = _processor(wiring, node)
        for records in _records(node) or waiting[node.name]:
            processed = processor.process(records)
            assert not processed.rejected, "the warm-up events are invalid"
            for output in processed.outputs:
                if output.partition is not None:
                    waiting[output.topic].append([_record(b"", output.value)])
        rows = processor.pipeline.rows
        taken = rows.take_dirty()
        deque(batches_of(encode_rows(taken, 0), 0), maxlen=0)
        rows.load(taken)
        rows.mark_dirty(np.zeros(0, np.int64))
        rows.expire(0, DAY_MS, 0)
    # Reasons come from the detector that alerts; each compiles for arrays of its own for each kind.
    x = np.zeros(len(model.feature_names), np.float32)
    for detector in model.detectors:
        for kind in detector.spec.kinds:
            detector.contributions(x, KINDS.index(kind))
    # What would not have alerted is asked of an alert only where there is something to change.
    model.alerts(x[np.newaxis], np.zeros(1, np.int8), None, model.detectors[0])


def _processor(wiring: Wiring, node: Node) -> Processor:
    pipeline = Pipeline(wiring.topology, node, wiring.model, ttl_ms=_TTL_MS)
    return Processor(wiring, 0, pipeline, wiring.marks(node))


def _records(node: Node) -> list[Any]:
    """Chunks for a node that reads a source topic; none for a node behind a hop."""
    if node.source is None:
        return []
    key, event = (_ACCOUNT, _DEBIT) if node.stage else (_WALLET, _TRANSFER)
    plain = msgspec.json.encode(_COMMON | event)
    # A message that is not plain is for the strict decoder.
    return [[_record(key.encode(), plain)], [_record(key.encode(), b" " + plain)]]


def _record(key: bytes, value: bytes) -> Any:
    return SimpleNamespace(key=key, value=value, offset=0, timestamp=_COMMON["occurred_at_ms"])
