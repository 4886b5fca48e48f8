import json
import re
from pathlib import Path

import pytest

from detector.demo.plan import DEFAULT_ACCOUNTS, DEFAULT_BUDGET, DEFAULT_SECONDS, TRAINING_DAYS

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text("utf-8")
FIGURES = json.loads((ROOT / "docs" / "demo" / "summary.json").read_text("utf-8"))


@pytest.mark.parametrize(
    "sentence",
    [
        f"{TRAINING_DAYS} normal days of {DEFAULT_ACCOUNTS:,} accounts",
        f"with {FIGURES['cases']} cases of fraud hidden in normal life, in {DEFAULT_SECONDS:.0f} seconds",
        f"alerted on {FIGURES['cases_alerted']} of {FIGURES['cases']} cases",
        f"on {FIGURES['cases_alerted_early']} of them with at most 100,000 yen gone",
        f"{FIGURES['yen_lost_until_first_alert']:,} of {FIGURES['yen_debited']:,} yen",
        f"a budget of {FIGURES['budget_per_day']:g} false alert groups a day the ten days had",
        f"the ten days had {FIGURES['false_groups_per_day']:.1f} a day",
        f"{FIGURES['alerts']} alerts  {FIGURES['cases_alerted']} of {FIGURES['cases']} cases",
    ],
)
def test_the_readme_says_what_the_demo_said(sentence: str) -> None:
    assert sentence in re.sub(r"\s*\n\s*", " ", README)


def test_the_figures_shown_are_of_a_demo_as_it_is_started_without_options() -> None:
    assert (DEFAULT_ACCOUNTS, DEFAULT_BUDGET) == (FIGURES["accounts"], FIGURES["budget_per_day"])
