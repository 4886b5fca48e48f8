"""Panels on one bank: each query selects it, and nothing is summed over others."""

from panel import Panel, Query, Row

#: The one bank that was chosen.
ONE = 'bank="$bank", @'


def new(metric: str, over: str) -> str:
    """A counter's increase, a series that began meanwhile included."""
    return f"sum((increase({metric}{{{ONE}}}[{over}]) and {metric}{{{ONE}}} offset {over}) or {metric}{{{ONE}}})"


BANK = Row(
    "One bank: what does the guard see at it?",
    (
        Panel(
            "number",
            "Cases of this bank in 24 h",
            "Accounts newly alerted; further alerts within 24 h belong to the case.",
            "short",
            4,
            (Query(new("kozamori_cases_by_bank_total", "24h")),),
        ),
        Panel(
            "number",
            "False cases expected a day at this bank",
            "Its own budget, or its share of that of all: so many cases a day come from normal life.",
            "short",
            4,
            (Query(f"max(kozamori_bank_alert_budget_per_day{{{ONE}}})"),),
        ),
        Panel(
            "number",
            "Cases against the budget of this bank",
            "Far beyond 1: an attack on it, or its normal life has changed. At 5, with ten cases or more, the operators"
            " are woken.",
            "percentunit",
            4,
            (
                Query(
                    f"{new('kozamori_cases_by_bank_total', '24h')} / max(kozamori_bank_alert_budget_per_day{{{ONE}}})"
                ),
            ),
            ((None, "green"), (1.5, "orange"), (5, "red")),
        ),
        Panel(
            "number",
            "Still to be saved at this bank",
            "Yen left to the monthly cap of the accounts alerted in 24 h, when their case was opened.",
            "currencyJPY",
            4,
            (Query(new("kozamori_yen_at_risk_by_bank_total", "24h")),),
            ((None, "orange"),),
        ),
        Panel(
            "number",
            "Already gone at this bank",
            "Yen debited from these accounts before their case was opened, the alerting debit included.",
            "currencyJPY",
            4,
            (Query(new("kozamori_yen_debited_by_bank_total", "24h")),),
            ((None, "red"),),
        ),
        Panel(
            "number",
            "Oldest unread alert of this bank",
            "How long it has lain there unread by the bank's group. Beyond five minutes the operators are told.",
            "s",
            4,
            (Query(f"max(kozamori_desk_unread_seconds{{{ONE}}})"),),
            ((None, "green"), (300, "red")),
        ),
        Panel(
            "bars",
            "Alerts of this bank",
            "Alerts raised in each interval, updates of a case included.",
            "short",
            12,
            (Query(f"sum(increase(kozamori_alerts_by_bank_total{{{ONE}}}[$__rate_interval]))", "alerts"),),
        ),
        Panel(
            "bars",
            "New cases of this bank",
            "Cases opened in each interval.",
            "short",
            12,
            (Query(f"sum(increase(kozamori_cases_by_bank_total{{{ONE}}}[$__rate_interval]))", "cases"),),
        ),
    ),
)
