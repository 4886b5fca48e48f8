"""What a worker says of itself before it runs."""

from detector.observe.health import Report
from detector.stream.worker import Health


def test_a_worker_that_starts_is_well_and_not_ready_and_says_whether_it_waits_for_kafka() -> None:
    health = Health()
    assert Report(ok=True) == health.alive()
    assert Report(False, {"cause": "the worker starts"}) == health.ready()
    health.wait("nothing listens there")
    assert Report(False, {"cause": "Kafka is away: nothing listens there"}) == health.ready()
    assert Report(ok=True) == health.alive()
    health.wait("")
    assert Report(False, {"cause": "the worker starts"}) == health.ready()


def test_a_worker_that_runs_speaks_for_itself() -> None:
    health = Health()
    health.run(lambda: Report(False, {"cause": "it stands"}), lambda: Report(True, {"account": [0]}))
    assert Report(False, {"cause": "it stands"}) == health.alive()
    assert Report(True, {"account": [0]}) == health.ready()
