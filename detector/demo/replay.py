"""The stream's part: days published, the worker followed until it has them all, its alerts shown as they come."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from detector.contract.alerts import Alert
from detector.demo.board import Board
from detector.demo.cluster import Cluster
from detector.demo.kafka_side import Follower, all_alerts, backlog
from detector.demo.plan import PARTITIONS, Plan
from detector.demo.preparation import Days
from detector.demo.publishing import Publisher
from detector.demo.screen import Screen, Step
from detector.demo.worker import Sample, Worker
from detector.errors import UserError
from detector.kafka.clients import admin_client
from producers import jst
from producers.files import read_labels
from producers.pace import Pace

#: Fast enough for the eye, slow enough to leave the machine to the worker.
REFRESH_S = 0.25
#: The worker does tens of thousands of events a second; after this long it is stuck.
CATCH_UP_S = 300.0
#: Events a second are a mean over so many polls: the worker reads in bursts.
RATE_LOOKS = 12


@dataclass(frozen=True, slots=True)
class Scene:
    """What a replay needs: where it plays, who works, and what raises when a person wants to stop."""

    cluster: Cluster
    worker: Worker
    check: Callable[[], None]

    def require_all_well(self) -> None:
        """Raise for a person who wants to stop, and when worker or Kafka ended."""
        self.check()
        self.cluster.require_running()
        self.worker.require_running()


class Meter:
    """Events a second from the worker's progress at the last polls."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, int]] = deque(maxlen=RATE_LOOKS)

    def rate(self, events: int, at_s: float) -> float:
        """The rate after one more poll; 0 after the first."""
        self._looks.append((at_s, events))
        (first_s, first), (last_s, last) = self._looks[0], self._looks[-1]
        return (last - first) / (last_s - first_s) if last_s > first_s else 0.0


def warm_up(scene: Scene, publisher: Publisher, size: int, step: Step) -> None:
    """Wait until the `size` events of `publisher` are in Kafka and the worker has processed them."""

    def show() -> None:
        sample = scene.worker.sample()
        if sample is not None:
            step.show(done=sample.events, total=size)

    _wait_until(scene, lambda: not publisher.running(), show)
    _wait_for_worker(scene, show)


def play(scene: Scene, days: Days, plan: Plan, screen: Screen) -> list[Alert]:
    """Publish `days` at the plan's pace, show the worker's alerts, and return all alerts in the topic."""
    settings = scene.cluster.settings
    labels = read_labels(days.labels)
    begins_ms = jst.midnight_ms(plan.attack.start)
    board = Board(
        begins_at_ms=begins_ms,
        ends_at_ms=begins_ms + plan.attack.days * jst.DAY_MS,
        case_of=dict(zip(labels["event_id"], labels["case_id"], strict=True)),
    )
    meter, before = Meter(), _sample(scene).events
    earlier = len(all_alerts(settings))
    with (
        Follower(settings) as follower,
        screen.replay(board) as view,
        Publisher(days.events, settings, Pace(speed=plan.speed)) as publisher,
    ):

        def show() -> None:
            opened = board.take(follower.new())
            sample = scene.worker.sample()
            if sample is not None:
                lag = max(0, before + publisher.confirmed - sample.events)
                board.measure(sample.watermark_ms, meter.rate(sample.events, time.monotonic()), lag)
            view.show(opened)

        _wait_until(scene, lambda: not publisher.running(), show, timeout_s=plan.seconds + CATCH_UP_S)
        _wait_for_worker(scene, show)
        alerts = all_alerts(settings)
        _wait_until(scene, lambda: board.alerts >= len(alerts) - earlier, show)
    return alerts


def _wait_for_worker(scene: Scene, meanwhile: Callable[[], None]) -> None:
    """Return when every event published is in a checkpoint, and with it every alert in Kafka."""
    settings = scene.cluster.settings
    with admin_client(settings) as client:
        _wait_until(scene, lambda: backlog(client, settings, PARTITIONS) == 0, meanwhile)


def _wait_until(
    scene: Scene, happens: Callable[[], bool], meanwhile: Callable[[], None], timeout_s: float = CATCH_UP_S
) -> None:
    deadline = time.monotonic() + timeout_s
    while not happens():
        scene.require_all_well()
        if time.monotonic() > deadline:
            raise UserError(f"the events were not done with after {timeout_s:.0f} s: run again on a less busy machine")
        meanwhile()
        time.sleep(REFRESH_S)
    meanwhile()


def _sample(scene: Scene) -> Sample:
    sample = scene.worker.sample()
    if sample is None:
        raise UserError(f"the worker does not answer on {scene.worker.metrics_url}: run again")
    return sample
