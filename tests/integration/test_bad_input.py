"""Bad messages in the middle of good ones: they lie in dead letters, the others are processed as if alone."""

import base64
import hashlib
import os
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from kafka import KafkaProducer
from kafka.errors import InvalidTimestampError
from support import events as make
from support.bad_input import BAD, MARK, ODD, Bad
from support.deployments import configure
from support.floods import GOOD_PER_S, Message, pour
from support.replays import Result, in_memory, left_in_kafka, read_all
from support.scenes import Scene
from support.scrapes import Samples, by_label, scrape, total
from support.workers import Progress, WorkerProcess, run_worker, wait_until

from detector.contract.dead_letters import REASONS, decode_dead_letter
from detector.core.stages.campaigns import CAMPAIGNS
from detector.settings import Settings
from detector.stream.changelog import Rows
from producers.publish import messages_of

EVENTS = 1_500
#: Room for the largest message with its overhead.
LARGEST_BYTES = 11_000_000
#: Of a payload in its dead letter, where the setting asks for it.
KEPT_BYTES = 1_000

#: Bad messages, and how many a second: here all at once.
FLOOD = int(os.environ.get("KOZAMORI_FLOOD_MESSAGES", "5000"))
FLOOD_PER_S = float(os.environ.get("KOZAMORI_FLOOD_PER_S", "inf"))
#: From Kafka's confirmation of a good event until it is committed, a checkpoint's 0.3 s included.
LAG_S = 1.0


@dataclass(frozen=True)
class Run:
    """One worker's way through the mixture."""

    settings: Settings
    clean: Result
    sent: dict[tuple[int, int], Bad]
    good: int
    samples: Samples
    log: str


def good_messages(scene: Scene) -> list[Message]:
    table = pa.concat_tables(scene.events).slice(0, EVENTS)
    made = messages_of(table, ("account-events", scene.partitions), ("wallet-events", 1))
    found = list(zip(made.keys, made.values, made.partitions, strict=True))
    return [*found, *((key, value, 0) for key, value in ODD)]


def send(settings: Settings, messages: list[Message]) -> list[tuple[int, int]]:
    """Put messages on the input; the partition and offset of each."""
    producer = KafkaProducer(bootstrap_servers=list(settings.bootstrap), max_request_size=LARGEST_BYTES)
    try:
        futures = [
            producer.send(settings.account_events, value, key=key, partition=partition)
            for key, value, partition in messages
        ]
        return [(sent.partition, sent.offset) for sent in (future.get(60) for future in futures)]
    finally:
        producer.close()


def mixed(good: list[Message], partitions: int) -> list[tuple[Message, Bad | None]]:
    """The good messages in their order, and among them every bad one, once on each partition."""
    bad = [(message, partition) for message in BAD for partition in range(partitions)]
    every = len(good) // (len(bad) + 1)
    found: list[tuple[Message, Bad | None]] = []
    for i, message in enumerate(good):
        found.append((message, None))
        if i % every == 0 and bad:
            found.append(((bad[-1][0].key, bad[-1][0].value, bad[-1][1]), bad.pop()[0]))
    assert not bad
    return found


@pytest.fixture(scope="module")
def run(account_scene: Scene, tmp_path_factory: pytest.TempPathFactory) -> Run:
    empty = replace(account_scene, events=())
    good = good_messages(account_scene)
    clean = empty.fresh("clean")
    send(clean, good)
    settings = empty.fresh("bad").model_copy(update={"dead_letter_payload_bytes": KEPT_BYTES})
    configure(settings, {"max.message.bytes": str(LARGEST_BYTES)}, settings.account_events)
    mixture = mixed(good, settings.partitions)
    positions = send(settings, [message for message, _ in mixture])
    sent = {position: bad for position, (_, bad) in zip(positions, mixture, strict=True) if bad is not None}
    log = tmp_path_factory.mktemp("bad") / "worker.log"
    worker, progress = WorkerProcess(settings, log), Progress(settings)
    try:
        wait_until(progress.finished, "all is committed", worker)
        samples = scrape(worker.port())
        assert 0 == worker.stop()
    finally:
        worker.close()
        progress.close()
    return Run(settings, in_memory(clean, account_scene.model), sent, len(good), samples, log.read_text("utf-8"))


def test_every_bad_message_is_a_dead_letter_with_its_reason_position_and_content(run: Run) -> None:
    assert run.settings.partitions * len(BAD) == len(run.sent)
    letters = [
        msgspec.json.decode(record.value)
        for records in read_all(run.settings, run.settings.dead_letters).values()
        for record in records
    ]
    found = {(letter["position"]["partition"], letter["position"]["offset"]): letter for letter in letters}
    assert len(letters) == len(found), "a dead letter was written twice"
    assert run.sent.keys() == found.keys()
    for position, bad in run.sent.items():
        letter, payload = found[position], bad.value or b""
        assert bad.reason == letter["reason"], bad.name
        assert run.settings.account_events == letter["position"]["topic"]
        assert f"dl-{run.settings.account_events}-{position[0]}-{position[1]}" == letter["dead_letter_id"]
        assert len(payload) == letter["size_bytes"], bad.name
        assert hashlib.sha256(payload).hexdigest() == letter["sha256"], bad.name
        assert payload[:KEPT_BYTES] == base64.b64decode(letter["payload_base64"]), bad.name
        assert letter["message"].startswith(REASONS[bad.reason])
        assert MARK not in letter["message"]


def test_good_events_are_processed_as_if_the_bad_ones_had_never_been(run: Run, account_scene: Scene) -> None:
    left = left_in_kafka(run.settings, account_scene.model)
    events = {msgspec.json.decode(alert)["event_id"] for alert in left.alerts.values()}
    assert {msgspec.json.decode(alert)["event_id"] for alert in run.clean.alerts.values()} == events
    assert len(events) > 10
    for tp, expected in run.clean.rows.items():
        # A row of campaigns has events of several partitions, which mix otherwise from run to run.
        if tp[0] != CAMPAIGNS.name:
            assert without_positions(expected) == without_positions(left.rows[tp])
    assert run.good == total(run.samples, "kozamori_events_total", stage="account")


def without_positions(rows: Rows) -> list[tuple[object, ...]]:
    names = [name for name in rows.dtype.names or () if not {"offset", "index"} & set(name.split("_"))]
    assert len(names) < len(rows.dtype.names or ())
    return list(zip(*(rows[name].tolist() for name in names), strict=True))


def test_dead_letters_are_counted_by_reason(run: Run) -> None:
    expected = Counter(bad.reason for bad in run.sent.values())
    assert expected == by_label(run.samples, "kozamori_dead_letters_total", "reason")
    # The broker stamps these records; below, their producer does.
    assert REASONS.keys() - {"bad_timestamp"} == expected.keys(), "a reason that no message here shows"


YEAR_2099_MS = 4_071_000_000_000


def test_clocks_that_are_wrong_expire_nobody(run: Run, account_scene: Scene, tmp_path: Path) -> None:
    settings = replace(account_scene, events=()).fresh("clocks")
    stamps = {"message.timestamp.type": "CreateTime", "message.timestamp.after.max.ms": str(2**63 - 1)}
    configure(settings, stamps, settings.account_events)
    worker = WorkerProcess(settings, tmp_path / "refused.log")
    assert 2 == worker.process.wait(60)
    worker.close()
    assert f"topic {settings.account_events} takes whatever timestamps" in worker.log.read_text("utf-8")
    configure(settings, stamps | {"message.timestamp.after.max.ms": "3600000"}, settings.account_events)

    good = good_messages(account_scene)
    future = make.debit(event_id="2099", occurred_at_ms=YEAR_2099_MS)
    late = make.debit(event_id="1970")
    send(settings, good[: EVENTS // 3])
    with pytest.raises(InvalidTimestampError):
        stamped(settings, future, YEAR_2099_MS)
    stamped(settings, future, int(time.time() * 1000))
    stamped(settings, late, 0)
    send(settings, good[EVENTS // 3 :])
    run_worker(settings, tmp_path / "worker.log")
    left = left_in_kafka(settings, account_scene.model)
    letters = [msgspec.json.decode(letter)["reason"] for letter in left.dead_letters.values()]
    assert ["bad_timestamp", "time_in_future"] == sorted(letters)
    events = {msgspec.json.decode(alert)["event_id"] for alert in left.alerts.values()}
    assert {msgspec.json.decode(alert)["event_id"] for alert in run.clean.alerts.values()} == events
    for tp, expected in run.clean.rows.items():
        # A row of campaigns has events of several partitions, which mix otherwise from run to run.
        if tp[0] != CAMPAIGNS.name:
            assert without_positions(expected) == without_positions(left.rows[tp])


def stamped(settings: Settings, event: dict[str, Any], timestamp_ms: int) -> None:
    """Put an event on the input, written at a time of its producer's clock."""
    producer = KafkaProducer(bootstrap_servers=list(settings.bootstrap))
    try:
        topic, value, key = settings.account_events, make.message(event), make.key(event)
        producer.send(topic, value, key=key, partition=0, timestamp_ms=timestamp_ms).get(30)
    finally:
        producer.close()


def test_nothing_of_a_message_is_in_the_log(run: Run, account_scene: Scene) -> None:
    assert "partition taken" in run.log
    table = pa.concat_tables(account_scene.events)
    texts = {text for name in ("account", "wallet", "event_id", "source") for text in table[name].to_pylist() if text}
    assert len(texts) > EVENTS
    secrets = {MARK, base64.b64encode(MARK.encode()).decode()[:-4], *texts}
    assert [] == [text for text in secrets if len(text) > 5 and text in run.log]


@pytest.mark.alone
def test_a_flood_of_bad_messages_delays_no_event_beside_it(account_scene: Scene, tmp_path: Path) -> None:
    settings = replace(account_scene, events=()).fresh("flood")
    bad: list[Message] = [(b"0" * 16, b"{", 0)] * FLOOD
    first, *good = good_messages(account_scene)[: 3 * GOOD_PER_S]
    send(settings, [first])
    worker, progress = WorkerProcess(settings, tmp_path / "worker.log"), Progress(settings)
    try:
        wait_until(progress.finished, "it is warm", worker)
        flood = pour(settings, good, bad, progress, bad_per_s=FLOOD_PER_S)
        samples = scrape(worker.port())
        assert 0 == worker.stop()
    finally:
        worker.close()
        progress.close()
    lags = [flood.worst_lag_s(partition) for partition in range(settings.partitions)]
    alone_s = max(flood.worst_lag_s(partition, alone=True) for partition in range(settings.partitions))
    print(
        f"{FLOOD} bad messages: good events were committed at most {max(lags):.2f} s late, {alone_s:.2f} s without them"
    )
    # Two test processes beside brokers: where the feed alone takes half a second, twice as long as alone.
    assert max(LAG_S, 2 * alone_s) > max(lags), lags
    assert 1 + len(good) == total(samples, "kozamori_events_total", stage="account")
    assert FLOOD == total(samples, "kozamori_dead_letters_total", reason="malformed_json")
    assert {"0": FLOOD} == by_label(samples, "kozamori_dead_letters_by_partition_total", "partition")
    (logged,) = (line for line in worker.lines() if line.get("event") == "too many dead letters")
    assert ("error", "account", 0, 1) == tuple(logged[name] for name in ("level", "stage", "partition", "keys"))
    assert settings.dead_letter_limit_per_min < int(str(logged["dead_letters"])) <= int(str(logged["records"]))
    letters = left_in_kafka(settings, account_scene.model).dead_letters
    assert {f"dl-{settings.account_events}-{partition}-{offset}" for partition, offset in flood.bad} == letters.keys()
    assert {""} == {decode_dead_letter(one).payload_base64 for one in letters.values()}
