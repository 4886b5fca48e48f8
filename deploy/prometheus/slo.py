"""What is promised, as a table, and the rules that tell when a promise will not be kept.

A promise allows a share of bad ones, its error budget: 1 - objective. Burning at rate b, a budget meant for 30 days is
gone after 30 / b days. An alert asks a long window whether much was burnt, and a short one whether it still burns, so
that it ends soon after the trouble does (The Site Reliability Workbook, chapter 5, "multiwindow, multi-burn-rate").
"""

from dataclasses import dataclass
from typing import Literal

from rule import SOURCE, Rule

Severity = Literal["page", "ticket"]
#: (burn rate, long window, short window). The first two wake somebody: 2 % of the budget gone in an hour, 5 % in six.
PAGE = ((14.4, "1h", "5m"), (6.0, "6h", "30m"))
#: These wait for the morning: 10 % of the budget gone in a day, or in three.
TICKET = ((3.0, "1d", "2h"), (1.0, "3d", "6h"))
WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")


@dataclass(frozen=True, slots=True)
class Slo:
    """A promise: of all that `total` counts in a window (`$w`), a share of `objective` is not in `bad`.

    Both are sums by the labels `by`, and may read `before`: series recorded first, by name. Fewer than `least` bad ones
    in the long window alert nobody: where a day has twenty alerts, one is not a rate. `what` is bad in words, `panel`
    shows it.
    """

    name: str
    objective: float
    by: str
    bad: str
    total: str
    least: int
    page: str
    ticket: str
    what: str
    action: str
    panel: str
    before: tuple[tuple[str, str], ...] = ()

    def named(self, what: str, window: str) -> str:
        """The name of what is recorded over a window: `bad` ones, all of them (`total`), and their `ratio`."""
        return f"{self.by.replace(', ', '_')}:kozamori_{self.name}_{what}:{window}"

    def recorded(self) -> list[dict[str, str]]:
        """Recording rules: over each window the bad ones, all, and the share of the bad ones."""
        exprs = [(name, expr) for name, expr in self.before]
        for window in WINDOWS:
            bad, total = self.named("bad", window), self.named("total", window)
            exprs += [(bad, self.bad.replace("$w", window)), (total, self.total.replace("$w", window))]
            exprs.append((self.named("ratio", window), f"{bad} / {total}"))
        return [{"record": name, "expr": expr} for name, expr in exprs]

    def rules(self) -> tuple[Rule, Rule]:
        """The alert that wakes somebody and the one that waits."""
        return self._rule(self.page, "page", PAGE), self._rule(self.ticket, "ticket", TICKET)

    def _rule(self, alert: str, severity: Severity, burns: tuple[tuple[float, str, str], ...]) -> Rule:
        return Rule(
            alert,
            "\nor\n".join(self._burns(*burn) for burn in burns),
            "",
            severity,
            f"{{{{ $value | humanizePercentage }}}} of {self.what}; {100 * (1 - self.objective):.3g} % is allowed",
            self.action,
            self.panel,
        )

    def _burns(self, rate: float, long: str, short: str) -> str:
        limit = f"{rate:g} * {1 - self.objective:.4g}"
        return (
            f"(\n  {self.named('ratio', long)} > {limit}\n  and {self.named('ratio', short)} > {limit}\n"
            f"  and {self.named('bad', long)} > {self.least - 0.5}\n)"
        )


_JOB = "deployment, job"
_DESK = "deployment, job, bank, group"
_LATE = "kozamori_event_to_alert_seconds_bucket"
_EVENTS = f"sum by ({_JOB}) (increase(kozamori_chunk_events_sum{{{SOURCE}}}[$w]))"
_LETTERS = f"sum by ({_JOB}) (increase(kozamori_dead_letters_by_partition_total{{{SOURCE}}}[$w]))"
_DELETED = f"sum by ({_JOB}) (increase(kozamori_deleted_events_total{{{SOURCE}}}[$w]))"
_UNREAD = "deployment_job_bank_group:kozamori_unread:bool"

SLOS = (
    Slo(
        "late_alerts",
        0.99,
        _JOB,
        f'sum by ({_JOB}) (increase({_LATE}{{le="+Inf"}}[$w])) - sum by ({_JOB}) (increase({_LATE}{{le="2.5"}}[$w]))',
        f'sum by ({_JOB}) (increase({_LATE}{{le="+Inf"}}[$w]))',
        3,
        "KozamoriAlertsLate",
        "KozamoriAlertsLateOften",
        "alerts came more than 2.5 s after their event",
        "Look at lag first, then at the brokers' produce latency. A whole drain takes a minute.",
        "From event to alert",
    ),
    Slo(
        "unjudged_events",
        0.999,
        _JOB,
        f"{_LETTERS} + {_DELETED}",
        f"{_EVENTS} + deployment_job:kozamori_unjudged_events_bad:$w",
        10,
        "KozamoriIncomplete",
        "KozamoriIncompleteOften",
        "the events that came in were judged by nobody: unreadable, or deleted unread",
        "`kozamori dead-letters list --since 1h` tells why; what was mended goes back with `dead-letters redrive`.",
        "Duplicate, late and lost",
    ),
    # Of a desk's time, that in which its oldest unread alert has waited for more than five minutes.
    Slo(
        "unread_time",
        0.99,
        _DESK,
        f"sum_over_time({_UNREAD}[$w])",
        f"count_over_time({_UNREAD}[$w])",
        1,
        "KozamoriDeskReadsNothing",
        "KozamoriDeskReadsLate",
        "the time of group {{ $labels.group }} (bank {{ $labels.bank }}) an alert lay unread for over five minutes",
        "Call the bank: its subscriber has stopped, or reads and does not commit. Its alerts wait, none is lost.",
        "Oldest unread alert by desk",
        ((_UNREAD, f"max by ({_DESK}) (kozamori_desk_unread_seconds) > bool 300"),),
    ),
)
