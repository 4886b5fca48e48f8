"""`kozamori export`: what was produced from a file comes back as that file, and trains the same model."""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner
from support.deployments import new_deployment, send
from support.hops import simulated
from support.shared_kafka import Cluster

from detector.artifact import ARRAYS, pack
from detector.cli.main import cli
from detector.contract.alerts import Position
from detector.contract.redrives import Redriven, encode_redrive
from detector.core.chains import CHAINS
from detector.errors import UserError
from detector.kafka.security import client_options
from detector.kafka.topics import inspect
from detector.settings import Settings
from models.datasets import collect
from models.training import Plan, train
from producers.batches import to_batches
from producers.files import read_tables, write_events
from producers.publish import publish

DAY_MS = 86_400_000


def exported(settings: Settings, path: Path, *options: str) -> dict[str, Any]:
    where = ["--bootstrap", settings.bootstrap[0], "--prefix", settings.prefix, "--json"]
    result = CliRunner().invoke(cli, ["export", "-o", str(path), *where, *options], standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def produced(settings: Settings, path: Path) -> None:
    assert publish(read_tables(path), client_options(settings), settings.prefix).complete


def arrays_of(path: Path) -> bytes:
    batches = (batch for table in read_tables(path) for batch in to_batches(table, 10**6, which="all"))
    data = collect(batches, CHAINS[-1], 400 * DAY_MS)
    draft = train(data, CHAINS[-1], Plan(budget=500.0, trees=20, max_samples=64), "0" * 64)
    return pack(draft)[ARRAYS]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Events in order of event time and then of ids."""
    table = simulated(8_000)
    path = tmp_path_factory.mktemp("file") / "events.parquet"
    write_events(path, [table.sort_by([("occurred_at_ms", "ascending"), ("event_id", "ascending")])])
    return path


def rows(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = pa.concat_tables(
        [table.cast(pa.schema([(f.name, f.type.value_type if pa.types.is_dictionary(f.type) else f.type)
                               for f in table.schema])) for table in read_tables(path)]
    ).to_pylist()  # fmt: skip
    return found


def test_what_was_produced_comes_back_in_order_and_trains_the_same_model(
    kafka: Cluster, file: Path, tmp_path: Path
) -> None:
    settings, again = new_deployment(kafka.bootstrap, partitions=3), new_deployment(kafka.bootstrap, partitions=2)
    produced(settings, file)
    send(settings, settings.account_events, {0: [(b"0" * 16, b"{")]})
    first, second = tmp_path / "first.parquet", tmp_path / "second.parquet"
    assert {"file": str(first), "events": len(rows(file)), "unreadable": 1} == exported(settings, first)
    assert rows(file) == rows(first)
    assert arrays_of(file) == arrays_of(first)
    produced(again, first)
    exported(again, second)
    assert first.read_bytes() == second.read_bytes()

    day = tmp_path / "day.jsonl"
    exported(settings, day, "--from", "2020-09-02", "--until", "2020-09-03T12:00")
    begin = 1_598_972_400_000  # midnight in Japan
    expected = [row for row in rows(file) if begin <= row["occurred_at_ms"] < begin + 3 * DAY_MS // 2]
    assert expected == rows(day)
    assert 100 < len(expected) < len(rows(file))
    with pytest.raises(UserError, match="have no events of that time"):
        exported(settings, tmp_path / "none.parquet", "--from", "2021-09-02")
    assert not (tmp_path / "none.parquet").exists()

    topic = settings.account_events
    note = Redriven(Position(topic, 1, 3), inspect(settings)[topic].topic_id, Position(topic, 1, 9_999))
    send(settings, settings.redrives, {0: [(b"letter", encode_redrive(note))]})
    found = exported(settings, tmp_path / "redriven.parquet")
    assert len(rows(file)) - 1 == found["events"], "a message counts where it entered its topic again"
