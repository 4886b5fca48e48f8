"""Rules on what `kozamori canary` sees from outside: does an event become an alert, and do the desks read them?"""

from rule import Rule

OUTSIDE = (
    Rule(
        "KozamoriCanaryUnanswered",
        "sum by (deployment, job) (increase(kozamori_canary_failures_total[10m])) > 2",
        "",
        "page",
        "{{ $value | humanize }} canary events in ten minutes came back as no alert",
        "Somewhere between topic and alert nothing moves: lag by stage tells where, if the workers look well.",
        "Canary, from event to alert",
    ),
    Rule(
        "KozamoriCanaryGone",
        "(\n  sum by (deployment, job) (increase(kozamori_canary_sent_total[15m]))\n"
        "  or 0 * sum by (deployment, job) (max_over_time(kozamori_canary_sent_total[3d]))\n) == 0",
        "5m",
        "ticket",
        "No canary event was sent for a quarter of an hour: nobody proves the path",
        "Start `kozamori canary` again; its log says why it ended.",
        "Canary, from event to alert",
    ),
    # A desk of which nothing is known has no figures: no promise is broken then, and none is seen to be kept.
    Rule(
        "KozamoriDeskUnseen",
        "sum by (deployment, job, bank, group) (increase(kozamori_desk_look_failures_total[15m])) > 5",
        "",
        "ticket",
        "For {{ $value | humanize }} minutes of fifteen Kafka did not tell what group {{ $labels.group }}"
        " (bank {{ $labels.bank }}) has read",
        "Let the canary's user describe the group and read the alerts topic; its log has Kafka's own words.",
        "Unread alerts by desk",
    ),
)
