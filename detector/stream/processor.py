"""Processes a chunk at a node: decodes records, runs the pure pipeline, encodes outputs."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from detector.contract.alerts import Alert, Position, encode_alert
from detector.contract.batch import origin_of
from detector.contract.bulletins import Bulletin, encode_bulletin
from detector.contract.dead_letters import Rejected, build_dead_letter, encode_dead_letter
from detector.contract.decoding import decode_records
from detector.contract.keys import subject_key
from detector.contract.records import Record, Records
from detector.core.alerting import Explainer, Topics
from detector.core.bulletins import Told, bulletins
from detector.core.events import Events
from detector.core.model import Model
from detector.core.pipeline import Outcome, Pipeline
from detector.core.stage import RECEIVED_MS
from detector.core.topology import Node, Topology
from detector.errors import UserError
from detector.kafka.marks import most_upstreams
from detector.stream.high_water import HighWaterMarks, slot_of
from detector.stream.hop_codec import HopCodec

ALERTS, BULLETINS, DEAD_LETTERS = "alerts", "bulletins", "dead_letters"


class Output(NamedTuple):
    """A message to send. `topic` is the setting that names it, or a node whose hop it is for, with its `partition`.

    `timestamp_ms` is that of the source record of an alert or dead letter. `bank`: an alert or bulletin is for its own
    topic; `begins`: a bulletin is the first of its campaign, for all.
    """

    topic: str
    key: bytes  # empty for a hop
    value: bytes
    timestamp_ms: int = -1
    partition: int | None = None
    bank: str = ""
    begins: Bulletin | None = None


class Processed(NamedTuple):
    """Result of one chunk: outputs in event order; for metrics, events, alerts, rejections, repeats, bulletins."""

    outputs: list[Output]
    outcome: Outcome
    alerts: list[Alert]
    rejected: list[Rejected]
    repeats: int = 0
    bulletins: tuple[Bulletin, ...] = ()


class Wiring:
    """What all partitions of a worker share: the topology, the model and the hops' codecs.

    `partitions` is that of every partitioned topic, `topics` the source topics by code; dead letters keep
    `payload_bytes` of a message; `alert_banks` and `bulletin_banks` have topics of their own; `redriven` has by source
    topic and partition the offsets of messages that are in their topic a second time, and count there.
    """

    def __init__(
        self,
        topology: Topology,
        model: Model,
        partitions: int,
        topics: Topics,
        *,
        payload_bytes: int = 0,
        alert_banks: Sequence[str] = (),
        bulletin_banks: Sequence[str] = (),
        redriven: Mapping[tuple[str, int], Sequence[int]] = MappingProxyType({}),
    ) -> None:
        self.topology = topology
        self.model = model
        self.partitions = partitions
        self.topics = topics
        self.payload_bytes = payload_bytes
        self.alert_banks = frozenset(alert_banks)
        self.bulletin_banks = frozenset(bulletin_banks)
        self.redriven = redriven
        self._check_marks()
        hops = [node.name for node in topology.nodes if node.source is None]
        self.codecs = {name: HopCodec(topology, name, model, partitions) for name in hops}
        self.explainer = Explainer(model, topology.chain, topics)

    def _check_marks(self) -> None:
        """Refuse now what would fail at a commit months later, when offsets have grown."""
        most = most_upstreams()
        needed = max(len(self.topology.upstreams(node.name)) for node in self.topology.nodes) * self.partitions
        if needed > most:
            raise UserError(
                f"{self.partitions} partitions make {needed} upstream partitions of a stage, a commit holds the marks"
                f" of {most}: use at most {most * self.partitions // needed} partitions"
            )

    def marks(self, node: Node, marks: Sequence[int] = ()) -> HighWaterMarks:
        """The high-water marks of a node's upstream partitions."""
        return HighWaterMarks(len(self.topology.upstreams(node.name)) * self.partitions, marks)

    def slot(self, node: Node, partition: int, target: str) -> int:
        """The number of a node's partition among the upstreams of `target`."""
        return slot_of(self.topology.upstreams(target).index(node.name), partition, self.partitions)


class Processor:
    """Processes the records of one partition of a node; `pipeline` and `marks` are its state."""

    def __init__(self, wiring: Wiring, partition: int, pipeline: Pipeline, marks: HighWaterMarks) -> None:
        self.pipeline = pipeline
        self.marks = marks
        self._wiring = wiring
        self._node = pipeline.node
        self._partition = partition
        topology = wiring.topology
        self._targets = {
            edge.target: (
                topology.node(edge.target).stage,
                wiring.codecs[edge.target],
                wiring.slot(self._node, partition, edge.target),
            )
            for edge in self._node.edges
        }

    def process(self, chunk: Sequence[Any]) -> Processed:
        """Take the next records, in offset order; columns, or objects with the attributes of `Record`."""
        records = Records.of(chunk)
        rejected: list[Rejected] = []
        repeats = 0
        if self._node.source is None:
            codec = self._wiring.codecs[self._node.name]
            values = [value or b"" for value in records.values()]
            events, repeats = codec.decode(values, records.offset.tolist(), self.marks)
        else:
            events, rejected = self._from_source(self._node.source, records)
        outcome = self.pipeline.process(events)
        outputs = [output for target, which in outcome.sent for output in self._messages(target, outcome, which)]
        alerts = list(self._wiring.explainer.explain(outcome.events, outcome.raised))
        received_ms = outcome.events.facts[outcome.raised, RECEIVED_MS].tolist()
        for alert, stamp in zip(alerts, received_ms, strict=True):
            outputs += _of_alert(alert, stamp, self._wiring.alert_banks)
        told = list(bulletins(outcome, self._wiring.topics, self._wiring.bulletin_banks))
        outputs += [_of_bulletin(one, int(outcome.events.facts[one.row, RECEIVED_MS])) for one in told]
        outputs += [self._dead_letter(records[one.record], one) for one in rejected]
        public = tuple(one.bulletin for one in told if not one.bank)
        return Processed(outputs, outcome, alerts, rejected, repeats, public)

    def _from_source(self, source: int, records: Records) -> tuple[Events, list[Rejected]]:
        """The events of JSON messages, and the rejected messages."""
        batch, strings, rejected = decode_records(source, records)
        if redriven := self._wiring.redriven.get((self._wiring.topics[source], self._partition)):
            first = ~np.isin(batch.offset, redriven)
            batch, strings = batch.select(first), strings.select(first)
        batch = batch._replace(origin=np.full(batch.size, origin_of(source, self._partition), np.int32))
        events = Events.fresh(batch, self._wiring.topology.width, strings)
        events.facts[:, RECEIVED_MS] = records.timestamp_ms[batch.record]
        return events, rejected

    def _messages(self, target: str, outcome: Outcome, which: Any) -> list[Output]:
        stage, codec, slot = self._targets[target]
        assert stage is not None
        messages = codec.encode(slot, outcome.events, which, stage.keys_of(outcome.events.batch)[which])
        return [Output(target, b"", value, partition=partition) for partition, value in messages]

    def _dead_letter(self, record: Record, rejected: Rejected) -> Output:
        assert self._node.source is not None
        wiring = self._wiring
        source = Position(wiring.topics[self._node.source], self._partition, record.offset)
        letter = build_dead_letter(record.value, rejected, source, record.timestamp, wiring.payload_bytes)
        return Output(DEAD_LETTERS, letter.dead_letter_id.encode(), encode_dead_letter(letter), record.timestamp)


def _of_alert(alert: Alert, received_ms: int, banks: Collection[str]) -> Iterator[Output]:
    """For all, and the same for the topic of its bank, if that is one of `banks`."""
    key = subject_key(alert.account, alert.service, alert.wallet)
    common = Output(ALERTS, key.encode(), encode_alert(alert), received_ms)
    yield common
    if alert.bank in banks:
        yield common._replace(bank=alert.bank)


def _of_bulletin(told: Told, received_ms: int) -> Output:
    bulletin = told.bulletin
    begins = bulletin if bulletin.state == "begun" and not told.bank else None
    value = encode_bulletin(bulletin)
    return Output(BULLETINS, bulletin.campaign_id.encode(), value, received_ms, bank=told.bank, begins=begins)
