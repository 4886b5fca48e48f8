"""Contestant `bare`: a confluent-kafka loop that does all the worker's work but keeps nothing.

Same codec, same pipeline with features and forest, same alerts built and encoded; no row, alert or offset is written.
What is between this and `worker` is what durable state costs.
"""

from pathlib import Path

from detector.artifact import read_model
from detector.bench.child import Task, answer_with
from detector.bench.clients import open_consumer
from detector.bench.consume import by_partition, decode, poll
from detector.bench.lap import Lap, Stopwatch
from detector.contract.alerts import encode_alert
from detector.core.chains import ACCOUNT_CHAIN
from detector.core.pipeline import Pipeline
from detector.core.stages.account import ACCOUNT
from detector.jst import DAY_MS
from detector.stream.flow import flow_of
from detector.stream.processor import Wiring
from detector.stream.warmup import warm_up


def run(task: Task) -> Lap:
    """Take the task's records through the pipelines of its partitions."""
    model = read_model(Path(task.folder, ACCOUNT_CHAIN.name), ACCOUNT_CHAIN)
    flow = flow_of(ACCOUNT_CHAIN)
    warm_up(flow, model)
    wiring = Wiring(flow, model, task.partitions, (task.topic, ""))
    pipelines = [Pipeline(ACCOUNT, model, ttl_ms=400 * DAY_MS) for _ in range(task.partitions)]
    consumer = open_consumer(task.bootstrap, task.group)
    consumer.subscribe([task.topic])
    stopwatch = Stopwatch()
    seen = 0
    while seen < task.events:
        messages = poll(consumer, task.events - seen)
        if messages:
            stopwatch.start()
        for partition, of_partition in by_partition(messages):
            batch = decode(of_partition).batch
            outcome = pipelines[partition].process(batch)
            if len(outcome.alerting):
                values = [message.value() for message in of_partition]
                for i in outcome.alerting.tolist():
                    encode_alert(wiring.alert(batch, outcome, values, i))
        seen += len(messages)
    lap = stopwatch.stop(seen)
    consumer.close()
    return lap


if __name__ == "__main__":
    answer_with(run, Task)
