"""Scores of a log in slices: what the chain says, whatever the slices are."""

from collections.abc import Iterator
from functools import cache

import numpy as np
import pyarrow as pa
import pytest
from support.models import FIRST_DAY, make_batch

from detector.artifact import pack, unpack
from detector.contract.batch import Batch
from detector.contract.vocabulary import DEBIT, KINDS, LINK, PAYMENT, PIN4, TRANSFER
from detector.core.chain import ChainRun
from detector.core.chains import WALLET_CHAIN
from detector.core.policy import Model
from models.datasets import DAY_MS, JST_MS, collect
from models.scoring import Scoring, score_schema
from models.training import Plan, train

TTL_MS = 400 * DAY_MS
TOPICS = ("account-events", "wallet-events")
N = 4000
DAYS = 6


def history(seed: int = 1) -> Batch:
    """Links, debits, payments and transfers of forty accounts and wallets over some days; some come twice."""
    rng = np.random.default_rng(seed)
    kind = rng.choice([LINK, DEBIT, DEBIT, PAYMENT, TRANSFER], N).astype(np.int8)
    of_account = kind <= DEBIT
    batch = make_batch(
        N,
        offset=np.arange(N),
        origin_offset=np.arange(N),
        record=np.arange(N),
        kind=kind,
        occurred_at_ms=FIRST_DAY * DAY_MS - JST_MS + np.arange(N) * (DAYS * DAY_MS // N),
        wallet_opened_at_ms=np.full(N, FIRST_DAY * DAY_MS - 30 * DAY_MS),
        event_id=1 + np.arange(N),
        account=np.where(of_account, rng.integers(1, 41, N), 0),
        wallet=rng.integers(101, 141, N),
        counterparty=np.where(kind == TRANSFER, rng.integers(101, 141, N), 0),
        bank=np.where(of_account, 116, -1),
        auth=np.where(kind == LINK, PIN4, -1),
        amount_yen=np.where(kind == LINK, 0, 1000 * rng.integers(1, 90, N)),
    )
    again = np.flatnonzero((rng.random(N) < 0.02) & of_account)[:-1]
    where = np.sort(np.concatenate((np.arange(N), again + 0.5)))
    twice = batch.select(where.astype(np.int64))
    places = np.arange(len(where))
    return twice._replace(offset=places, origin_offset=places, record=places.astype(np.int32))


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


@cache
def model(budget: float = 30) -> Model:
    data = collect([history()], WALLET_CHAIN, TTL_MS)
    return unpack(pack(train(data, WALLET_CHAIN, Plan(budget, trees=20), "0" * 64)), WALLET_CHAIN)


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
    batch, outcome = ChainRun(WALLET_CHAIN, model(), ttl_ms=TTL_MS).process(history())
    assert outcome.judgement is not None
    own = np.flatnonzero((outcome.status <= 1) & (batch.role == 0))
    found = scored(N, N, features=True)[1].take(pa.array(batch.record[own]))
    X = np.stack([found[name].to_numpy() for name in WALLET_CHAIN.feature_names], axis=1)
    assert outcome.X[own].tobytes() == X.tobytes()
    assert outcome.judgement.scores[own, 0].tobytes() == found["score_forest"].to_numpy().tobytes()
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
