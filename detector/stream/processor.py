"""A chunk's way through a node: raw records in, messages out. Reading and writing around a pure pipeline."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from detector.contract.alerts import Alert, decode_alert, encode_alert
from detector.contract.batch import ACCOUNT_EVENTS, Batch, origin_of
from detector.contract.codec import Decoded, Rejected, decode_account_events, decode_one, decode_wallet_events
from detector.contract.dead_letters import build_dead_letter, encode_dead_letter
from detector.contract.keys import subject_key
from detector.core.alerting import Topics, build_alert, into_case
from detector.core.budget_controller import taken, to_desk
from detector.core.forward import both_sides, one_side
from detector.core.hop import Carried, HopCodec, Hopped, Seen, Values, events_in, slot_of
from detector.core.pipeline import Outcome, PassThrough, Pipeline
from detector.core.model import Model
from detector.core.stage import CASE_UPDATE, RECEIVED_MS
from detector.core.stages.cases import HELD
from detector.errors import UserError
from detector.stream.flow import Flow, Node
from detector.stream.marks import most_upstreams

ALERTS, DEAD_LETTERS = "alerts", "dead_letters"


class Output(NamedTuple):
    """A message to send. `topic` is the setting that names it, or a node whose hop it is for, with its `partition`.

    `timestamp_ms` is that of the source record of an alert or dead letter.
    """

    topic: str
    key: bytes  # empty for a hop
    value: bytes
    timestamp_ms: int = -1
    partition: int | None = None


class Processed(NamedTuple):
    """What a chunk came to: outputs in the order of their events, and what the metrics want to know."""

    outputs: list[Output]
    batch: Batch
    outcome: Outcome
    alerts: list[Alert]
    rejected: list[Rejected]
    numbered: bool = False  # whether the alerts have their cases, which is when they are sent
    repeats: int = 0  # events of a hop that were met before, and left out
    held: int = 0  # alerting events that told nothing new of their case


class Processor(Protocol):
    """What is done with the records of one partition of a node."""

    @property
    def pipeline(self) -> Pipeline | PassThrough:
        """Its rows and watermark."""

    @property
    def seen(self) -> Seen:
        """The marks of its upstreams."""

    def process(self, records: list[Any]) -> Processed:
        """Take the next records, in offset order."""


class Wiring:
    """What all partitions of a worker share: the flow, the model and the hops' codecs.

    `partitions` is that of every partitioned topic, `topics` the source topics by code.
    """

    def __init__(self, flow: Flow, model: Model | None, partitions: int, topics: Topics) -> None:
        self.flow = flow
        self.model = model
        self.topics = topics
        self.partitions = partitions
        self._check_marks()
        self.codecs = {
            node.name: HopCodec(flow.chain.name, node.before, partitions) for node in flow.nodes if node.source is None
        }

    def _check_marks(self) -> None:
        """Refuse now what would fail at a commit months later, when offsets have grown."""
        most = most_upstreams()
        needed = max(len(node.upstreams) for node in self.flow.nodes) * self.partitions
        if needed > most:
            raise UserError(
                f"{self.partitions} partitions make {needed} upstream partitions of a stage, a commit holds the marks"
                f" of {most}: use at most {most * self.partitions // needed} partitions"
            )

    def seen(self, node: Node, marks: Sequence[int] = ()) -> Seen:
        """The marks of a node's upstream partitions."""
        return Seen(len(node.upstreams) * self.partitions, marks)

    def slot(self, node: Node, partition: int) -> int:
        """The number of a node's partition among the upstreams of its target."""
        assert node.target is not None
        upstreams = self.flow.node(node.target).upstreams
        return slot_of(upstreams.index(node.name), partition, self.partitions)

    def processor(self, node: Node, partition: int, pipeline: Pipeline | PassThrough, seen: Seen) -> Processor:
        """What is done with a partition of `node`."""
        if node.source is not None:
            return _Source(self, node, partition, pipeline, seen)
        if node.target is not None:
            assert isinstance(pipeline, Pipeline)
            return _Later(self, node, partition, pipeline, seen)
        assert isinstance(pipeline, Pipeline)
        return _Cases(self, node, pipeline, seen)

    def hopped(self, node: Node, records: list[Any], seen: Seen) -> tuple[Hopped, int]:
        """The new events in records of a node's hop, and the number of those met before."""
        values = [record.value for record in records]
        hopped = self.codecs[node.name].decode(values, [record.offset for record in records], seen)
        return hopped, events_in(values) - hopped.batch.size

    def onward(
        self, node: Node, partition: int, batch: Batch, outcome: Outcome, values: Any
    ) -> tuple[list[Output], list[Alert]]:
        """What goes on from `node`: to the next stage what was applied; behind the last what alerts, as alerts."""
        assert node.target is not None
        which = _going_on(node, batch, outcome)
        alerts: list[Alert] = []
        if node.judges:
            alerts = [self.alert(batch, outcome, values, i) for i in which.tolist()]
            texts = [encode_alert(alert) for alert in alerts]
        else:
            records = batch.record[which]
            texts = values.many(records) if isinstance(values, Values) else [values[i] for i in records.tolist()]
        on = batch if len(which) == batch.size else batch.select(which)
        carried = self._carried(node, batch, outcome, which)
        stage = self.flow.node(node.target).stage
        assert stage is not None
        messages = self.codecs[node.target].encode(self.slot(node, partition), on, carried, stage.keys_of(on), texts)
        return [Output(node.target, b"", value, partition=target) for target, value in messages], alerts

    def _carried(self, node: Node, batch: Batch, outcome: Outcome, which: npt.NDArray[np.int64]) -> Carried:
        if node.judges and self.flow.controlled:
            assert self.model is not None
            return to_desk(self.model, batch, outcome, which)
        return outcome.carried if len(which) == batch.size else outcome.carried.select(which)

    def alert(self, batch: Batch, outcome: Outcome, values: Any, i: int) -> Alert:
        """The alert of event i, not yet part of a case; `values[record]` is an event's JSON."""
        assert self.model is not None
        assert outcome.judgement is not None
        return build_alert(
            model=self.model,
            columns=self.flow.chain,
            event=decode_one(values[batch.record[i]]),
            batch=batch,
            i=i,
            carried=outcome.carried,
            judgement=outcome.judgement,
            topics=self.topics,
        )


def _going_on(node: Node, batch: Batch, outcome: Outcome) -> npt.NDArray[np.int64]:
    if node.judges:
        return outcome.alerting
    if node.decides:
        return taken(outcome)
    return outcome.applied if node.stage is None else one_side(batch, outcome.applied)


class _Source:
    """Reads the JSON of a source topic; what is no event becomes a dead letter."""

    def __init__(
        self, wiring: Wiring, node: Node, partition: int, pipeline: Pipeline | PassThrough, seen: Seen
    ) -> None:
        assert node.source is not None
        self.pipeline = pipeline
        self.seen = seen
        self._wiring = wiring
        self._node = node
        self._partition = partition
        self._topic = wiring.topics[node.source]
        self._origin = origin_of(node.source, partition)

    def process(self, records: list[Any]) -> Processed:
        values = [record.value for record in records]
        decoded = self._decode(records, values)
        batch = decoded.batch._replace(origin=np.full(decoded.batch.size, self._origin, np.int32))
        if isinstance(self.pipeline, PassThrough):
            batch = both_sides(batch)
            outcome = self.pipeline.process(batch, self._node.before)
        else:
            outcome = self.pipeline.process(batch)
        timestamps = np.array([record.timestamp for record in records], np.int64)
        outcome.carried.facts[:, RECEIVED_MS] = timestamps[batch.record]
        wiring = self._wiring
        outputs, alerts = wiring.onward(self._node, self._partition, batch, outcome, values)
        outputs += [self._dead_letter(records[rejected.record], rejected) for rejected in decoded.rejected]
        return Processed(outputs, batch, outcome, alerts, decoded.rejected)

    def _decode(self, records: list[Any], values: list[bytes]) -> Decoded:
        decode = decode_account_events if self._node.source == ACCOUNT_EVENTS else decode_wallet_events
        return decode(
            values,
            [record.key for record in records],
            np.array([record.offset for record in records], np.int64),
            np.array([record.timestamp for record in records], np.int64),
        )

    def _dead_letter(self, record: Any, rejected: Rejected) -> Output:
        letter = build_dead_letter(record.value, rejected, self._topic, self._partition, record.offset)
        return Output(
            DEAD_LETTERS, letter.dead_letter_id.encode(), encode_dead_letter(letter), timestamp_ms=record.timestamp
        )


class _Later:
    """Reads a hop and writes to the next."""

    def __init__(self, wiring: Wiring, node: Node, partition: int, pipeline: Pipeline, seen: Seen) -> None:
        self.pipeline = pipeline
        self.seen = seen
        self._wiring = wiring
        self._node = node
        self._partition = partition

    def process(self, records: list[Any]) -> Processed:
        hopped, repeats = self._wiring.hopped(self._node, records, self.seen)
        outcome = self.pipeline.process(hopped.batch, hopped.carried)
        outputs, alerts = self._wiring.onward(self._node, self._partition, hopped.batch, outcome, hopped.values)
        return Processed(outputs, hopped.batch, outcome, alerts, [], repeats=repeats)


class _Cases:
    """Reads alerts from the last hop, and sends those that tell something new as updates of their cases."""

    def __init__(self, wiring: Wiring, node: Node, pipeline: Pipeline, seen: Seen) -> None:
        self.pipeline = pipeline
        self.seen = seen
        self._wiring = wiring
        self._node = node

    def process(self, records: list[Any]) -> Processed:
        hopped, repeats = self._wiring.hopped(self._node, records, self.seen)
        outcome = self.pipeline.process(hopped.batch, hopped.carried)
        facts = outcome.carried.facts
        raised = outcome.applied[facts[outcome.applied, CASE_UPDATE] != HELD]
        alerts = [self._alert(hopped.values[i], facts[i]) for i in raised.tolist()]
        received_ms = facts[raised, RECEIVED_MS].tolist()
        outputs = [
            Output(ALERTS, subject_key(alert.account, alert.service, alert.wallet).encode(), encode_alert(alert), stamp)
            for alert, stamp in zip(alerts, received_ms, strict=True)
        ]
        held = len(outcome.applied) - len(raised)
        return Processed(outputs, hopped.batch, outcome, alerts, [], numbered=True, repeats=repeats, held=held)

    def _alert(self, value: bytes, facts: npt.NDArray[np.int64]) -> Alert:
        return into_case(decode_alert(value), self._wiring.flow.chain.name, facts, self._wiring.topics)
