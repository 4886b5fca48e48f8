"""Panels on what `kozamori notify` delivers."""

from panel import Panel, Query, Row

_OUTCOMES = (("delivered", "delivered"), ("failures", "failed, tried again"), ("refused", "refused, parked"))

RECEIVERS = Row(
    "For both: do receivers get what comes?",
    (
        Panel(
            "lines",
            "Messages that wait, by receiver",
            "How long a receiver has not taken the message that is its next. No other receiver waits for it.",
            "s",
            8,
            (Query("max by (receiver) (kozamori_notify_waiting_seconds{@})", "{{receiver}}"),),
            ((None, "green"), (300, "red")),
        ),
        Panel(
            "lines",
            "Deliveries in 15 minutes, by receiver",
            "What a receiver has taken, failed to take, and refused for good; and its circuit: 0 is closed, 2 is open.",
            "short",
            8,
            (
                *(
                    Query(
                        f"sum by (receiver) (increase(kozamori_notify_{metric}_total{{@}}[15m]))",
                        f"{word}, {{{{receiver}}}}",
                    )
                    for metric, word in _OUTCOMES
                ),
                Query("max by (receiver) (kozamori_notify_circuit{@})", "circuit, {{receiver}}"),
            ),
        ),
        Panel(
            "lines",
            "From Kafka to a receiver",
            "Time until a receiver had a message that was in Kafka.",
            "s",
            8,
            (
                Query(
                    "histogram_quantile(0.99, sum by (receiver, le)"
                    " (rate(kozamori_notify_seconds_bucket{@}[$__rate_interval])))",
                    "99 of 100, {{receiver}}",
                ),
            ),
        ),
    ),
)
