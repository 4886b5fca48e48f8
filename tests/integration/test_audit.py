"""The audit on a real Kafka: many writers, one killed in the middle, a topic that somebody tampers with."""

import json
import secrets
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from kafka import KafkaProducer
from support.deployments import recreate
from support.shared_kafka import Cluster

from detector.cli.main import cli, run
from detector.contract.audit import parse_head
from detector.errors import UserError
from detector.kafka.audit import entries_in, messages_of, note
from detector.kafka.topics import create, delete_before
from detector.kafka.transactions import sole_producer
from detector.settings import Settings

WRITERS = 4


@pytest.fixture
def settings(kafka: Cluster, tmp_path: Path) -> Settings:
    (tmp_path / "key").write_bytes(b"a key of sixteen bytes and more\n")
    prefix, key = f"{secrets.token_hex(4)}.", str(tmp_path / "key")
    found = Settings(bootstrap=(kafka.bootstrap,), prefix=prefix, partitions=1, audit_key_file=key)
    create(found, 1, 1)
    return found


def command(settings: Settings, *words: str, keyed: bool = True) -> list[str]:
    key = ["--audit-key-file", settings.audit_key_file] if keyed else []
    return [*words, "--bootstrap", settings.bootstrap[0], "--prefix", settings.prefix, *key]


def verified(settings: Settings, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, Any]:
    """What `audit verify` says; its exit status says whether there are faults."""
    capsys.readouterr()
    status = run(cli, command(settings, "audit", "verify", "--json", *options))
    said: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert status == (1 if said["faults"] else 0)
    return said


def test_many_writers_at_once_make_one_chain_and_none_is_left_out(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    with ThreadPoolExecutor(WRITERS) as pool:
        told = [{"group": "g", "to": str(number)} for number in range(WRITERS)]
        list(pool.map(lambda parameters: note(settings, "state reset", parameters), told))
    entries = entries_in(messages_of(settings))
    assert sorted(str(one) for one in told) == sorted(str(one.parameters) for one in entries)
    said = verified(settings, capsys)
    assert (WRITERS, [], 0) == (said["entries"], said["faults"], said["proven_to"])
    assert 0 == run(cli, command(settings, "audit", "show", keyed=False))
    assert WRITERS == capsys.readouterr().out.count("state reset: group=g to=")


def test_a_start_is_noted_where_it_differs_from_the_group_s_last_alone(settings: Settings) -> None:
    blue, green = {"group": "blue", "model": "1"}, {"group": "green", "model": "1"}
    for parameters in (blue, blue, green, blue | {"model": "2"}, blue | {"model": "2"}, green, blue):
        note(settings, "worker started", parameters, repeats=False)
    expected = [blue, green, blue | {"model": "2"}, blue]
    assert expected == [entry.parameters for entry in entries_in(messages_of(settings))]


def test_what_a_killed_writer_left_open_is_no_entry_and_holds_up_nobody(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    note(settings, "state reset", {"group": "g"})
    (first,) = messages_of(settings)
    with sole_producer(settings, settings.audit, "") as killed:
        killed.begin_transaction()
        killed.send(settings.audit, first).get(30)
        note(settings, "state reset", {"group": "g"})
    assert (2, []) == (verified(settings, capsys)["entries"], verified(settings, capsys)["faults"])


def test_a_change_without_a_key_is_refused_where_changes_are_noted(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    keyless = settings.model_copy(update={"audit_key_file": ""})
    assert note(keyless, "state reset", {"group": "g"}) is None
    note(settings, "state reset", {"group": "g"})
    with pytest.raises(UserError, match="keeps an audit, and setting audit_key_file is empty"):
        note(keyless, "state reset", {"group": "g"})
    assert 2 == run(cli, command(settings, "state", "reset", "--yes", keyed=False))
    assert "keeps an audit" in capsys.readouterr().err


def test_what_is_done_to_the_topic_itself_is_found(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    for number in range(3):
        note(settings, "state reset", {"group": str(number)})
    head = str(verified(settings, capsys)["head"])
    assert 3 == parse_head(head).count
    messages = messages_of(settings)
    delete_before(settings, {(settings.audit, 0): 2})
    (lost,) = verified(settings, capsys, "--head", head)["faults"]
    assert "1 entries before entry 1 (message 0) are missing" == lost
    # The last entry is only lost with the topic: a new one of this name has another id.
    recreate(settings, settings.audit)
    assert [] == verified(settings, capsys)["faults"]
    assert ["the last entries are missing: 3 were there before"] == verified(settings, capsys, "--head", head)["faults"]
    producer = KafkaProducer(bootstrap_servers=list(settings.bootstrap))
    for message in messages[:2]:
        producer.send(settings.audit, message).get(30)
    producer.close()
    faults = verified(settings, capsys, "--head", head)["faults"]
    assert ["re-created, or copied"] * 2 == [fault.rpartition("it was ")[2] for fault in faults[:2]]
    assert 3 == len(faults)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--head", "17"), "expected what `kozamori audit verify` printed"),
        (("--former-key", "01"), "expected its id and its file"),
        (("--former-key", "01=nowhere"), "cannot be read"),
        (("--audit-key-id", "key"), "1 to 8 hex digits"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(
    settings: Settings, capsys: pytest.CaptureFixture[str], options: tuple[str, ...], said: str
) -> None:
    assert 2 == run(cli, command(settings, "audit", "verify", *options))
    error = capsys.readouterr().err
    assert said in error
    assert 1 == error.count("\n")
