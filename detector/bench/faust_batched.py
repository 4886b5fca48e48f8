"""Contestant `faust_batched`: plain Faust with `take`, the forest called once a batch.

Faust's own way to fewer calls: `faust.Record` events, state in a `faust.Table` with its changelog, scikit-learn's
`score_samples` on the features of up to 1000 events at once; larger batches were slower.
"""

from typing import Any

from detector.bench.child import Task, answer_with
from detector.bench.lap import Lap, Stopwatch
from detector.bench.plain_faust import PlainApp, Scorer, alert_of, run_app
from detector.bench.textbook import new_state, take

BATCH_EVENTS = 1000
WITHIN_S = 0.2


def run(task: Task) -> Lap:
    """Score the first `task.events` events."""
    scorer = Scorer(task.folder)
    app = PlainApp(task)
    # In `take` there is no current event, so the table can find a key's partition only from the key.
    accounts = app.Table("accounts", default=new_state, partitions=task.partitions, use_partitioner=True)
    stopwatch = Stopwatch()

    def note_first(value: Any) -> Any:
        stopwatch.start()
        return value

    @app.agent(app.input)
    async def score(stream: Any) -> None:
        seen = 0
        stream.add_processor(note_first)
        async for events in stream.take(BATCH_EVENTS, within=WITHIN_S):
            scored, rows = [], []
            for event in events:
                state = accounts[event.account]
                features = take(state, event)
                accounts[event.account] = state
                if features:
                    scored.append(event)
                    rows.append(features)
            for i in scorer.alerting(rows):
                await app.alerts.send(key=scored[i].account, value=alert_of(scored[i]))
            seen += len(events)
            if seen >= task.events:
                app.finish(stopwatch.stop(seen))

    return run_app(app)


if __name__ == "__main__":
    answer_with(run, Task)
