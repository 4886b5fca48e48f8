"""What the audit has of a worker's start."""

import pytest
from support.models import make_model

from detector.settings import Settings
from detector.stream.startup import alerts_by

MODEL = make_model()


def test_a_start_is_noted_with_the_model_all_budgets_and_the_banks_with_topics_of_their_own() -> None:
    settings = Settings(
        deployment="blue",
        bank_budgets=("0116=2", "9900=0.5"),
        controller=True,
        alert_banks=("9900", "0116"),
        bulletin_banks=("0116",),
    )
    expected = {
        "group": "kozamori.blue",
        "model": MODEL.sha256,
        "version": MODEL.version,
        "budget": f"{MODEL.budget:g}",
        "bank_budgets": "0116=2,9900=0.5",
        "controller": "true",
        "alert_banks": "0116,9900",
        "bulletin_banks": "0116",
    }
    assert expected == alerts_by(settings, MODEL)


@pytest.mark.parametrize(
    "change",
    [
        {"bank_budgets": ("0116=3",)},
        {"controller": True},
        {"deployment": "green"},
        {"alert_banks": ("0116",)},
        {"bulletin_banks": ("0116",)},
    ],
)
def test_another_budget_or_a_bank_less_is_another_start(change: dict[str, object]) -> None:
    assert alerts_by(Settings(), MODEL) != alerts_by(Settings.model_validate(change), MODEL)
