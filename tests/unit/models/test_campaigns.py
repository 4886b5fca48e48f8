"""When banks would be told of a log's campaigns, and which of them fraud told."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from support.chains import draft_of, model_of
from support.hops import simulated
from support.models import make_batch
from support.source_logs import TOPICS

from detector.artifact import write_model
from detector.cli.main import cli, run
from detector.contract.batch import Batch
from detector.contract.vocabulary import LINK, OK, OPEN
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


@pytest.mark.parametrize("fraud", [True, False])
@pytest.mark.parametrize(("kind", "pattern"), [(OPEN, "enrolment"), (LINK, "links_at_bank")])
def test_wallets_opened_and_linked_tell_campaigns_of_labelled_fraud(kind: int, pattern: str, *, fraud: bool) -> None:
    n = 60
    number = np.arange(n)
    batch = make_batch(
        n,
        offset=number,
        origin_offset=number,
        record=number,
        event_id=number + 1,
        kind=np.full(n, kind),
        occurred_at_ms=1_598_886_300_000 + number * 60_000,
        source=np.full(n, 9) if kind == OPEN else number + 1,
        bank=np.full(n, -1 if kind == OPEN else 116),
        service=np.zeros(n, np.int64),
        wallet=number + 50,
        account=np.zeros(n, np.int64) if kind == OPEN else number + 500,
        result=np.full(n, OK),
        wallet_opened_at_ms=1_598_886_300_000 + number * 60_000 - 5_000,
    )
    labelled = Labels(batch.event_id[:: 1 if fraud else 5], np.full(n if fraud else n // 5, NO_CASE, np.int32), (), ())
    quiet = replace(model_of(SOURCE_CHAIN), budget=1e-9)
    found = campaigns_of([batch], quiet, labelled, ttl_ms=400 * DAY_MS, topics=TOPICS).campaigns
    (one,) = [one for one in found if pattern in one.first.patterns]
    assert fraud == one.true
    assert pytest.approx(1.0 if fraud else 0.2, abs=0.1) == one.fraud


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
