"""Receivers that fail, hang, restart and lie, beside one that does not: real sockets, topics in memory."""

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import Self

import pytest
from prometheus_client import CollectorRegistry
from support.alerts import make_alert
from support.memory_topics import MemoryTopics
from support.webhook_receivers import OK, Answer, Request, WebhookReceiver, status

from detector.contract.alerts import encode_alert
from detector.notify.messages import Wanted, read_notice
from detector.notify.parked import ParkedFile
from detector.notify.ports import Clock, Receiver
from detector.notify.retry import Circuit, Pace
from detector.notify.run import Service
from detector.notify.webhook import Webhook
from detector.observe.notify_metrics import NotifyMetrics

#: As in production, fifty times as fast.
PACE = Pace(first_s=0.01, longest_s=0.1, failures=5, open_s=0.1, connect_s=0.5, answer_s=0.5, exchange_s=0.8)
ALERTS = [make_alert(number) for number in range(40)]
IDS = [alert.alert_id for alert in ALERTS]
#: A receiver that waited for one of the others would take longer: four answers of `hangs` that do not come are 2 s.
SOON_S = 1.0


def fails(number: int, _request: Request) -> Answer:
    """Two in three: an error, one of them though the message was kept."""
    return (Answer(status(500), keeps=False), Answer(status(503)), Answer())[number % 3]


def hangs(number: int, _request: Request) -> Answer:
    """The first four say nothing for longer than anybody waits; one of those kept the message."""
    return Answer(OK, keeps=number == 1, wait_s=30.0) if number < 4 else Answer()


def lies(number: int, _request: Request) -> Answer:
    """Hangs up without a word, though it has the message; says more than it announced, or less; or asks for more."""
    return (
        Answer(b""),
        Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{}"),
        Answer(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n" + status(425)),
        Answer(b"I have it, thank you\r\n\r\n"),
        Answer(b"HTTP/1.1 200 OK\r\nContent-Length: -7\r\n\r\n"),
        Answer(status(302, "Location: http://127.0.0.1:1/elsewhere"), keeps=False),
    )[number % 6]


def takes(_number: int, _request: Request) -> Answer:
    return Answer()


TROUBLE: dict[str, Callable[[int, Request], Answer]] = {"fails": fails, "hangs": hangs, "restarts": takes, "lies": lies}


class Stand:
    """A service with these receivers of webhooks, reading topics in memory."""

    def __init__(self, urls: dict[str, str], topics: MemoryTopics, folder: Path, pace: Pace = PACE) -> None:
        self.registry = CollectorRegistry()
        self.parked = ParkedFile(folder / "parked.jsonl")
        receivers = [
            Receiver(
                name,
                Wanted(),
                Webhook(url, [b"k" * 32], None, pace),
                Circuit(pace, Random(1)),
                lambda record: read_notice(record, "alerts"),
            )
            for name, url in urls.items()
        ]
        metrics = NotifyMetrics(self.registry, list(urls))
        inbox = lambda name: topics.inbox(name, ["alerts"])  # noqa: E731
        self.service = Service(receivers, inbox, self.parked, metrics, Clock())

    def __enter__(self) -> Self:
        self.service.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.service.end()

    def value(self, name: str, receiver: str) -> float | None:
        return self.registry.get_sample_value(name, {"receiver": receiver})


@pytest.fixture
def topics() -> MemoryTopics:
    return MemoryTopics()


def put(topics: MemoryTopics, numbers: Iterator[int] | range) -> None:
    for number in numbers:
        topics.put("alerts", encode_alert(ALERTS[number]), timestamp=int(time.time() * 1000))


def test_every_receiver_has_every_id_once_and_none_waits_for_another(topics: MemoryTopics, tmp_path: Path) -> None:
    with ExitStack() as ending:
        receivers = {name: ending.enter_context(WebhookReceiver(answer)) for name, answer in TROUBLE.items()}
        good = receivers["good"] = ending.enter_context(WebhookReceiver())
        stand = Stand({name: each.url for name, each in receivers.items()}, topics, tmp_path)
        ending.enter_context(stand)
        began_s = time.monotonic()
        put(topics, range(10))
        assert receivers["restarts"].has(IDS[:5])
        receivers["restarts"].stop()
        put(topics, range(10, 40))
        assert good.has(IDS)
        good_s = time.monotonic() - began_s
        time.sleep(0.2)
        receivers["restarts"].start()
        for name, receiver in receivers.items():
            assert receiver.has(IDS), name
            assert IDS == receiver.kept, name
        figures = {
            name: (each.repeats, stand.value("kozamori_notify_failures_total", name))
            for name, each in receivers.items()
        }
        print(f"40 alerts reached the good receiver in {good_s * 1000:.0f} ms; (repeats, failures): {figures}")
        assert good_s < SOON_S
        assert (0, 0.0) == figures["good"]
        assert all(failures for name, (_, failures) in figures.items() if name != "good")
        assert not stand.parked.path.exists()


def test_a_service_that_ends_amid_a_delivery_sends_it_after_the_next_start(
    topics: MemoryTopics, tmp_path: Path
) -> None:
    answers = itertools.count()

    def first_hangs(_number: int, _request: Request) -> Answer:
        return Answer(wait_s=30.0 if next(answers) == 2 else 0.0)

    slow = Pace()
    with WebhookReceiver(first_hangs) as receiver:
        put(topics, range(5))
        with Stand({"one": receiver.url}, topics, tmp_path, slow):
            assert receiver.has(IDS[:3])
            began_s = time.monotonic()
        ended_s = time.monotonic() - began_s
        with Stand({"one": receiver.url}, topics, tmp_path, slow):
            assert receiver.has(IDS[:5])
        print(f"ended in {ended_s * 1000:.0f} ms amid a delivery")
        assert ended_s < 1.0
        assert (IDS[:5], 1) == (receiver.kept, receiver.repeats)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_health_says_which_receiver_is_not_read_for_and_fails_where_a_courier_has_ended(
    topics: MemoryTopics, tmp_path: Path
) -> None:
    with WebhookReceiver() as receiver:
        stand = Stand({"one": receiver.url, "two": receiver.url}, topics, tmp_path)
        assert (False, ["one", "two"]) == (stand.service.ready().ok, list(stand.service.ready().detail))
        with stand:
            until(lambda: stand.service.ready().ok)
            assert stand.service.alive().ok
            topics.break_group("two")
            until(lambda: not stand.service.alive().ok)


def until(happens: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + 10
    while not happens():
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
