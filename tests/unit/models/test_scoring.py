"""Scores of a log in slices: what the chain says, whatever the slices are."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from support.histories import TTL_MS, N, history, model

from detector.contract.batch import Batch
from detector.contract.vocabulary import DEBIT, KINDS
from detector.core.chains import WALLET_CHAIN
from detector.core.memory import MemoryRun
from detector.core.topology import topology_of
from models.scoring import Scoring, score_schema

TOPICS = ("account-events", "wallet-events")


def table_of(batch: Batch) -> pa.Table:
    return pa.table(
        {
            "event_id": [str(i) for i in batch.event_id.tolist()],
            "kind": [KINDS[kind] for kind in batch.kind.tolist()],
            "occurred_at_ms": batch.occurred_at_ms,
            "account": [str(i) if i else None for i in batch.account.tolist()],
            "wallet": [str(i) for i in batch.wallet.tolist()],
        }
    )


def scored(rows: int, batch_size: int, *, features: bool = False, budget: float = 30) -> tuple[Scoring, pa.Table]:
    """The scores of the history in slices of `rows`, each in batches of `batch_size`."""
    whole = history()
    table = table_of(whole)
    scoring = Scoring(model(budget), WALLET_CHAIN, ttl_ms=TTL_MS, topics=TOPICS, features=features)

    def batches(begin: int, end: int) -> Iterator[Batch]:
        for start in range(begin, end, batch_size):
            part = whole.select(slice(start, min(end, start + batch_size)))
            yield part._replace(record=(part.record - begin).astype(np.int32))

    parts = [
        scoring.score(table.slice(begin, rows), batches(begin, min(whole.size, begin + rows)))
        for begin in range(0, whole.size, rows)
    ]
    return scoring, pa.concat_tables(parts)


@pytest.mark.parametrize(("rows", "batch_size"), [(500, 500), (999, 64), (N * 2, 1)])
def test_slices_and_batches_do_not_matter(rows: int, batch_size: int) -> None:
    assert content(scored(N * 2, N * 2, features=True)[1]) == content(scored(rows, batch_size, features=True)[1])


def content(table: pa.Table) -> dict[str, object]:
    """Columns as bytes where NaN would not equal itself, as values elsewhere."""
    return {
        field.name: table[field.name].to_numpy().tobytes()
        if pa.types.is_floating(field.type)
        else table[field.name].to_pylist()
        for field in table.schema
    }


def test_features_and_scores_are_those_of_the_chain_bit_for_bit() -> None:
    outcome = MemoryRun(topology_of(WALLET_CHAIN), model(), ttl_ms=TTL_MS).process(history()).last
    batch, X = outcome.events.batch, outcome.events.X
    assert outcome.judgement is not None
    own = np.flatnonzero((outcome.status <= 1) & (batch.role == 0))
    found = scored(N, N, features=True)[1].take(pa.array(batch.record[own]))
    told = np.stack([found[name].to_numpy() for name in WALLET_CHAIN.feature_names], axis=1)
    assert X[own].tobytes() == told.tobytes()
    for place, detector in enumerate(model().detectors):
        np.testing.assert_array_equal(outcome.judgement.scores[own, place], found[f"score_{detector.name}"].to_numpy())
    assert ["applied"] * len(own) == found["status"].to_pylist()
    assert outcome.judgement.alert[own].tolist() == found["alert"].to_pylist()


def test_an_event_delivered_again_is_a_duplicate_without_a_score() -> None:
    scoring, found = scored(N, N)
    again = [i for i, status in enumerate(found["status"].to_pylist()) if status == "duplicate"]
    ids = found["event_id"].to_pylist()
    assert again
    assert all(ids[i] == ids[i - 1] for i in again)
    assert len(set(ids)) == len(ids) - len(again)
    assert (len(ids), len(again)) == (scoring.events, scoring.duplicates)
    assert {None} == {found[name][i].as_py() for i in again for name in ("alarm", "score", "detector", "case_id")}


def test_an_infinite_budget_alerts_on_everything_scored() -> None:
    scoring, found = scored(N, N, budget=1e9)
    assert 0 < scoring.scored == scoring.alerts
    assert found["alarm"].is_valid() == found["alert"]


def test_case_ids_name_the_row_of_the_first_alert() -> None:
    found = scored(700, 64)[1]
    alerts = [i for i, alert in enumerate(found["alert"].to_pylist()) if alert]
    firsts = [i for i in alerts if found["update"][i].as_py() == 0]
    expected = [f"account+wallet-account-events-0-{i}" for i in firsts]
    assert expected
    assert expected == [found["case_id"][i].as_py() for i in firsts]


def test_a_table_without_accounts_has_them_absent() -> None:
    wallets = history()
    wallets = wallets.select(wallets.kind > DEBIT)
    wallets = wallets._replace(record=np.arange(wallets.size, dtype=np.int32))
    scoring = Scoring(model(), WALLET_CHAIN, ttl_ms=TTL_MS, topics=TOPICS)
    found = scoring.score(table_of(wallets).drop_columns(["account"]), [wallets])
    assert wallets.size == found["account"].null_count
    assert (wallets.size, 0, 0) == (scoring.events, scoring.scored, scoring.alerts)
    assert score_schema(model(), features=False) == found.schema
