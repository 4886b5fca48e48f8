"""Messages that an older release refused enter their topic again: each counts once, whatever is asked how often."""

import json
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from kafka import KafkaProducer
from support.deployments import commit
from support.events import debit, key, message
from support.scenes import Scene
from support.scrapes import scrape, total
from support.workers import WorkerProcess, wait_until

from detector.cli.main import cli, run
from detector.contract.alerts import Position
from detector.contract.codec import MAX_AHEAD_MS
from detector.contract.dead_letters import Rejected, build_dead_letter, encode_dead_letter
from detector.contract.redrives import HEADER
from detector.errors import UserError
from detector.kafka.reading import records_of
from detector.kafka.topics import delete_before
from detector.ops.redrive import redrive
from detector.ops.reset import reset
from detector.settings import Settings

GOOD = [debit(event_id=f"good-{number}", account=f"{number:016x}") for number in range(20)]
#: An event for this release, of which an older one said that it is none.
REFUSED = debit(event_id="refused", account="ab" * 8)
#: So far ahead of its time that it is none; a redrive after this finds an event.
AHEAD_S = 5.0


def send(settings: Settings, *values: bytes, keys: list[bytes]) -> list[Position]:
    producer = KafkaProducer(bootstrap_servers=list(settings.bootstrap))
    try:
        futures = [
            producer.send(settings.account_events, value, key=one, headers=[("trace", b"7")])
            for value, one in zip(values, keys, strict=True)
        ]
        return [Position(at.topic, at.partition, at.offset) for at in (future.get(30) for future in futures)]
    finally:
        producer.close()


def write_letter(settings: Settings, value: bytes, reason: str, source: Position) -> str:
    """A dead letter as a worker of an older release wrote it; its id."""
    letter = build_dead_letter(value, Rejected(0, reason, "an older release"), source, int(time.time() * 1000))
    producer = KafkaProducer(bootstrap_servers=list(settings.bootstrap))
    producer.send(settings.dead_letters, encode_dead_letter(letter), partition=0).get(30)
    producer.close()
    return letter.dead_letter_id


def flags(settings: Settings) -> list[str]:
    return ["--bootstrap", settings.bootstrap[0], "--prefix", settings.prefix]


@pytest.fixture
def settings(account_scene: Scene) -> Settings:
    return replace(account_scene, events=()).fresh("redrive")


def counted(worker: WorkerProcess) -> float:
    return total(scrape(worker.port()), "kozamori_events_total", stage="account")


@dataclass
class Contest:
    """What several commands at the same time came to."""

    counts: list[dict[str, int]]
    failures: list[str]


def contend(settings: Settings, now_ms: int) -> Contest:
    """Three operators redrive everything, three times each."""
    found = Contest([], [])

    def ask() -> None:
        for _ in range(3):
            try:
                found.counts.append(redrive(settings, now_ms).counts)
            except UserError as error:
                found.failures.append(str(error))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_what_is_redriven_counts_once_however_often_and_by_how_many_and_after_a_reset(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    events = [*GOOD, REFUSED]
    positions = send(settings, *map(message, events), b"{", keys=[*map(key, events), b"0" * 16])
    letter = write_letter(settings, message(REFUSED), "unknown_kind", positions[-2])
    broken = write_letter(settings, b"{", "malformed_json", positions[-1])
    now_ms = int(time.time() * 1000)
    assert {"not committed": 2} == redrive(settings, now_ms).counts, "a worker may read them again"
    commit(settings, 100)
    contest = contend(settings, now_ms)
    assert all("has begun meanwhile" in text for text in contest.failures), contest
    assert {"redriven before": 1, "no event": 1} == redrive(settings, now_ms).counts
    again = [record for record in records_of(settings, settings.account_events) if dict(record.headers).get(HEADER)]
    assert [letter.encode()] == [dict(record.headers)[HEADER] for record in again]
    assert [(message(REFUSED), key(REFUSED), b"7")] == [
        (record.value, record.key, dict(record.headers)["trace"]) for record in again
    ]

    reset(settings, "earliest")
    assert {"redriven before": 1, "of a state before": 1} == redrive(settings, now_ms).counts
    worker = WorkerProcess(settings, tmp_path / "worker.log")
    try:
        settled = {"redriven before": 1, "no event": 1}
        wait_until(lambda: redrive(settings, now_ms).counts == settled, "all is committed", worker)
        assert len(events) == counted(worker), "the original counts again, or the redriven one does not"
        redrive_before_its_time(settings, worker, capsys)
        assert len(events) + 1 == counted(worker)
        assert 0 == worker.stop()
    finally:
        worker.close()

    export = ["export", *flags(settings), "-o", str(tmp_path / "events.jsonl"), "--json"]
    assert {"events": len(events) + 1, "unreadable": 2} == {
        name: value for name, value in json.loads(answer(export, capsys)).items() if name != "file"
    }
    shadow = settings.model_copy(update={"prefix": f"shadow-{settings.prefix}", "input_prefix": settings.prefix})
    assert settings.redrives == shadow.redrives
    with pytest.raises(UserError, match="redrive there, without --input-prefix"):
        redrive(shadow, now_ms)
    shown = json.loads(answer(["dead-letters", "show", broken, *flags(settings), "--json"], capsys))
    assert ("open", "{", None) == (shown["status"], shown["message"]["value"], shown["message"]["event"])
    assert "redriven" in answer(["dead-letters", "show", letter, *flags(settings)], capsys)
    delete_before(settings, {(one.topic, one.partition): one.offset + 1 for one in positions[-1:]})
    assert "retention has passed" in answer(["dead-letters", "show", broken, *flags(settings)], capsys)
    assert {"redriven before": 2, "gone": 1} == redrive(settings, now_ms).counts
    assert 2 == run(cli, ["dead-letters", "show", "dl-none-0-0", *flags(settings)])
    assert "no dead letter has the id dl-none-0-0" in capsys.readouterr().err


def redrive_before_its_time(settings: Settings, worker: WorkerProcess, capsys: pytest.CaptureFixture[str]) -> None:
    """An event that came more than a day too early: a running worker refuses it, and takes it when it is redriven."""
    before = counted(worker)
    early = debit(event_id="early bird", account="cd" * 8, occurred_at_ms=_ahead_ms())
    send(settings, message(early), keys=[key(early)])
    listing = ["dead-letters", "list", *flags(settings), "--since", "1h", "--json"]
    wait_until(lambda: "time_in_future" in answer(listing, capsys), "it has a letter", worker)
    groups = {group["reason"]: group for group in json.loads(answer(listing, capsys))["groups"]}
    assert {"malformed_json": 1, "time_in_future": 1, "unknown_kind": 0} == {
        reason: group["open"] for reason, group in groups.items()
    }
    assert before == counted(worker)
    letter = groups["time_in_future"]["last_id"]
    command = ["dead-letters", "redrive", letter, *flags(settings), "--deployment", settings.deployment, "--json"]
    wait_until(lambda: _counts(command, capsys) == {"redriven": 1}, "its time has come", worker)
    assert before == counted(worker), "a plan changed something"
    assert {"redriven": 1} == _counts([*command, "--yes"], capsys)
    assert {"redriven before": 1} == _counts([*command, "--yes"], capsys)
    wait_until(lambda: counted(worker) > before, "it is processed", worker)


def _ahead_ms() -> int:
    return int((time.time() + AHEAD_S) * 1000) + MAX_AHEAD_MS


def answer(command: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    assert 0 == run(cli, command)
    return capsys.readouterr().out


def _counts(command: list[str], capsys: pytest.CaptureFixture[str]) -> dict[str, int]:
    return dict(json.loads(answer(command, capsys))["counts"])
