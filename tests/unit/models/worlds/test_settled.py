"""The settled world: everybody has long been known, and a thief differs by what is usual for the account."""

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pytest

from models.worlds.settled.plans import PLANS
from models.worlds.settled.play import play
from models.worlds.world import EVENTS, LABELS, Life, Size
from producers.batches import to_batches

SMALL = Size(accounts=1_500, days=40, judged_days=20, cases=80, seed=3)
EVENTS_OF_A_BATCH = 50_000


@cache
def life(size: Size = SMALL) -> Life:
    return play(size)


def frame(table: pa.Table) -> pd.DataFrame:
    """The table with texts instead of dictionaries, whose order means nothing."""
    plain = [pa.string() if pa.types.is_dictionary(field.type) else field.type for field in table.schema]
    texts: pd.DataFrame = table.cast(pa.schema(list(zip(table.column_names, plain, strict=True)))).to_pandas()
    return texts


def test_the_same_size_gives_the_same_bytes_and_another_seed_others() -> None:
    again, other = play(SMALL), play(Size(accounts=1_500, days=40, judged_days=20, cases=80, seed=4))
    for first, second, third in zip(life(), again, other, strict=True):
        assert bytes_of(first) == bytes_of(second)
        assert bytes_of(first) != bytes_of(third)


def bytes_of(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def test_all_events_are_valid_under_the_contract() -> None:
    for table in (life().history, life().judged):
        assert table.schema == EVENTS
        assert table.num_rows == sum(batch.size for batch in to_batches(table, EVENTS_OF_A_BATCH, which="all"))
    assert life().labels.schema == LABELS


def test_ids_are_unique_over_the_whole_life() -> None:
    ids = [*life().history["event_id"].to_pylist(), *life().judged["event_id"].to_pylist()]
    assert len(ids) == len(set(ids))


def test_the_judged_days_follow_the_history() -> None:
    assert frame(life().history)["occurred_at_ms"].max() < frame(life().judged)["occurred_at_ms"].min()


def test_the_history_is_the_same_without_thieves_so_it_holds_none() -> None:
    without = play(Size(accounts=1_500, days=40, judged_days=20, cases=0, seed=3))
    pd.testing.assert_frame_equal(frame(without.history), frame(life().history))
    assert 0 == without.labels.num_rows


def test_the_judged_days_without_labelled_events_are_as_without_thieves() -> None:
    """Whatever a thief does is labelled; of owners' events only debits and payments change: a thief used up the cap."""
    without = play(Size(accounts=1_500, days=40, judged_days=20, cases=0, seed=3))
    kinds = ["open", "link", "unlink", "transfer", "payout"]
    columns = ["kind", "occurred_at_ms", "wallet", "source", "amount_yen"]
    expected, found = frame(without.judged), honest(life())
    assert sorted_rows(expected[expected["kind"].isin(kinds)][columns]) == sorted_rows(
        found[found["kind"].isin(kinds)][columns]
    )


def honest(played: Life) -> pd.DataFrame:
    judged = frame(played.judged)
    return judged[~judged["event_id"].isin(played.labels["event_id"].to_pylist())]


def sorted_rows(rows: pd.DataFrame) -> list[tuple[Any, ...]]:
    return sorted(rows.astype(str).itertuples(index=False, name=None))


def test_an_account_has_twenty_to_forty_events_in_76_days() -> None:
    events = sum(int(frame(table)["account"].notna().sum()) for table in (life().history, life().judged))
    assert 20 < events / SMALL.accounts * 76 / (SMALL.days + SMALL.judged_days) < 40


def test_nearly_all_accounts_of_the_judged_days_were_seen_before() -> None:
    known = set(frame(life().history)["account"].dropna())
    assert np.mean([account in known for account in frame(life().judged)["account"].dropna().unique()]) > 0.95


def test_each_case_has_a_debit_of_its_victim_and_every_typology_its_cases() -> None:
    labels = frame(life().labels)
    assert {plan.typology for plan in PLANS} == set(labels["typology"])
    assert 80 == labels.loc[labels["stage"] == "debit", "case_id"].nunique() == labels["case_id"].nunique()


@pytest.mark.parametrize("typology", ["T8", "T9", "T11", "T12"])
def test_a_taken_over_wallet_was_opened_more_than_a_year_before(typology: str) -> None:
    labels, judged = frame(life().labels), frame(life().judged)
    debits = judged.merge(labels.query("typology == @typology and stage == 'debit'"), on="event_id")
    age_days = (debits["occurred_at_ms"] - debits["wallet_opened_at_ms"]) / 86_400_000
    assert age_days.min() > 365


def test_sums_of_thieves_are_everyday_for_others_and_unusual_for_the_account() -> None:
    """The world's promise: at one false debit in a hundred, the account's own z-score finds at least twice as much."""
    by_amount, by_account = found_at_one_percent()
    assert by_amount < 0.15
    assert by_account > 2 * by_amount


def found_at_one_percent() -> tuple[float, float]:
    """Shares of thieves' debits found by a threshold on the amount and on the account's z-score of its ln."""
    debits = [part[part["kind"] == "debit"] for part in (frame(life().history), frame(life().judged))]
    own = np.log(debits[0]["amount_yen"]).groupby(debits[0]["account"]).agg(["mean", "std", "count"])
    # A habit takes some debits to be known; 0.3 (ln) keeps those who always charge the same from dividing by zero.
    own = own[own["count"] >= 5]
    judged = debits[1][debits[1]["account"].isin(own.index)]
    habit = own.loc[judged["account"]]
    ln = np.log(judged["amount_yen"].to_numpy())
    thief = judged["event_id"].isin(life().labels["event_id"].to_pylist()).to_numpy()
    return share_found(ln, thief), share_found((ln - habit["mean"].to_numpy()) / (habit["std"].to_numpy() + 0.3), thief)


def share_found(score: npt.NDArray[np.float64], thief: npt.NDArray[np.bool_]) -> float:
    return float(np.mean(score[thief] > np.quantile(score[~thief], 0.99)))
