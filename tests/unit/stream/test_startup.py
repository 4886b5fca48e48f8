"""What the audit has of a worker's start."""

import pytest
from support.models import make_model

from detector.settings import Settings
from detector.stream.startup import alerts_by

MODEL = make_model()


def test_a_start_is_noted_with_the_model_and_all_budgets() -> None:
    settings = Settings(deployment="blue", bank_budgets=("0116=2", "9900=0.5"), controller=True)
    expected = {
        "group": "kozamori.blue",
        "model": MODEL.sha256[:12],
        "version": MODEL.version,
        "budget": f"{MODEL.budget:g}",
        "bank_budgets": "0116=2,9900=0.5",
        "controller": "true",
    }
    assert expected == alerts_by(settings, MODEL)


@pytest.mark.parametrize("change", [{"bank_budgets": ("0116=3",)}, {"controller": True}, {"deployment": "green"}])
def test_another_budget_is_another_start(change: dict[str, object]) -> None:
    assert alerts_by(Settings(), MODEL) != alerts_by(Settings.model_validate(change), MODEL)
