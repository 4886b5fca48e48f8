"""The world of agents: valid, repeatable, within limits; a history without thieves, then every typology."""

from functools import cache

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from detector.contract.vocabulary import MONTHLY_CAP_YEN
from detector.jst import DAY_MS, JST_MS
from models.worlds.agents.assumptions import SERVICES
from models.worlds.agents.calendar import days_of
from models.worlds.agents.loot import TYPOLOGIES
from models.worlds.agents.play import live_through, play
from models.worlds.world import EVENTS, LABELS, Life, Size
from producers.batches import to_batches

SMALL = Size(accounts=3_000, days=12, judged_days=20, cases=60, seed=3)
TINY = Size(accounts=300, days=4, judged_days=12, cases=15, seed=5)
HOUR_MS = 3_600_000


@cache
def life() -> Life:
    return play(SMALL)


def plain(table: pa.Table) -> pd.DataFrame:
    """The table with words instead of dictionaries."""
    types = [field.type.value_type if pa.types.is_dictionary(field.type) else field.type for field in table.schema]
    frame: pd.DataFrame = table.cast(pa.schema(list(zip(table.schema.names, types, strict=True)))).to_pandas()
    return frame


@cache
def events() -> pd.DataFrame:
    """Every event once, of both parts, by the time at which it happened, with its label."""
    both = pd.concat([plain(life().history), plain(life().judged)]).drop_duplicates("event_id")
    labelled = both.merge(life().labels.to_pandas(), on="event_id", how="left")
    return labelled.sort_values("occurred_at_ms", kind="stable").reset_index(drop=True)


def month(ms: pd.Series) -> pd.Series:
    return pd.to_datetime(ms + JST_MS, unit="ms").dt.to_period("M")


def test_the_same_size_gives_the_same_bytes_and_another_seed_another_life() -> None:
    first, again = play(TINY), play(TINY)
    assert all(a.equals(b) for a, b in zip(first, again, strict=True))
    other = play(Size(accounts=300, days=4, judged_days=12, cases=15, seed=6))
    assert not set(plain(first.history).event_id) & set(plain(other.history).event_id)


@pytest.mark.parametrize("part", ["history", "judged"])
def test_all_events_are_valid_under_the_contract(part: str) -> None:
    table = getattr(life(), part)
    assert EVENTS == table.schema
    assert table.num_rows == sum(batch.size for batch in to_batches(table, 50_000, which="all"))


def test_each_part_has_the_events_of_its_days() -> None:
    days = days_of(SMALL.days, SMALL.judged_days)
    for table, first, last in ((life().history, 0, SMALL.days - 1), (life().judged, SMALL.days, len(days) - 1)):
        ms = table["occurred_at_ms"].to_numpy()
        assert days[first].begin_ms <= ms.min()
        assert days[last].end_ms + HOUR_MS > ms.max()
        assert last - first + 1 == len(np.unique((ms + JST_MS) // DAY_MS))


def test_the_history_is_the_same_whether_thieves_come_later_or_not() -> None:
    honest = play(Size(accounts=300, days=4, judged_days=12, cases=0, seed=5))
    pd.testing.assert_frame_equal(plain(honest.history), plain(play(TINY).history))
    assert 0 == honest.labels.num_rows


def test_no_event_of_the_history_is_labelled_and_all_labelled_events_are_judged() -> None:
    labels = life().labels
    assert LABELS == labels.schema
    assert set(labels["event_id"].to_pylist()) <= set(life().judged["event_id"].to_pylist())
    assert not set(labels["event_id"].to_pylist()) & set(life().history["event_id"].to_pylist())


def test_every_typology_is_there_and_the_cases_are_as_many_as_asked_for() -> None:
    labels = life().labels.to_pandas()
    cases = labels[~labels.case_id.str.contains("-campaign-")]
    assert set(TYPOLOGIES) == set(cases.typology)
    assert SMALL.cases == cases.case_id.nunique()


def test_all_events_of_a_thiefs_wallet_are_labelled() -> None:
    played = events()
    theirs = set(played[(played.kind == "open") & played.case_id.notna()].wallet)
    assert len(theirs) >= SMALL.cases / 2
    assert played[played.wallet.isin(theirs)].case_id.notna().all()


def test_an_id_is_one_event_delivered_once_or_twice() -> None:
    judged = plain(life().judged)
    same = judged.duplicated(keep=False)
    assert 0 < same.sum() < 0.01 * len(judged)
    assert judged[~same].event_id.is_unique


def test_nearly_all_events_arrive_near_their_time_and_a_few_do_not() -> None:
    ms = life().judged["occurred_at_ms"].to_numpy()
    behind = np.maximum.accumulate(ms) - ms
    assert 0.95 < (behind < 60_000).mean() < 1
    assert behind.max() > 60 * 60_000


def test_no_month_of_a_link_takes_more_than_the_cap_and_some_reach_it() -> None:
    debits = events().query("kind == 'debit' and result == 'ok'")
    taken = debits.groupby(
        [debits.service, debits.wallet, debits.account, month(debits.occurred_at_ms)]
    ).amount_yen.sum()
    assert MONTHLY_CAP_YEN == taken.max()


def test_no_wallet_spends_what_it_has_not_got() -> None:
    played = events()
    stored = {service.name for service in SERVICES if service.stored}
    played = played[played.service.isin(stored)]
    charged = played.query("kind == 'debit' and result == 'ok'").assign(flow=lambda f: f.amount_yen)
    spent = played[played.kind.isin(["payment", "transfer", "payout"])].assign(flow=lambda f: -f.amount_yen)
    got = played.query("kind == 'transfer'").assign(flow=lambda f: f.amount_yen, wallet=lambda f: f.counterparty)
    new = set(played[played.kind == "open"].wallet)
    flows = pd.concat([charged, got, spent]).sort_values(["occurred_at_ms", "flow"], ascending=[True, False])
    flows = flows[flows.wallet.isin(new)]
    assert flows.wallet.nunique() > 100
    assert flows.groupby("wallet").flow.cumsum().min() >= 0


def test_accounts_do_not_go_below_zero_and_what_is_short_is_refused() -> None:
    city, _ = live_through(TINY)
    assert city.people.balance.min() >= 0
    assert city.wallets.balance.min() >= 0
    assert {"ok", "insufficient", "over_cap", "refused"} == set(events().query("kind == 'debit'").result)


def test_honest_people_who_open_link_and_charge_within_the_hour_are_five_to_eight_of_a_thousand_a_day() -> None:
    played = events()
    charged = played.query("kind == 'debit' and result == 'ok' and case_id.isna()").groupby("wallet").first()
    fast = (charged.occurred_at_ms - charged.wallet_opened_at_ms).between(0, HOUR_MS).sum()
    assert 0.004 < fast / SMALL.accounts / (SMALL.days + SMALL.judged_days) < 0.01


def test_where_services_tell_addresses_about_a_third_of_the_cases_come_from_one_of_honest_people() -> None:
    played = events()
    honest = set(played[played.case_id.isna()].source)
    acts = played[played.case_id.notna() & played.kind.isin(["link", "debit"])]
    acts = acts[~acts.case_id.str.contains("-campaign-") & (acts.source != "")]
    shared = acts.source.isin(honest).groupby(acts.case_id).mean().mean()
    assert 0.15 < shared < 0.5


def test_victims_are_people_with_a_life_in_the_city_and_others_never_seen() -> None:
    before = set(plain(life().history).account)
    acts = events()
    acts = acts[acts.case_id.notna() & acts.account.notna() & ~acts.case_id.astype(str).str.contains("-campaign-")]
    known = acts.groupby("case_id").account.first().isin(before).mean()
    assert 0.2 < known < 0.8


@pytest.mark.parametrize(
    ("typology", "query", "least"),
    [
        ("T7", "kind == 'unlink'", 1),
        ("T8", "kind == 'payment'", 3),
        ("T9", "kind == 'transfer'", 3),
        ("T11", "stage == 'test'", 1),
        ("T12", "kind == 'link' and wallet_verified", 1),
    ],
)
def test_a_scheme_leaves_its_marks(typology: str, query: str, least: int) -> None:
    marks = events().query("typology == @typology and not case_id.str.contains('-campaign-')").query(query)
    assert least <= len(marks)


def test_a_straddle_takes_the_cap_of_two_months_and_a_sweep_goes_through_several_services() -> None:
    debits = events().query("kind == 'debit' and result == 'ok' and case_id.notna()")
    straddle, sweep = debits[debits.typology == "T2"], debits[debits.typology == "T10"]
    assert 2 == month(straddle.occurred_at_ms).nunique()
    assert sweep.groupby("case_id").service.nunique().max() > 1


def test_a_burst_spends_at_one_shop_within_a_day() -> None:
    goods = events().query("typology == 'T13' and kind == 'payment' and stage == 'cash_out'")
    assert goods.case_id.nunique() > 1
    assert 1 == goods.shop.nunique()
    assert DAY_MS > goods.occurred_at_ms.max() - goods.occurred_at_ms.min()
