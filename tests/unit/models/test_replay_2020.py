"""May 2019 and September 2020 replayed: the facts, sums by day and bank, and the command on a small population."""

import datetime as dt
import json
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path
from string import Formatter

import numpy as np
import pytest
from click.testing import CliRunner, Result
from support.logs import BEGIN_MS, Event, link, make_labels, make_played

from detector.artifact import read_model
from detector.cli.models import train
from detector.cli.replay import FIGURES, PICTURE, replay, replay_scenario
from detector.cli.simulate import simulate
from detector.core.chains import CHAINS
from detector.errors import UserError
from detector.languages import Language
from models.facts_2020 import FACTS, MAY, SEPTEMBER, reported_by
from models.replay_2020 import EPISODES, Bank, Day, Episode, Taken, cases_of
from models.reports.timeline import picture
from models.reports.timeline_words import FACTS_JA, WORDS
from producers.scenarios import SCENARIOS

ACCOUNTS, SEED = 1_000, 4
DAY_S = 86_400
BANKS: dict[Language, dict[str, str]] = {"en": {"0116": "Hokkaido"}, "ja": {"0116": "北海道銀"}}
#: The passbook of 1 September 2020 at one bank; at another one a test, and a day later a debit, never alerted.
LOG = (
    link("link", 0, "T1-1"),
    Event("d1", 60, "T1-1", 100_000),
    Event("d2", 75, "T1-1", 90_000),
    Event("honest", 80, "", 5_000, account="h", wallet="h"),
    Event("d3", 90, "T1-1", 90_000),
    Event("d4", 105, "T1-1", 20_000),
    Event("e1", 200, "T11-1", 1_000, account="b", wallet="v", bank=9900),
    Event("e2", 200 + DAY_S, "T11-1", 30_000, account="b", wallet="v", bank=9900),
)


def episode(*alerts: str, scenario: str = SEPTEMBER) -> Episode:
    """The log above on two days, with alerts on the events of these ids."""
    alert = np.array([event.id in alerts for event in LOG])
    cases = cases_of(make_played(*LOG), make_labels(*LOG), alert)
    dates = (dt.date(2020, 9, 1), dt.date(2020, 9, 2))
    return Episode(scenario, "made-up", 20.0, dates, cases, 1.5)


def test_facts_are_in_order_of_time_and_what_is_told_never_shrinks() -> None:
    assert all(before.day <= after.day for before, after in pairwise(FACTS))
    counts = [(fact.cases, fact.yen) for fact in FACTS if fact.cases is not None]
    assert sorted(counts) == counts
    assert all(yen is not None for _, yen in counts)
    assert set(EPISODES) == {fact.episode for fact in FACTS}


@pytest.mark.parametrize(
    ("date", "told"),
    [
        (dt.date(2020, 9, 9), (0, 0)),
        (dt.date(2020, 9, 10), (66, 18_000_000)),
        (dt.date(2020, 9, 13), (70, 20_000_000)),
        (dt.date(2020, 9, 14), (120, 25_420_000)),
        (dt.date(2020, 9, 15), (160, 28_170_000)),
        (dt.date(2020, 9, 30), (170, 29_411_000)),
    ],
)
def test_the_public_was_told_of_so_much_by_a_day(date: dt.date, told: tuple[int, int]) -> None:
    assert told == reported_by(date)


def test_the_scenario_has_as_many_cases_as_were_told_of_by_its_last_day() -> None:
    september = SCENARIOS[SEPTEMBER]
    assert september.cases == reported_by(september.dates[-1])[0]


def test_debits_up_to_the_alerting_one_are_lost() -> None:
    first, never = episode("d2").cases
    assert (BEGIN_MS, BEGIN_MS + 75_000) == (first.began_at_ms, first.alerted_at_ms)
    assert [100_000, 90_000, 0, 0] == [debit.lost for debit in first.debits]
    assert [100_000, 90_000, 90_000, 20_000] == [debit.yen for debit in first.debits]
    assert not first.early
    assert never.alerted_at_ms is None
    assert (Taken(BEGIN_MS + 200_000, 1_000, 1_000), Taken(BEGIN_MS + (200 + DAY_S) * 1000, 30_000, 30_000)) == (
        never.debits
    )


def test_an_alert_before_any_debit_saves_all() -> None:
    told = episode("link").figures()
    assert (331_000, 31_000, 300_000) == (told["yen_taken"], told["yen_lost"], told["yen_saved"])
    assert (2, 1, 1) == (told["cases"], told["alerted"], told["early"])


def test_an_alert_on_an_honest_event_is_no_case_alerted() -> None:
    told = episode("honest").figures()
    assert (0, 0, None, None) == (told["alerted"], told["yen_saved"], told["first_alert_at"], told["lead_days"])


def test_days_sum_up_from_the_first_one() -> None:
    assert [
        Day("2020-09-01", 2, 1, 0, 301_000, 191_000, 110_000, 0),
        Day("2020-09-02", 2, 1, 0, 331_000, 221_000, 110_000, 0),
    ] == episode("d2").days()


def test_banks_come_by_their_first_case() -> None:
    assert [
        Bank("0116", 1, 1, "2020-09-01T00:00:00+09:00", "2020-09-01T00:01:15+09:00", 300_000, 190_000, 110_000),
        Bank("9900", 1, 0, "2020-09-01T00:03:20+09:00", None, 31_000, 31_000, 0),
    ] == episode("d2").banks()


@pytest.mark.parametrize(("scenario", "lead"), [(SEPTEMBER, 4), (MAY, 0)])
def test_the_lead_counts_to_the_first_public_fact_of_the_same_fraud(scenario: str, lead: int) -> None:
    assert lead == episode("d2", scenario=scenario).lead_days


def test_the_same_figures_give_the_same_picture() -> None:
    assert picture((episode("d2"),), "en", BANKS["en"]) == picture((episode("d2"),), "en", BANKS["en"])


@pytest.mark.parametrize("language", ["en", "ja"])
def test_an_episode_without_any_alert_can_be_drawn_in_either_language(
    language: Language, caplog: pytest.LogCaptureFixture, recwarn: pytest.WarningsRecorder
) -> None:
    assert picture((episode(), episode()), language, BANKS[language]).startswith(b"\x89PNG")
    # Characters that the font lacks, fonts that are not there.
    assert ([], "") == ([str(warning.message) for warning in recwarn], caplog.text)


def test_both_languages_say_the_same_things_with_the_same_values() -> None:
    for what, texts in WORDS.items():
        fields = [sorted(name for _, name, _, _ in Formatter().parse(text) if name) for text in texts.values()]
        assert fields[0] == fields[1], what
    assert len(FACTS) == len(FACTS_JA)


def run(*options: object) -> Result:
    return CliRunner().invoke(replay, [str(option) for option in options], catch_exceptions=False)


@cache
def told(folder: Path) -> Result:
    return run("--accounts", ACCOUNTS, "--seed", SEED, "-o", folder, "--json")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("replay") / "new"


def test_the_command_tells_both_episodes_and_their_sums_agree(folder: Path) -> None:
    found = json.loads(told(folder).stdout)
    assert (SEED, ACCOUNTS) == (found["seed"], found["accounts"])
    assert len(FACTS) == len(found["facts"])
    assert [(MAY, 20, 31), (SEPTEMBER, 170, 16)] == [
        (one["scenario"], one["cases"], len(one["days"])) for one in found["episodes"]
    ]
    for one in found["episodes"]:
        assert 0 < one["alerted"] <= one["cases"]
        assert one["yen_taken"] == one["yen_lost"] + one["yen_saved"]
        for name in ("cases", "alerted", "yen_taken", "yen_lost", "yen_saved"):
            assert one[name] == sum(bank[name] for bank in one["banks"])
        for name in ("yen_taken", "yen_lost", "yen_saved"):
            assert one[name] == one["days"][-1][name]


def test_the_command_prints_its_seeds_and_writes_what_it_prints(folder: Path) -> None:
    result = told(folder)
    assert f"seed {SEED} of the population" in result.stderr
    assert json.loads(result.stdout) == json.loads((folder / FIGURES).read_text("utf-8"))
    assert (folder / PICTURE).read_bytes().startswith(b"\x89PNG")


def test_a_second_replay_gives_the_same_figures(folder: Path) -> None:
    again = replay_scenario(replace(SCENARIOS[MAY], accounts=ACCOUNTS, seed=SEED), None)
    assert json.loads(told(folder).stdout)["episodes"][0] == json.loads(json.dumps(again.figures()))


def test_a_model_of_accounts_alone_can_be_given(tmp_path: Path) -> None:
    runner = CliRunner()
    small = ["-o", str(tmp_path), "--accounts", "1000", "--days", "6", "--no-wallet-events"]
    assert 0 == runner.invoke(simulate, small, catch_exceptions=False).exit_code
    fitting = [
        str(tmp_path / "events.parquet"),
        "-o",
        str(tmp_path / "model"),
        "--stages",
        CHAINS[0].name,
        "--burn-in",
        "0",
    ]
    assert 0 == runner.invoke(train, fitting, catch_exceptions=False).exit_code
    model = read_model(tmp_path / "model", *CHAINS)
    found = replay_scenario(replace(SCENARIOS[MAY], accounts=ACCOUNTS, seed=SEED), model)
    assert model.version == found.model
    assert 20 == len(found.cases)


def test_bad_input_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such model folder"):
        run("--model", tmp_path / "none")
    assert 2 == run("--accounts", 5).exit_code
