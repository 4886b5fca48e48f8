"""Scenarios: cases, banks, services, dates and sums of each as the press told them or as the tables say."""

import datetime as dt
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from support.frauds import by_case, day_of, population
from support.populations import events_of, scenario

from detector.contract.vocabulary import DEBIT, INSUFFICIENT, LINK, MONTHLY_CAP_YEN, OK, OPEN, SERVICES
from detector.errors import UserError
from producers import campaigns, jst
from producers.attacks import attacks, stops_of
from producers.campaigns import JAPAN_POST_BANK, Campaign, Wave, shares, usual
from producers.cases import of_cases, typology_indices, victims_of
from producers.events import Events
from producers.scenarios import SCENARIOS, Scenario
from producers.typologies.table import BY_ID

SEEDS = (1, 2, 3)
DOCOMO = SERVICES.index("docomo_account")
seeds = pytest.mark.parametrize("seed", SEEDS)


def frauds(chosen: Scenario) -> Events:
    """The events of the scenario's cases, also those outside its days."""
    return attacks(population(chosen.seed, era=chosen.era), chosen.dates, chosen.played, chosen.cases)


def september(seed: int) -> Events:
    return frauds(scenario("september-2020", seed=seed))


def debits(events: Events) -> Events:
    return events.select((events.kind == DEBIT) & (events.result == OK))


def bank_of(events: Events) -> list[int]:
    return [number >> 40 for number in events.account.tolist()]


def day(date: dt.date) -> int:
    return int(day_of(np.array([jst.midnight_ms(date)]))[0])


#: Cases and yen by service on 15 and 16 September 2020; the mean of Docomo's 143 cases.
PRESS = (
    ("docomo_account", 143, 26_760_000),
    ("paypay", 17, 1_415_000),
    ("merpay", 3, 498_000),
    ("linepay", 2, 498_000),
    ("kyash", 3, 230_000),
    ("paypal", 2, 10_000),
)


@seeds
def test_september_has_the_cases_and_about_the_yen_of_each_service(seed: int) -> None:
    events = september(seed)
    assert len(victims_of(events)) == 170
    cases: Counter[str] = Counter()
    yen: Counter[str] = Counter()
    for case in by_case(events):
        service = SERVICES[case.service[np.argmin(case.occurred_at_ms)]]  # a sweep's first one
        cases[service] += 1
        yen[service] += int(debits(case).amount_yen.sum())
    assert {name: count for name, count, _ in PRESS} == cases
    for name, _, total in PRESS:
        assert yen[name] == pytest.approx(total, rel=0.05 if name == "docomo_account" else 0.2)


@seeds
def test_september_hits_japan_post_bank_most_and_about_a_dozen_banks(seed: int) -> None:
    events = september(seed)
    docomo = events.select(events.service == DOCOMO)
    at = Counter(bank_of(case)[-1] for case in by_case(docomo.select(docomo.account > 0)))
    assert at.most_common(1)[0][0] == JAPAN_POST_BANK
    assert at[JAPAN_POST_BANK] / at.total() == pytest.approx(82 / 143, abs=0.12)
    assert 11 <= len(at) <= 13


@seeds
def test_september_links_docomo_wallets_only_before_their_bank_stops_that(seed: int) -> None:
    chosen = scenario("september-2020", seed=seed, cases=1_000)
    events = frauds(chosen)
    links = events.select((events.kind == LINK) & (events.service == DOCOMO))
    stops = stops_of(seed, chosen.dates, chosen.played.stops)
    assert all(at < stops[bank] for bank, at in zip(bank_of(links), links.occurred_at_ms.tolist(), strict=True))
    dates = Counter(jst.date_of(at).day for at in stops.values())
    assert set(dates) == {5, 6, 7, 8, 9, 10}
    assert stops[JAPAN_POST_BANK] == jst.midnight_ms(dt.date(2020, 9, 10))
    assert len(stops) == 35


@seeds
def test_cases_at_banks_that_stop_early_do_not_heap_up_before_the_stop(seed: int) -> None:
    opened = Counter(opened for opened in september(seed).opened_at_ms[september(seed).kind == OPEN].tolist())
    assert max(opened.values()) == 1


@seeds
@pytest.mark.parametrize("cases", [1, 40])
def test_sleepers_of_september_charge_after_the_stop_and_were_linked_before(cases: int, seed: int) -> None:
    chosen = scenario("september-2020", seed=seed, typologies=("T6",), cases=cases)
    stops = stops_of(seed, chosen.dates, chosen.played.stops)
    for sleeper in by_case(frauds(chosen)):
        links, charges = sleeper.select(sleeper.kind == LINK), debits(sleeper)
        assert links.occurred_at_ms.max() < stops[bank_of(links)[0]] <= charges.occurred_at_ms.min()
        assert charges.occurred_at_ms.max() < jst.midnight_ms(dt.date(2020, 9, 17))


@seeds
def test_no_event_of_a_campaign_has_the_number_of_another(seed: int) -> None:
    events = september(seed)
    assert len(np.unique(events.event)) == events.size


def test_a_sweep_begins_at_the_service_of_its_wave() -> None:
    wave = Wave("T10", 1, services=(("kyash", 1.0),))
    events = frauds(scenario(days=20, campaign=Campaign((wave,)), cases=20))
    assert {"kyash"} == {SERVICES[case.service[np.argmin(case.occurred_at_ms)]] for case in by_case(events)}


@seeds
def test_september_has_cases_of_600_000_yen_one_of_them_over_the_turn_of_august(seed: int) -> None:
    events = september(seed)
    yen = Counter({int(case.case[0]): int(debits(case).amount_yen.sum()) for case in by_case(events)})
    assert sorted(yen.values())[-2:] == [600_000, 600_000]
    straddle = debits(events.select(typology_indices(events.case) == 1))
    months = {jst.date_of(at).month for at in straddle.occurred_at_ms.tolist()}
    assert months == {8, 9}


@seeds
def test_september_does_nothing_more_after_the_sixteenth_in_the_events_shown(seed: int) -> None:
    shown = of_cases(events_of(scenario("september-2020", seed=seed, accounts=300)))
    assert day(dt.date(2020, 9, 1)) <= day_of(shown.arrival_ms).min()
    assert day_of(shown.arrival_ms).max() <= day(dt.date(2020, 9, 16))
    assert len(victims_of(shown)) == 170


@seeds
def test_an_account_with_less_than_the_cap_is_emptied_and_then_has_no_funds(seed: int) -> None:
    events = september(seed)
    short = [case for case in by_case(events) if (case.result[case.kind == DEBIT] == INSUFFICIENT).any()]
    assert len(short) > 60
    for case in short:
        assert debits(case).amount_yen.sum() < MONTHLY_CAP_YEN
        moments = np.sort(case.occurred_at_ms[case.kind == DEBIT])
        assert np.diff(moments).min(initial=jst.DAY_MS) >= 10 * jst.SECOND_MS


@seeds
def test_may_2019_has_verified_wallets_at_two_banks(seed: int) -> None:
    events = frauds(scenario("may-2019", seed=seed))
    assert events.verified.all()
    assert len(set(bank_of(events.select(events.account > 0)))) == 2
    assert {11} == set(typology_indices(events.case).tolist())
    assert {DOCOMO} == set(events.service.tolist())
    months = {jst.date_of(at).month for at in debits(events).occurred_at_ms.tolist()}
    assert months <= {5, 6}
    assert len(victims_of(events)) == 20


def test_in_may_2019_all_honest_wallets_are_verified_too() -> None:
    assert events_of(scenario("may-2019", days=3, cases=0)).verified.all()


@seeds
def test_a_quiet_year_has_few_cases_of_all_typologies_over_the_year(seed: int) -> None:
    chosen = scenario("quiet-year", seed=seed)
    events = frauds(chosen)
    cases = Counter(typology_indices(victims_of(events)).tolist())
    assert set(cases) == set(range(13))
    assert sum(cases.values()) == chosen.cases < 60
    months = {jst.month_of(jst.date_of(int(case.occurred_at_ms.min()))) for case in by_case(events)}
    assert len(months) >= 9


@seeds
def test_random_plays_all_typologies_otherwise_for_each_seed(seed: int) -> None:
    cases = Counter(typology_indices(victims_of(frauds(scenario("random", seed=seed)))).tolist())
    others = Counter(typology_indices(victims_of(frauds(scenario("random", seed=seed + 1)))).tolist())
    assert set(cases) == set(range(13))
    assert sum(cases.values()) == SCENARIOS["random"].cases
    assert cases != others


def test_ghost_wallets_are_of_t1_alone() -> None:
    assert {0} == set(typology_indices(frauds(scenario("ghost-wallets")).case).tolist())


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name != "normal"])
@pytest.mark.parametrize("cases", [1, 13, 40])
def test_as_many_cases_as_asked_for(name: str, cases: int) -> None:
    assert len(victims_of(frauds(scenario(name, cases=cases)))) == cases


def test_a_campaign_begins_on_the_first_day_asked_for() -> None:
    later = frauds(scenario("september-2020", start=dt.date(2020, 11, 1)))
    begins = [day_of(case.occurred_at_ms).min() - day(dt.date(2020, 11, 1)) for case in by_case(later)]
    assert -5 <= min(begins) < 1  # the month straddle begins in the old month
    assert max(begins) <= 14


def test_typologies_are_chosen_from_the_campaign_and_added_to_it() -> None:
    chosen = scenario("september-2020", typologies=("T4", "T13"), cases=30)
    assert {"T4": 2, "T13": 1} == Counter(wave.typology for wave in chosen.played.waves)
    places = Counter(typology_indices(victims_of(frauds(chosen))).tolist())
    assert set(places) == {3, 12}
    assert places.total() == 30


def test_a_month_straddle_without_a_months_end_leaves_its_cases_to_others() -> None:
    days = {"start": dt.date(2020, 9, 5), "days": 10, "cases": 20}
    both = frauds(scenario("normal", typologies=("T1", "T2"), **days))
    assert {0: 20} == Counter(typology_indices(victims_of(both)).tolist())
    with pytest.raises(UserError, match="has no day for T2: choose days around a month's end"):
        frauds(scenario("normal", typologies=("T2",), **days))


SHARED = (
    ((1.0, 1.0, 1.0), 2, 2),
    ((1.0, 1.0, 1.0), 3, 3),
    ((100.0, 1.0, 1.0), 3, 3),
    ((5.0, 3.0, 2.0), 10, 10),
    ((0.3, 0.3, 0.4), 7, 7),
)


@pytest.mark.parametrize(("weights", "cases", "total"), SHARED)
def test_cases_are_shared_out_whole_and_none_goes_without_where_there_are_enough(
    weights: tuple[float, ...], cases: int, total: int
) -> None:
    counts = shares(tuple(Wave("T1", weight) for weight in weights), cases)
    assert sum(counts) == total
    assert min(counts) >= (cases >= len(weights))


def test_shares_follow_the_weights() -> None:
    assert [5, 3, 2] == shares(tuple(Wave("T1", weight) for weight in (5, 3, 2)), 10)


def test_every_typology_is_usual_in_some_number() -> None:
    assert set(BY_ID) == {wave.typology for wave in usual(tuple(BY_ID)).waves}
    assert all(wave.cases >= 1 for wave in usual(tuple(BY_ID)).waves)
    assert replace(campaigns.GHOST_WALLETS).only(("T1",)) == campaigns.GHOST_WALLETS
