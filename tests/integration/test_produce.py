"""Events on a real Kafka: every one, once, in order, in the partition of its key; also after interruptions."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from kafka import KafkaConsumer, TopicPartition
from kafka.partitioner.default import murmur2
from support.deployments import new_deployment
from support.populations import scenario
from support.shared_kafka import Cluster

from detector.cli.main import cli, run
from detector.contract.codec import decode_account_events, decode_wallet_events
from detector.errors import UserError
from detector.kafka.security import client_options
from detector.settings import Settings
from producers import simulation
from producers.files import write_events
from producers.messages import values_of
from producers.pace import Pace
from producers.publish import publish
from producers.resume import read_mark
from producers.sender import DeliveryError, Sender

PARTITIONS = 3
SMALL = scenario("ghost-wallets", days=3, cases=4)


class Record(NamedTuple):
    partition: int
    offset: int
    key: bytes
    value: bytes


@pytest.fixture
def settings(kafka: Cluster) -> Settings:
    return new_deployment(kafka.bootstrap, partitions=PARTITIONS)


@pytest.fixture(scope="module")
def events() -> pa.Table:
    return pa.concat_tables([table for table, _ in simulation.tables(SMALL)])


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory, events: pa.Table) -> Path:
    path = tmp_path_factory.mktemp("events") / "events.parquet"
    write_events(path, [events])
    return path


def read(settings: Settings, topic: str) -> list[Record]:
    """All records of the topic, partition by partition in order."""
    consumer = KafkaConsumer(bootstrap_servers=list(settings.bootstrap), auto_offset_reset="earliest")
    try:
        partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
        consumer.assign(partitions)
        ends = consumer.end_offsets(partitions)
        found: list[Record] = []
        while any(consumer.position(partition) < ends[partition] for partition in partitions):
            for records in consumer.poll(timeout_ms=500).values():
                found += [Record(record.partition, record.offset, record.key, record.value) for record in records]
    finally:
        consumer.close()
    return sorted(found)


def expected_by_key(events: pa.Table) -> dict[str, list[bytes]]:
    """Messages of each account and each wallet at its service in order of the file."""
    by_key: dict[str, list[bytes]] = defaultdict(list)
    columns = (events[name].to_pylist() for name in ("account", "service", "wallet"))
    for account, service, wallet, value in zip(*columns, values_of(events), strict=True):
        by_key[account or f"{service}/{wallet}"].append(value)
    return by_key


def found_by_key(settings: Settings) -> dict[str, list[bytes]]:
    by_key: dict[str, list[bytes]] = defaultdict(list)
    for record in read(settings, settings.account_events):
        by_key[record.key.decode()].append(record.value)
    for record in read(settings, settings.wallet_events):
        by_key[record.key.decode()].append(record.value)
    return by_key


def arguments(settings: Settings, *more: object) -> list[str]:
    return ["produce", *map(str, more), "--bootstrap", settings.bootstrap[0], "--prefix", settings.prefix]


def start(settings: Settings, *more: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "detector.cli.main", *arguments(settings, *more)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def after(looks: int) -> Callable[[], bool]:
    """False so many times, then true."""
    answers = iter([False] * looks)
    return lambda: next(answers, True)


def wait_for_mark(path: Path, process: subprocess.Popen[str]) -> None:
    """Return when the process has confirmed some events."""
    ends = time.monotonic() + 60
    while not path.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < ends
        time.sleep(0.02)


def test_every_event_is_there_once_in_order_of_its_key(settings: Settings, events: pa.Table) -> None:
    published = publish([events.slice(0, 900), events.slice(900)], client_options(settings), settings.prefix)
    assert published.complete
    assert (events.num_rows, events.num_rows) == (published.confirmed, published.sent)
    assert expected_by_key(events) == found_by_key(settings)


def test_every_message_is_a_valid_event_in_the_partition_of_its_key(settings: Settings, events: pa.Table) -> None:
    publish([events], client_options(settings), settings.prefix)
    for topic, decode in (
        (settings.account_events, decode_account_events),
        (settings.wallet_events, decode_wallet_events),
    ):
        records = read(settings, topic)
        decoded = decode([r.value for r in records], [r.key for r in records], np.arange(len(records)))
        assert not decoded.rejected
        assert {(murmur2(r.key) & 0x7FFFFFFF) % PARTITIONS == r.partition for r in records} == {True}
        assert {r.partition for r in records} == set(range(PARTITIONS))


def test_a_stopped_run_goes_on_without_loss_repeat_or_disorder(settings: Settings, events: pa.Table) -> None:
    connection, confirmed, runs = client_options(settings), 0, 0
    while confirmed < events.num_rows:
        published = publish([events], connection, settings.prefix, skip=confirmed, stop=after(3))
        assert published.confirmed == confirmed + published.sent
        assert published.complete == (published.confirmed == events.num_rows)
        confirmed, runs = published.confirmed, runs + 1
    assert runs > 1
    assert expected_by_key(events) == found_by_key(settings)


class FakeClock:
    """Time passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.time_s = 1_000.0

    def now_s(self) -> float:
        return self.time_s

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.time_s += max(seconds, 1e-6)


@pytest.mark.parametrize(
    ("pace", "seconds"), [(Pace(), 0.0), (Pace(events_per_s=100), 9.99), (Pace(speed=3_600), None)]
)
def test_events_are_sent_when_they_are_due(
    settings: Settings, events: pa.Table, pace: Pace, seconds: float | None
) -> None:
    some = events.slice(0, 1_000)
    if seconds is None:
        times = some["occurred_at_ms"].to_numpy()
        seconds = (times.max() - times[0]) / 3_600_000
    published = publish([some], client_options(settings), settings.prefix, pace=pace, clock=FakeClock())
    assert seconds == pytest.approx(published.seconds, abs=0.001)
    assert published.sent == 1_000


def test_progress_never_falls_and_ends_with_everything(settings: Settings, events: pa.Table) -> None:
    confirmed: list[int] = []
    publish([events], client_options(settings), settings.prefix, skip=10, on_confirmed=confirmed.append)
    assert sorted(confirmed) == confirmed
    assert (events.num_rows, 10) == (confirmed[-1], min(10, confirmed[0]))


def test_an_invalid_event_is_refused_with_its_row(settings: Settings, events: pa.Table) -> None:
    zero = events.set_column(events.schema.get_field_index("amount_yen"), "amount_yen", pa.array([0] * events.num_rows))
    with pytest.raises(UserError, match="`amount_yen`, expected a whole number"):
        publish([zero], client_options(settings), settings.prefix)
    assert not read(settings, settings.account_events)


def test_a_message_over_a_megabyte_is_refused_by_default(settings: Settings) -> None:
    with Sender(client_options(settings)) as sender:
        sender.send(settings.account_events, b"x" * 999_000, b"key")
        assert sender.settle() == 1
        with pytest.raises(UserError, match="at most 1,000,000 are sent"):
            sender.send(settings.account_events, b"x" * 1_000_000, b"key")


def test_what_kafka_does_not_take_fails_with_the_number_confirmed(settings: Settings) -> None:
    with Sender(client_options(settings), max_bytes=5_000_000) as sender:
        for _ in range(3):
            sender.send(settings.account_events, b"x", b"key", 0)
        sender.settle()
        sender.send(settings.account_events, b"x" * 4_000_000, b"key", 0)
        with pytest.raises(DeliveryError) as caught:
            sender.settle()
    assert caught.value.confirmed == 3
    assert "3 messages were confirmed before" in str(caught.value)


def test_missing_topics_are_one_line(kafka: Cluster, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nowhere = Settings(bootstrap=(kafka.bootstrap,), prefix="nobody-made-these.")
    assert run(cli, arguments(nowhere, file)) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "has no topic nobody-made-these.account-events and no nobody-made-these.wallet-events" in error
    assert "kozamori topics create" in error


def test_an_unreachable_broker_is_one_line_within_seconds(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unused.getsockname()[1]}"
    started = time.monotonic()
    assert run(cli, arguments(Settings(bootstrap=(address,)), file)) == 2
    assert time.monotonic() - started < 25
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert f"Kafka at {address} cannot be reached" in error


def test_the_command_publishes_a_scenario_and_says_so(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    chosen = ["--scenario", "normal", "--days", "1", "--accounts", "500", "--seed", "7", "--no-wallet-events", "--json"]
    assert run(cli, arguments(settings, *chosen)) == 0
    printed = json.loads(capsys.readouterr().out)
    expected = sum(
        table.num_rows for table, _ in simulation.tables(scenario(days=1, accounts=500, wallet_events=False))
    )
    assert {"confirmed": expected, "complete": True, "sent": expected}.items() <= printed.items()
    assert len(read(settings, settings.account_events)) == expected
    assert not read(settings, settings.wallet_events)
    assert run(cli, arguments(settings, *chosen)) == 2  # made-up events among others
    assert f"{expected:,} in {settings.account_events}" in capsys.readouterr().err
    assert len(read(settings, settings.account_events)) == expected
    assert run(cli, arguments(settings, *chosen, "--among-others")) == 0
    assert len(read(settings, settings.account_events)) == 2 * expected


def test_after_ctrl_c_the_same_command_goes_on(
    settings: Settings, file: Path, events: pa.Table, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    process = start(settings, file, "--rate", 500, "--resume", mark)
    wait_for_mark(mark, process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert f"to go on, run the same command with --resume {mark}" in err
    assert 0 < sum(map(len, found_by_key(settings).values())) < events.num_rows
    assert run(cli, arguments(settings, file, "--resume", mark)) == 0
    assert expected_by_key(events) == found_by_key(settings)
    assert "confirmed" in out


def test_after_a_kill_the_same_command_repeats_a_little_and_loses_nothing(
    settings: Settings, file: Path, events: pa.Table, tmp_path: Path
) -> None:
    mark = tmp_path / "mark"
    process = start(settings, file, "--rate", 1_000, "--resume", mark)
    wait_for_mark(mark, process)
    time.sleep(0.5)
    process.kill()
    process.communicate(timeout=60)
    assert run(cli, arguments(settings, file, "--resume", mark)) == 0
    found = found_by_key(settings)
    for key, values in expected_by_key(events).items():
        # First arrivals in order; what came again came after all that was sent before it.
        assert set(values) == set(found[key])
        assert list(dict.fromkeys(values)) == list(dict.fromkeys(found[key]))
    assert read_mark(mark, {"file": file.name, "bytes": file.stat().st_size}) == events.num_rows
