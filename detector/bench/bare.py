"""Contestant `bare`: a confluent-kafka loop that does all the worker's work but keeps nothing.

Same codec, same nodes with features, detectors and cases, same alerts built and encoded; no row, alert or offset is
written. The difference to `worker` is the cost of durable state.
"""

from pathlib import Path

from detector.artifact import read_model
from detector.bench.child import Task, answer_with
from detector.bench.clients import open_consumer
from detector.bench.consume import by_partition, decode, poll
from detector.bench.lap import Lap, Stopwatch
from detector.contract.alerts import encode_alert
from detector.core.alerting import Explainer
from detector.core.chains import ACCOUNT_CHAIN
from detector.core.memory import MemoryRun
from detector.core.topology import topology_of
from detector.jst import DAY_MS
from detector.stream.warmup import warm_up


def run(task: Task) -> Lap:
    """Take the task's records through the nodes of their partitions."""
    model = read_model(Path(task.folder, ACCOUNT_CHAIN.name), ACCOUNT_CHAIN)
    topology = topology_of(ACCOUNT_CHAIN)
    warm_up(topology, model)
    explainer = Explainer(model, ACCOUNT_CHAIN, (task.topic, ""))
    runs = [MemoryRun(topology, model, ttl_ms=400 * DAY_MS) for _ in range(task.partitions)]
    consumer = open_consumer(task.bootstrap, task.group)
    consumer.subscribe([task.topic])
    stopwatch = Stopwatch()
    seen = 0
    while seen < task.events:
        messages = poll(consumer, task.events - seen)
        if messages:
            stopwatch.start()
        for partition, of_partition in by_partition(messages):
            decoded = decode(of_partition)
            cases = runs[partition].process(decoded.batch, decoded.strings).cases
            for alert in explainer.explain(cases.events, cases.raised):
                encode_alert(alert)
        seen += len(messages)
    lap = stopwatch.stop(seen)
    consumer.close()
    return lap


if __name__ == "__main__":
    answer_with(run, Task)
