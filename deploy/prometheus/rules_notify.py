"""Rules on what `kozamori notify` delivers: does each receiver take what comes?"""

from rule import Rule

NOTIFY = (
    Rule(
        "KozamoriReceiverTakesNothing",
        "max by (deployment, job, receiver) (kozamori_notify_waiting_seconds) > 300",
        "",
        "page",
        "Receiver {{ $labels.receiver }} has taken nothing for {{ $value | humanizeDuration }}",
        "Call who runs it. Its alerts wait in order, and no other receiver's; none is lost.",
        "Messages that wait, by receiver",
    ),
    Rule(
        "KozamoriReceiverRefuses",
        "sum by (deployment, job, receiver) (increase(kozamori_notify_refused_total[15m])) > 0",
        "",
        "ticket",
        "Receiver {{ $labels.receiver }} refused messages for good: they are parked",
        "The log has the status of each; mend the receiver, then `kozamori notify --redrive`.",
        "Deliveries in 15 minutes, by receiver",
    ),
    Rule(
        "KozamoriNotifyGone",
        "(\n  count by (deployment, job) (kozamori_notify_circuit)\n"
        "  or 0 * count by (deployment, job) (max_over_time(kozamori_notify_circuit[3d]))\n) == 0",
        "5m",
        "page",
        "No alert is delivered to any receiver: kozamori notify is gone",
        "Start it again; its log says why it ended. What came meanwhile is sent then.",
        "Messages that wait, by receiver",
    ),
)
