"""Contestant `faust_per_event`: plain Faust as its tutorial has it, the forest called for every event.

`faust.Record` events, state in a `faust.Table` with its changelog, one scikit-learn `score_samples` an event.
"""

from typing import Any

from detector.bench.child import Task, answer_with
from detector.bench.lap import Lap, Stopwatch
from detector.bench.plain_faust import PlainApp, Scorer, alert_of, run_app
from detector.bench.textbook import new_state, take


def run(task: Task) -> Lap:
    """Score the first `task.events` events."""
    scorer = Scorer(task.folder)
    app = PlainApp(task)
    accounts = app.Table("accounts", default=new_state, partitions=task.partitions)
    stopwatch = Stopwatch()

    @app.agent(app.input)
    async def score(stream: Any) -> None:
        seen = 0
        async for event in stream:
            stopwatch.start()
            state = accounts[event.account]
            features = take(state, event)
            accounts[event.account] = state
            if features and len(scorer.alerting([features])):
                await app.alerts.send(key=event.account, value=alert_of(event))
            seen += 1
            if seen >= task.events:
                app.finish(stopwatch.stop(seen))

    return run_app(app)


if __name__ == "__main__":
    answer_with(run, Task)
