"""Panels on what is promised, and on what is seen from outside: the canary, and the desks that read."""

from panel import Panel, Query, Row

OUTSIDE = Row(
    "For both: is the promise kept?",
    (
        Panel(
            "lines",
            "Alerts that came late",
            "Share of alerts more than 2.5 s after their event, over hours. 1% is allowed.",
            "percentunit",
            8,
            tuple(
                Query(f"max(deployment_job:kozamori_late_alerts_ratio:{window}{{@}})", f"over {window}")
                for window in ("1h", "1d")
            ),
            ((None, "green"), (0.01, "red")),
        ),
        Panel(
            "lines",
            "Events that nobody judged",
            "Share of what came in that could not be read or was deleted unread, over hours. 0.1% is allowed.",
            "percentunit",
            8,
            tuple(
                Query(f"max(deployment_job:kozamori_unjudged_events_ratio:{window}{{@}})", f"over {window}")
                for window in ("1h", "1d")
            ),
            ((None, "green"), (0.001, "red")),
        ),
        Panel(
            "lines",
            "Canary, from event to alert",
            "Time until a canary's alert was read, and canaries whose alert did not come within a minute. One is sent a"
            " minute.",
            "s",
            8,
            (
                Query(
                    "histogram_quantile(0.99, sum by (le) (rate(kozamori_canary_seconds_bucket{@}[15m])))", "99 of 100"
                ),
                Query("sum(increase(kozamori_canary_failures_total{@}[15m]))", "unanswered in 15 min"),
                Query("sum(increase(kozamori_canary_sent_total{@}[15m]))", "sent in 15 min"),
            ),
        ),
        Panel(
            "lines",
            "Oldest unread alert by desk",
            "How long it has lain there. A line that rises without end: that desk's subscriber reads nothing.",
            "s",
            12,
            (Query('max by (bank, group) (kozamori_desk_unread_seconds{bank=~"$bank", @})', "{{group}} ({{bank}})"),),
            ((None, "green"), (300, "red")),
        ),
        Panel(
            "lines",
            "Unread alerts by desk",
            "Alerts that a desk's group has not committed as read, those of other banks among them; and looks, one a"
            " minute, at which Kafka did not tell.",
            "short",
            12,
            (
                Query('max by (bank, group) (kozamori_desk_unread_alerts{bank=~"$bank", @})', "{{group}} ({{bank}})"),
                Query(
                    'sum by (bank, group) (increase(kozamori_desk_look_failures_total{bank=~"$bank", @}[15m]))',
                    "not told in 15 min, {{group}} ({{bank}})",
                ),
            ),
        ),
    ),
)
