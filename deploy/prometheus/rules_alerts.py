"""Rules on what comes out: alerts against their budget, drift, desks, the canary."""

from rule import SOURCE, Rule

_CASES = "sum by (deployment, job) (increase(kozamori_cases_total"
_BUDGET = "max by (deployment, job) (kozamori_alert_budget_per_day)"
_BY_BANK = "sum by (deployment, job, bank) (increase(kozamori_cases_by_bank_total[1d]))"
_UNUSUAL = 'sum by (deployment, job) (increase(kozamori_alarm_per_day_bucket{le="20.0"}[7d])) / 7'
_MULTIPLIER = "max by (deployment, job, bank) (kozamori_limit_multiplier)"

ALERTS = (
    Rule(
        "KozamoriCasesBeyondBudget",
        f"{_CASES}[1d]))\n> 3 * {_BUDGET} > 0",
        "10m",
        "page",
        "{{ $value | humanize }} cases in a day, more than three times the budget of false alarms",
        "An attack, or normal life has changed. By bank and detector on the dashboard; one bank means an attack.",
        "Cases in 24 h",
    ),
    # A bank's budget is a fraction of a case a day: ten at least, or chance would wake somebody.
    Rule(
        "KozamoriBankBeyondBudget",
        f"{_BY_BANK} > 10\nand {_BY_BANK} > 5 * max by (deployment, job, bank) (kozamori_bank_alert_budget_per_day)",
        "10m",
        "page",
        "Bank {{ $labels.bank }} has {{ $value | humanize }} cases in a day, more than five times what it may expect",
        "Call the bank: one bank alone means an attack on it, or a change of its own in how accounts are linked.",
        "Alert groups against the budget",
    ),
    # Ten more than a week's budget and a half: with a small budget chance alone brings a half more.
    Rule(
        "KozamoriBudgetOverspent",
        f"{_CASES}[7d]))\n> 1.5 * 7 * {_BUDGET} + 10",
        "1h",
        "ticket",
        "{{ $value | humanize }} cases in a week, more than one and a half times the budget of false alarms",
        "If the desk calls most of them false, normal life has drifted: train on newer days, or set `controller`.",
        "Alert groups against the budget",
    ),
    # By the calibration normal life has 20 groups of such events a day, of some events each.
    Rule(
        "KozamoriDrift",
        f"{_UNUSUAL} > 100",
        "1h",
        "ticket",
        "{{ $value | humanize }} events a day look as unusual as 20 a day did when the model was trained",
        "No campaign that explains it? Then normal life has changed: train on newer days.",
        "Events that look unusual",
    ),
    Rule(
        "KozamoriControllerAtItsEnd",
        f"({_MULTIPLIER} <= 0.5 or {_MULTIPLIER} >= 2)",
        "12h",
        "ticket",
        "The controller has multiplied the limit of {{ $labels.bank }} by {{ $value }} for half a day and can no more",
        "Normal life is not what the model was trained on: train on newer days.",
        "What the controller does",
    ),
    Rule(
        "KozamoriNoCases",
        f"{_CASES}[1d])) == 0\n"
        f"and sum by (deployment, job) (increase(kozamori_chunk_events_sum{{{SOURCE}}}[1d])) > 100000\n"
        f"and {_BUDGET} >= 5",
        "1h",
        "ticket",
        "Not one case in a day, though normal life alone should make some false ones",
        "The model no longer fits the events: compare the share of unusual events with last month's, retrain.",
        "Cases in 24 h",
    ),
)
