"""The dashboards as tables of panels; `python deploy/grafana/dashboard.py` writes their JSON beside this file."""

from pathlib import Path

from board import annotated, begin, choice
from row_bank import BANK
from row_engineers import ENGINEERS
from row_fraud_desk import FRAUD_DESK
from row_outside import OUTSIDE
from row_receivers import RECEIVERS
from row_stages import STAGES

FOLDER = Path(__file__).parent
#: (name, colour, PromQL that has a value when it happened, title).
ANNOTATIONS = (
    (
        "Releases",
        "blue",
        "count by (version) (kozamori_build_info{%}) unless count by (version) (kozamori_build_info{%} offset 2m)",
        "release {{version}}",
    ),
    (
        "Models",
        "purple",
        "count by (version) (kozamori_model_info{%}) unless count by (version) (kozamori_model_info{%} offset 2m)",
        "model {{version}}",
    ),
    (
        "Rebalances",
        "yellow",
        "sum by (deployment) (changes(kozamori_rebalances_total{%}[1m])) > 0",
        "partitions shared out anew",
    ),
    ("Alerts", "red", 'ALERTS{alertstate="firing", alertname=~"Kozamori.*", @}', "{{alertname}}"),
)
_BUILD = "kozamori_build_info"


def operators() -> str:
    """The dashboard of those who run the workers and of the fraud desk, over all banks."""
    board = begin(
        "Kozamori",
        "kozamori",
        "The account guard: does it work, and what does it see?",
        (ENGINEERS, OUTSIDE, RECEIVERS, STAGES, FRAUD_DESK),
    )
    # A deployment without a label of its own is one of them: the pattern of all takes an empty one too.
    for variable in (
        choice("deployment", "Deployment", f"label_values({_BUILD}, deployment)", every=".*"),
        choice("job", "Job", f'label_values({_BUILD}{{deployment=~"$deployment"}}, job)'),
        choice("instance", "Instance", f'label_values({_BUILD}{{deployment=~"$deployment", job=~"$job"}}, instance)'),
        choice("bank", "Bank", 'label_values(kozamori_bank_alert_budget_per_day{deployment=~"$deployment"}, bank)'),
    ):
        board.with_variable(variable)
    return annotated(board.build(), ANNOTATIONS)


def bank() -> str:
    """The dashboard of one bank, which shows nothing of any other."""
    board = begin("Kozamori: a bank", "kozamori-bank", "What the account guard sees at one bank.", (BANK,))
    for variable in (
        choice("deployment", "Deployment", f"label_values({_BUILD}, deployment)", every=".*"),
        choice(
            "bank",
            "Bank",
            'label_values(kozamori_bank_alert_budget_per_day{deployment=~"$deployment"}, bank)',
            every=None,
        ),
    ):
        board.with_variable(variable)
    return annotated(board.build(), ())


def rendered() -> dict[str, str]:
    """The files by name, byte for byte as they are checked in."""
    return {"kozamori.json": operators(), "kozamori-bank.json": bank()}


if __name__ == "__main__":
    for name, text in rendered().items():
        (FOLDER / name).write_text(text, "utf-8")
