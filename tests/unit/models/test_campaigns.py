"""When banks would be told of a log's campaigns, and which of them fraud told."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.chains import draft_of, model_of
from support.hops import simulated
from support.source_logs import TOPICS

from detector.artifact import write_model
from detector.cli.main import cli, run
from detector.contract.batch import Batch
from detector.core.chains import SOURCE_CHAIN
from detector.jst import DAY_MS
from models.backtest.labels import NO_CASE, Labels
from models.campaigns import Told, campaigns_of
from producers.batches import to_batches

EVENTS = 3_000


def log() -> Iterator[Batch]:
    return to_batches(simulated(EVENTS), 500, which="all")


def labels(*, all_of_them: bool) -> Labels:
    ids = np.unique(np.concatenate([batch.event_id for batch in log()])) if all_of_them else np.empty(0, np.uint64)
    return Labels(ids, np.full(len(ids), NO_CASE, np.int32), (), ())


def told(named: Labels, warm_up: int = 0) -> Told:
    batches = list(log())
    return campaigns_of(
        batches[warm_up:], model_of(SOURCE_CHAIN), named, ttl_ms=400 * DAY_MS, topics=TOPICS, warm_up=batches[:warm_up]
    )


def test_a_campaign_is_false_where_none_of_the_events_that_told_it_is_labelled() -> None:
    false, true = told(labels(all_of_them=False)), told(labels(all_of_them=True))
    assert [one.first for one in false.campaigns] == [one.first for one in true.campaigns]
    assert ({False}, {True}) == ({one.true for one in false.campaigns}, {one.true for one in true.campaigns})
    assert pytest.approx(30 * len(false.campaigns) / false.days) == false.false_a_month
    assert 0 == true.false_a_month
    for one in true.campaigns:
        assert one.first.campaign_id == one.last.campaign_id
        assert 0 <= one.seconds < EVENTS * 86_400
        assert one.last.yen_taken >= one.first.yen_taken
        if one.first.first_yen_at_ms is not None:
            assert one.since_first_yen_s is not None
            assert one.since_first_yen_s >= 0


def test_what_is_told_during_the_warm_up_is_not_told_again() -> None:
    whole, rest = told(labels(all_of_them=False)), told(labels(all_of_them=False), warm_up=4)
    assert 0 < len(rest.campaigns) < len(whole.campaigns)
    names = [one.first.campaign_id for one in whole.campaigns]
    assert {one.first.campaign_id for one in rest.campaigns} <= set(names)


def test_the_command_shows_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_model(tmp_path / "model", draft_of(SOURCE_CHAIN))
    pq.write_table(simulated(EVENTS), tmp_path / "events.parquet")
    command = ["campaigns", str(tmp_path / "events.parquet"), "--model", str(tmp_path / "model")]
    assert 0 == run(cli, [*command, "--json"])
    found = json.loads(capsys.readouterr().out)
    expected = told(labels(all_of_them=False)).figures()
    assert expected == found
    assert 0 == run(cli, command)
    shown = capsys.readouterr().out
    assert f"{len(found['campaigns'])} campaigns in {found['days']:.0f} days, 0 of them fraud" in shown
