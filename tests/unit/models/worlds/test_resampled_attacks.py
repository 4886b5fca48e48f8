"""Attacks made of a history's own sequences: labelled whole, of every typology that its kinds of event allow."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from support.small_town import small_town

from models.backtest.labels import CAMPAIGN
from models.worlds.resampled.edits import split
from models.worlds.resampled.plans import PLANS
from models.worlds.resampled.play import play
from models.worlds.world import Life, Size
from producers.batches import to_batches

ALL = {f"T{number}" for number in range(1, 14)}
OF_WALLETS = {"T8", "T9", "T13"}
SIZE = Size(days=1, judged_days=31, cases=120, seed=5)


@pytest.fixture(scope="module")
def life() -> Life:
    return play(small_town(), SIZE)


@pytest.fixture(scope="module")
def fraud(life: Life) -> pd.DataFrame:
    """The labelled events, each once, with their labels, in order of time."""
    events: pd.DataFrame = life.judged.to_pandas().merge(life.labels.to_pandas(), on="event_id")
    return events.drop_duplicates("event_id").sort_values("occurred_at_ms")


def kinds(*names: str) -> pa.Table:
    return small_town().filter(pc.is_in(small_town()["kind"].cast(pa.string()), pa.array(names)))


def of(fraud: pd.DataFrame, typology: str) -> list[pd.DataFrame]:
    """The events of each case of the typology."""
    cases = fraud[(fraud["typology"] == typology) & ~fraud["case_id"].str.contains(CAMPAIGN)]
    return [case for _, case in cases.groupby("case_id")]


def test_every_typology_is_played_and_about_as_many_cases_as_wanted(life: Life) -> None:
    labels = life.labels.to_pandas()
    cases = labels[~labels["case_id"].str.contains(CAMPAIGN)]
    assert ALL == set(cases["typology"]) == {plan.name for plan in PLANS}
    assert SIZE.cases == pytest.approx(cases["case_id"].nunique(), rel=0.1)


def test_labels_name_events_of_the_judged_days_once_each(life: Life) -> None:
    ids = life.labels["event_id"].to_pylist()
    assert len(ids) == len(set(ids))
    assert set(ids) <= set(life.judged["event_id"].to_pylist())


def test_all_events_of_a_thiefs_wallet_are_labelled(life: Life, fraud: pd.DataFrame) -> None:
    new = set(fraud["wallet"].astype(str)) - set(small_town()["wallet"].to_pylist())
    events = life.judged.to_pandas()
    of_thieves = events[events["wallet"].astype(str).isin(new)]
    assert len(fraud) * 0.9 < len(of_thieves)
    assert set(of_thieves["event_id"]) <= set(fraud["event_id"])


def test_without_cases_nothing_is_labelled() -> None:
    assert 0 == play(small_town(), Size(days=1, judged_days=3, cases=0)).labels.num_rows


@pytest.mark.parametrize(
    ("names", "typologies"),
    [
        (("link", "unlink", "debit"), ALL - OF_WALLETS),
        (("link", "debit"), ALL - OF_WALLETS - {"T7"}),
        (("debit",), {"T1", "T2", "T5", "T10", "T11", "T12"}),
        (("open", "payment"), set()),
    ],
)
def test_a_history_of_some_kinds_has_attacks_of_those_kinds(names: tuple[str, ...], typologies: set[str]) -> None:
    life = play(kinds(*names), SIZE)
    assert typologies == set(life.labels["typology"].to_pylist())
    assert set(names) == set(life.judged["kind"].to_pylist())
    assert life.judged.num_rows == sum(batch.size for batch in to_batches(life.judged, 5_000, which="all"))


def test_a_file_of_account_events_may_lack_the_columns_of_wallets() -> None:
    history = kinds("link", "unlink", "debit").drop_columns(["shop", "shop_category", "counterparty"])
    assert ALL - OF_WALLETS == set(play(history, SIZE).labels["typology"].to_pylist())


def test_without_sources_in_the_history_thieves_have_none_either() -> None:
    index = small_town().column_names.index("source")
    nowhere = pa.array([""] * small_town().num_rows).cast(small_town().schema.field("source").type)
    life = play(small_town().set_column(index, small_town().schema.field("source"), nowhere), SIZE)
    assert {""} == set(life.judged["source"].to_pylist())
    assert ALL == set(life.labels["typology"].to_pylist())


def test_without_a_months_turn_ahead_none_is_straddled_and_on_one_day_none_sleeps() -> None:
    assert ALL - {"T2", "T6"} == set(
        play(small_town(), Size(days=1, judged_days=1, cases=40)).labels["typology"].to_pylist()
    )


def test_with_one_service_none_sweeps_several_and_without_verified_wallets_none_uses_one() -> None:
    one = small_town().filter(pc.equal(small_town()["service"].cast(pa.string()), "paypay"))
    unverified = one.filter(pc.invert(one["wallet_verified"]))
    assert ALL - {"T10", "T12"} == set(play(unverified, SIZE).labels["typology"].to_pylist())


def test_victims_are_strangers_as_often_as_linked_accounts_are(life: Life, fraud: pd.DataFrame) -> None:
    victims = fraud[fraud["result"].notna()].drop_duplicates("account")["account"].astype(str)
    known = set(small_town()["account"].to_pylist())
    assert 0.7 == pytest.approx((~victims.isin(known)).mean(), abs=0.1)


def test_a_wallet_takes_at_most_the_cap_of_a_month(fraud: pd.DataFrame) -> None:
    taken = fraud[(fraud["kind"] == "debit") & (fraud["result"] == "ok") & (fraud["typology"] != "T2")]
    sums = taken.groupby(taken["service"].astype(str) + taken["wallet"].astype(str))["amount_yen"].sum()
    assert 300_000 == sums.max()
    assert (sums == 300_000).mean() > 0.5


def test_a_straddle_takes_more_than_a_cap_over_two_months(fraud: pd.DataFrame) -> None:
    for case in of(fraud, "T2"):
        debits = case[case["kind"] == "debit"]
        months = pd.to_datetime(debits["occurred_at_ms"] + 9 * 3_600_000, unit="ms").dt.month
        assert {8, 9} == set(months)
    assert max(case["amount_yen"][case["stage"] == "drain"].sum() for case in of(fraud, "T2")) == 600_000


def test_a_sleeper_waits_for_a_day_at_least_and_others_do_not(fraud: pd.DataFrame) -> None:
    def wait_days(case: pd.DataFrame) -> float:
        first = case.groupby(case["kind"].astype(str))["occurred_at_ms"].min()
        return float((first["debit"] - first["link"]) / 86_400_000)

    assert 1 <= min(wait_days(case) for case in of(fraud, "T6") if (case["kind"] == "debit").any())
    assert 1 > max(wait_days(case) for case in of(fraud, "T1"))


def test_a_mass_enrolment_opens_its_wallets_from_few_sources_on_one_day(fraud: pd.DataFrame) -> None:
    opened = pd.concat(of(fraud, "T5")).query("kind == 'open'")
    a_day = opened.groupby((opened["occurred_at_ms"] + 9 * 3_600_000) // 86_400_000)
    assert a_day.size().max() >= 20
    assert a_day["source"].nunique().max() <= 6  # five of the campaign's, and the unknown one


def test_a_spray_fails_on_many_accounts_under_a_label_that_is_no_case(fraud: pd.DataFrame) -> None:
    tries = fraud[fraud["stage"] == "spray"].query("kind == 'link'")
    assert {"wrong_credentials"} == set(tries["result"].astype(str))
    assert tries["case_id"].str.startswith(f"T3{CAMPAIGN}").all()
    assert tries.groupby("case_id")["account"].agg(lambda tried: tried.astype(str).nunique()).max() >= 100


def test_a_hop_unlinks_before_it_links_again_and_a_sweep_takes_three_services(fraud: pd.DataFrame) -> None:
    for case in of(fraud, "T7"):
        steps = case["kind"].astype(str)
        assert ["link", "unlink", "link", "unlink", "link"] == [
            step for step, result in zip(steps, case["result"].astype(str), strict=True)
            if step == "unlink" or (step == "link" and result == "ok")
        ]  # fmt: skip
    assert {3} == {case["service"].astype(str).nunique() for case in of(fraud, "T10")}


def test_a_fan_out_is_collected_by_one_wallet(fraud: pd.DataFrame) -> None:
    for case in of(fraud, "T9"):
        sent = case[case["kind"] == "transfer"]
        if len(sent):
            to = sent["counterparty"].value_counts()
            assert 2 <= to.iloc[0] <= 6 or len(sent) < 4
            assert len(to) - 1 == len(sent) / 2


def test_goods_are_paid_with_what_was_taken_in_payments_that_the_history_knows(fraud: pd.DataFrame) -> None:
    largest = small_town().filter(pc.equal(small_town()["kind"].cast(pa.string()), "payment"))["amount_yen"]
    paid = fraud[fraud["kind"] == "payment"]
    assert paid["amount_yen"].max() <= pc.max(largest).as_py()
    spent = paid.groupby("case_id")["amount_yen"].sum()
    taken = fraud[(fraud["kind"] == "debit") & (fraud["result"] == "ok")].groupby("case_id")["amount_yen"].sum()
    assert (spent <= taken[spent.index]).all()


@pytest.mark.parametrize(
    ("parts", "yen", "like", "largest"),
    [
        ([100_000, 100_000, 100_000], 300_000, [5, 5, 5], 200_000),
        ([200_000, 100_000], 300_000, [7], 200_000),
        ([60_000, 120_000, 120_000], 300_000, [1, 2, 2], 200_000),
        ([1_000, 4_000], 5_000, [1, 100], 200_000),
    ],
)
def test_yen_are_split_as_an_honest_day_was(parts: list[int], yen: int, like: list[int], largest: int) -> None:
    assert parts == split(yen, np.array(like), largest, 1_000)
