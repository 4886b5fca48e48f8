"""How old the state is, across restarts, and that a worker with a young one says so."""

from dataclasses import replace
from typing import Any

import pytest
from faust.types import TP
from structlog.testing import capture_logs
from support.chains import model_of
from support.events import START_MS, debit, key, message
from support.hops import record

from detector.core.chains import ACCOUNT_CHAIN
from detector.core.pipeline import Pipeline
from detector.core.topology import topology_of
from detector.jst import DAY_MS
from detector.kafka.marks import Marks
from detector.observe.metrics import Metrics
from detector.stream.changelog import Superseded, no_pairs
from detector.stream.partition_task import PartitionTask
from detector.stream.processor import Processor, Wiring
from detector.stream.reporting import Reporting

BURN_IN_DAYS = 10
TOPOLOGY = topology_of(ACCOUNT_CHAIN)
WIRING = Wiring(TOPOLOGY, model_of(ACCOUNT_CHAIN), 1, ("account-events", "wallet-events"))


def task_of(name: str, marks: Marks = Marks()) -> PartitionTask:  # noqa: B008 - frozen
    """A task of a node's partition, as restored from a commit with these marks."""
    pipeline = Pipeline(
        TOPOLOGY,
        TOPOLOGY.node(name),
        WIRING.model,
        ttl_ms=400 * DAY_MS,
        watermark_ms=marks.watermark_ms,
        begun_ms=marks.begun_ms,
    )
    processor = Processor(WIRING, 0, pipeline, WIRING.marks(pipeline.node))
    return PartitionTask(TP(name, 0), 1, processor, Superseded(no_pairs()), 0, node=name)


def reads(task: PartitionTask, *days: float) -> Marks:
    """It reads an event of each of these days; what its checkpoint keeps."""
    events = [debit(event_id=f"e{day}", occurred_at_ms=START_MS + int(day * DAY_MS)) for day in days]
    records: list[Any] = [
        record(message(one), i, key(one), one["occurred_at_ms"]) for i, one in enumerate(events, task.position)
    ]
    task.processor.process(records)
    task.position += len(records)
    return task.cut().marks


def shown(*tasks: PartitionTask, burn_in_days: float = BURN_IN_DAYS) -> tuple[float | None, list[dict[str, Any]]]:
    """The age in days that the metrics show of the accounts, and what is logged when the worker begins."""
    metrics = Metrics("1")
    reporting = Reporting(metrics, [node.name for node in TOPOLOGY.nodes], burn_in_days)
    with capture_logs() as lines:
        reporting.begun(tasks)
    for task in tasks:
        reporting.state(task)
    labels = {"stage": "account", "partition": "0"}
    age_s = metrics.registry.get_sample_value("kozamori_state_age_seconds", labels)
    return None if age_s is None else age_s * 1000 / DAY_MS, [dict(line) for line in lines]


def test_an_empty_state_is_no_day_old_and_said_to_be_young_with_what_to_do() -> None:
    age, (line,) = shown(task_of("account"), task_of("cases"))
    assert (0, 0, BURN_IN_DAYS, "warning") == (age, line["age_days"], line["burn_in_days"], line["log_level"])
    assert "kozamori state warm" in line["action"]


def test_the_age_counts_from_the_first_event_on_across_restarts() -> None:
    first = task_of("account")
    marks = reads(first, 0, 4)
    assert 4 == shown(first)[0]
    again = task_of("account", marks)
    reads(again, 6.5, 5)
    assert 6.5 == shown(again)[0]


@pytest.mark.parametrize(("days", "warnings"), [(BURN_IN_DAYS - 0.1, 1), (BURN_IN_DAYS + 0.1, 0)])
def test_the_warning_ends_with_the_burn_in(days: float, warnings: int) -> None:
    old = task_of("account", Marks(START_MS + int(days * DAY_MS), begun_ms=START_MS))
    assert warnings == len(shown(old, task_of("cases"))[1])


def test_one_old_partition_is_enough_and_cases_tell_nothing() -> None:
    old = task_of("account", Marks(START_MS + 30 * DAY_MS, begun_ms=START_MS))
    assert [] == shown(task_of("account"), old)[1]
    assert [] == shown(task_of("cases"))[1]


def test_an_empty_state_is_told_of_whatever_the_burn_in() -> None:
    assert 1 == len(shown(task_of("account"), burn_in_days=0)[1])


@pytest.mark.parametrize(("expected", "training"), [(14, {}), (0, {"burn_in_days": 0}), (9, {"burn_in_days": 9})])
def test_the_burn_in_is_the_one_that_training_found(expected: float, training: dict[str, int]) -> None:
    model = replace(model_of(ACCOUNT_CHAIN), manifest={"training": training})
    assert expected == model.burn_in_days
