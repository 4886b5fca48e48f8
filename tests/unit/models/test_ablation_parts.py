"""What the ablation page is made of: models taken apart, disturbed histories, sentences and tables from figures."""

import json
from collections import Counter
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.models import make_batch, make_model

from detector.contract.batch import Batch, concatenate
from detector.core.chains import CHAINS
from detector.core.detector_table import DETECTORS
from detector.core.detectors import Detector, ForestDetector
from detector.jst import DAY_MS, JST_MS
from models.ablation.disturbances import CHUNK, DISTURBANCES, disturbed
from models.ablation.experiments import EXPERIMENTS, QUESTIONS, USUAL
from models.ablation.failures import failures
from models.ablation.page import page
from models.ablation.parts import exchanged, without
from models.ablation.pictures import pictures

ROOT = Path(__file__).parents[3]
FOLDER, README = ROOT / "docs" / "ablation", ROOT / "models" / "README.md"
DAYS, A_DAY = 9, 3_000


def checked_in() -> dict[str, Any]:
    return json.loads((FOLDER / "figures.json").read_text("utf-8"))  # type: ignore[no-any-return]


def history() -> list[Batch]:
    """Nine days of events, evenly spread, in chunks."""
    n = DAYS * A_DAY
    whole = make_batch(
        n,
        offset=np.arange(n),
        occurred_at_ms=18_475 * DAY_MS - JST_MS + np.arange(n) * (DAY_MS // A_DAY),
        event_id=np.arange(1, n + 1),
    )
    return [whole.select(slice(start, start + 1000)) for start in range(0, n, 1000)]


def made_of(*names: str) -> tuple[Detector, ...]:
    forest = make_model().detectors[0]
    assert isinstance(forest, ForestDetector)
    specs = {spec.name: spec for spec in DETECTORS}
    return tuple(ForestDetector(specs[name], forest.forests) for name in names)


def test_experiments_have_names_of_their_own_and_a_question_of_the_page() -> None:
    assert [] == [name for name, times in Counter(one.name for one in EXPERIMENTS).items() if times > 1]
    assert {one.question for one in EXPERIMENTS} <= {question.name for question in QUESTIONS}
    assert USUAL not in {one.setting for one in EXPERIMENTS}


def test_experiments_name_disturbances_and_stages_that_there_are() -> None:
    assert set(DISTURBANCES) == {one.setting.disturbance for one in EXPERIMENTS} - {""}
    stages = {stage.name for stage in CHAINS[-1].stages}
    assert stages == {name for one in EXPERIMENTS for name in one.setting.without}


def test_what_a_detector_could_spend_goes_to_the_others_of_its_form() -> None:
    trained = made_of(*(spec.name for spec in DETECTORS))
    for place, gone in enumerate(trained):
        left = without(trained, place)
        assert 1 == pytest.approx(sum(detector.spec.share for detector in left))
        assert gone.name not in {detector.name for detector in left}
        by_form = {
            form: sum(detector.spec.share for detector in left if detector.spec.form == form)
            for form in ("boosting", "joint_tail", "isolation_forest")
        }
        if gone.spec.form == "joint_tail":
            assert {"boosting": 0.6, "joint_tail": 0.2, "isolation_forest": 0.2} == pytest.approx(by_form)
        if gone.spec.form == "boosting":
            assert {"boosting": 0, "joint_tail": 0.5, "isolation_forest": 0.5} == pytest.approx(by_form)


def test_exchanged_values_stay_within_their_kind_and_column() -> None:
    rng = np.random.default_rng(1)
    X, kind = rng.random((200, 3)).astype(np.float32), rng.integers(0, 2, 200).astype(np.int8)
    mixed = exchanged(X, kind, 1, np.random.default_rng(2))
    assert (X[:, [0, 2]] == mixed[:, [0, 2]]).all()
    assert (X[:, 1] != mixed[:, 1]).mean() > 0.9
    for code in (0, 1):
        assert sorted(X[kind == code, 1].tolist()) == sorted(mixed[kind == code, 1].tolist())


def ids(batches: list[Batch]) -> list[int]:
    return concatenate(batches).event_id.tolist()  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", DISTURBANCES)
def test_a_disturbed_history_has_offsets_in_order(name: str) -> None:
    whole = concatenate(disturbed(history(), name, 1))
    assert list(range(whole.size)) == whole.offset.tolist()


def test_an_undisturbed_history_is_the_same() -> None:
    assert ids(history()) == ids(disturbed(history(), "", 1))


def test_some_events_come_twice_within_a_chunk() -> None:
    came = ids(disturbed(history(), "twice", 1))
    again = [event for event, times in Counter(came).items() if times == 2]
    assert 0.01 == pytest.approx(len(again) / (DAYS * A_DAY), rel=0.2)
    assert len(came) == DAYS * A_DAY + len(again)
    assert list(range(1, DAYS * A_DAY + 1)) == list(dict.fromkeys(came))
    assert 0 < max(came[::-1].index(event) for event in again) < len(came)
    apart = [len(came) - 1 - came[::-1].index(event) - came.index(event) for event in again]
    assert CHUNK / 2 < max(apart) < 1.1 * CHUNK


def test_a_lost_day_is_gone_and_a_held_one_comes_after_the_next() -> None:
    first = 4 * A_DAY  # of the days learnt from, 1, 2, 4, 5, 7 and 8, the one in the middle
    assert ids(history())[:first] + ids(history())[first + A_DAY :] == ids(disturbed(history(), "lost", 1))
    held = ids(disturbed(history(), "held", 1))
    day, after = ids(history())[first : first + A_DAY], ids(history())[first + A_DAY : first + 2 * A_DAY]
    assert after + day == held[first : first + 2 * A_DAY]
    assert ids(history()) == sorted(held)


def test_the_checked_in_page_says_what_the_figures_beside_it_say() -> None:
    figures = checked_in()
    assert page(figures) == (FOLDER / "README.md").read_text("utf-8")
    assert all((FOLDER / f"{name}.png").exists() for name in pictures(figures))


def test_the_checked_in_page_has_a_table_for_each_question_and_a_row_for_each_experiment_and_part() -> None:
    text, figures = (FOLDER / "README.md").read_text("utf-8"), checked_in()
    for question in QUESTIONS:
        section = text.partition(f"\n## {question.title}\n")[2].partition("\n## ")[0]
        assert "\n|---|" in section, question.title
    for one in EXPERIMENTS:
        assert f"\n| {one.name}: {one.help} |" in text
    for spec in DETECTORS:
        assert f"| without {spec.name}: " in text
        assert f"| {spec.name} alone: " in text
    told = {row["name"] for row in figures["questions"]["features"]}
    assert set(CHAINS[-1].feature_names) - told == set()
    assert all(f"\n| `{name}` |" in text for name in told)


def test_nothing_fails_where_everything_is_as_usual() -> None:
    figures = as_usual()
    assert [] == failures(figures)
    assert "Nothing failed." in page(figures)


def as_usual() -> dict[str, Any]:
    """Figures in which nothing makes a difference but what is left out."""
    figures = deepcopy(checked_in())
    good = {"alerted": 1.0, "early": 0.9, "before_debit": 0.5, "yen_lost": 0.1, "false_groups_per_day": 20.0}
    good |= {"early_strict": 0.8, "yen_lost_strict": 0.2}
    figures["about"]["budget"] = 20.0
    figures["reference"] |= good
    for name, rows in figures["questions"].items():
        for row in rows:
            row.update(good)
            if name == "features" or row["name"].startswith("without "):
                row["early_strict"] = 0.7
            row["typologies"] = {typology: {**one, **good} for typology, one in row["typologies"].items()}
            if name == "seeds":
                row["budget"] = 20.0
    return figures


@pytest.mark.parametrize(
    ("question", "place", "change", "said"),
    [
        ("seeds", 0, {"false_groups_per_day": 30.0}, "**The limit** of the training days is off: 20.0 – 30.0"),
        ("thieves", 1, {"early": 0.4}, "early 90% → 40%"),
        ("drift", 1, {"false_groups_per_day": 55.0}, "55.0 false groups a day instead of 20"),
        ("training", 1, {"yen_lost": 0.35}, "yen lost 10% → 35%"),
        ("features", 3, {"early_strict": 0.8}, "**1 of "),
        ("detectors", 1, {"early_strict": 0.85}, "attack_trained"),
    ],
)
def test_what_fails_is_said(question: str, place: int, change: dict[str, float], said: str) -> None:
    figures = as_usual()
    figures["questions"][question][place] |= change
    (sentence,) = failures(figures)
    assert said in sentence
    assert f"- {sentence}" in page(figures)


def test_a_typology_that_is_seldom_early_or_missed_is_named() -> None:
    figures = as_usual()
    for row in figures["questions"]["seeds"]:
        row["typologies"]["T3"] |= {"early": 0.5, "alerted": 0.9}
    assert [
        "**T3** is alerted early in 50% of its cases.",
        "**T3**: with one seed 10% of the cases are never alerted.",
    ] == (failures(figures))
