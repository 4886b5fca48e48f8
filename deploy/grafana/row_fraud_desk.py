"""Panels for those who read the alerts."""

from panel import BANKS, Panel, Query, Row, new, source_only

EVENTS = "kozamori_events_total"
LINKS, DEBITS, OK = 'kind="link"', 'kind="debit"', 'result="ok"'

FRAUD_DESK = Row(
    "For the fraud desk: what does it see?",
    (
        Panel(
            "number",
            "Cases in 24 h",
            "Accounts, or wallets without one, newly alerted; further alerts within 24 h belong to the case.",
            "short",
            3,
            (Query("sum(increase(kozamori_cases_total{%}[24h]))"),),
        ),
        Panel(
            "number",
            "False cases expected a day",
            "The budget the model was calibrated to: so many cases a day come from normal life.",
            "short",
            3,
            (Query("max(kozamori_alert_budget_per_day{%})"),),
        ),
        Panel(
            "number",
            "Still to be saved",
            "Yen left to the monthly cap of the accounts alerted in 24 h, when their case was opened.",
            "currencyJPY",
            4,
            (Query("sum(increase(kozamori_yen_at_risk_total{%}[24h]))"),),
            ((None, "orange"),),
        ),
        Panel(
            "number",
            "Already gone",
            "Yen debited from these accounts before their case was opened, the alerting debit included.",
            "currencyJPY",
            4,
            (Query("sum(increase(kozamori_yen_debited_total{%}[24h]))"),),
            ((None, "red"),),
        ),
        Panel(
            "number",
            "How early",
            "Share of the money in question that was still there when the case was opened.",
            "percentunit",
            3,
            (
                Query(
                    "sum(increase(kozamori_yen_at_risk_total{%}[24h])) / clamp_min("
                    "sum(increase(kozamori_yen_at_risk_total{%}[24h]))"
                    " + sum(increase(kozamori_yen_debited_total{%}[24h])), 1)"
                ),
            ),
            ((None, "red"), (0.5, "orange"), (0.67, "green")),
        ),
        Panel(
            "number",
            "State, part of its burn-in",
            "Days of events in the state, of those it needs. Below 100% everybody looks new, and alerts mean little.",
            "percentunit",
            3,
            (
                Query(
                    "min(max by (stage) (kozamori_state_age_seconds{%}))"
                    " / clamp_min(max(kozamori_burn_in_seconds{%}), 86400)"
                ),
            ),
            ((None, "red"), (1, "green")),
        ),
        Panel(
            "number",
            "Critical cases in 24 h",
            "By the severity table: much money at risk, and seldom so in normal life.",
            "short",
            4,
            (Query('sum(increase(kozamori_cases_total{severity="critical", %}[24h]))'),),
            ((None, "green"), (1, "red")),
        ),
        Panel(
            "bars",
            "New cases by severity",
            "Cases opened in each interval.",
            "short",
            12,
            (Query("sum by (severity) (increase(kozamori_cases_total{%}[$__rate_interval]))", "{{severity}}"),),
        ),
        Panel(
            "bars",
            "Alerts by detector",
            "Alerts by detector, updates of a case included. Held: alerting events with nothing new for their case.",
            "short",
            12,
            (
                Query("sum by (detector) (increase(kozamori_alerts_total{%}[$__rate_interval]))", "{{detector}}"),
                Query("sum(increase(kozamori_alert_events_held_total{%}[$__rate_interval]))", "held"),
            ),
        ),
        Panel(
            "ranking",
            "Alerts by bank",
            "Zengin codes with the most alerts in the time shown; none: on wallets. Attacks concentrate on few banks.",
            "short",
            8,
            (Query(f"topk(15, {new('kozamori_alerts_by_bank_total', 'bank', selector=BANKS)})", "{{bank}}"),),
        ),
        Panel(
            "ranking",
            "Alert groups against the budget",
            "Cases of each bank in 24 h, as a part of what it may expect a day from normal life. Far beyond 1: an "
            "attack on this bank, or its normal life has changed.",
            "percentunit",
            8,
            (
                Query(
                    f"topk(15, {new('kozamori_cases_by_bank_total', 'bank', '24h', BANKS)}"
                    f" / on (bank) max by (bank) (kozamori_bank_alert_budget_per_day{{{BANKS}}}))",
                    "{{bank}}",
                ),
            ),
            ((None, "green"), (1.5, "orange"), (3, "red")),
        ),
        Panel(
            "ranking",
            "Alerts by service",
            "Wallet services with the most alerts in the time shown.",
            "short",
            8,
            (Query(f"topk(10, {new('kozamori_alerts_by_service_total', 'service')})", "{{service}}"),),
        ),
        Panel(
            "lines",
            "Events that look unusual",
            "Share of scored events at least as unusual as once, or twenty times, a day in normal life. "
            "A slow rise is drift, a jump an attack or a campaign.",
            "percentunit",
            16,
            tuple(
                Query(
                    f'sum(rate(kozamori_alarm_per_day_bucket{{le="{bound}", %}}[$__rate_interval]))'
                    " / sum(rate(kozamori_alarm_per_day_count{%}[$__rate_interval]))",
                    f"at most {bound.removesuffix('.0')} a day",
                )
                for bound in ("1.0", "20.0")
            ),
        ),
        Panel(
            "lines",
            "What the controller does",
            "Limits are multiplied by this, so that the rate of alert groups stays at the budget while normal life "
            "drifts; 1 without a controller. At 0.5 or 2 it can do no more: train the model again.",
            "short",
            8,
            (Query(f"max by (bank) (kozamori_limit_multiplier{{{BANKS}}})", "{{bank}}"),),
        ),
        Panel(
            "bars",
            "Campaigns",
            "Campaigns begun, by the pattern that was too large; growing, closed: bulletins on those begun before.",
            "short",
            12,
            (
                Query("sum by (pattern) (increase(kozamori_campaigns_total{%}[$__rate_interval]))", "{{pattern}}"),
                Query(
                    'sum by (state) (increase(kozamori_bulletins_total{state!="begun", %}[$__rate_interval]))',
                    "{{state}}",
                ),
            ),
        ),
        Panel(
            "lines",
            "Campaigns told within an hour",
            "Share of campaigns told within an hour of the first event; of those that had taken money by then, within "
            "an hour of the first yen.",
            "percentunit",
            12,
            tuple(
                Query(
                    new(f"kozamori_{what}_to_bulletin_seconds_bucket", "", selector='le="3600.0", %')
                    + f" / clamp_min({new(f'kozamori_{what}_to_bulletin_seconds_count', '')}, 1)",
                    name,
                )
                for what, name in (("first_event", "of the first event"), ("first_yen", "of the first yen"))
            ),
        ),
        Panel(
            "lines",
            "Link attempts that fail",
            "Share of link attempts refused, by service. Typing errors make a steady level; guessing of PINs lifts it.",
            "percentunit",
            12,
            (
                Query(
                    f"1 - sum by (service) (rate({source_only(EVENTS, LINKS, OK)}[$__rate_interval]))"
                    f" / sum by (service) (rate({source_only(EVENTS, LINKS)}[$__rate_interval]))",
                    "{{service}}",
                ),
            ),
        ),
        Panel(
            "bars",
            "Debits by result",
            "Debits per second. Many over the cap: somebody tries how much an account gives.",
            "short",
            12,
            (Query(f"sum by (result) (rate({source_only(EVENTS, DEBITS)}[$__rate_interval]))", "{{result}}"),),
        ),
    ),
)
