"""One alerting rule as a row of a table, and how it becomes what Prometheus reads."""

from dataclasses import dataclass
from typing import Any, Literal
from zlib import crc32

#: Prometheus serves the pages of `deploy/runbooks` beside its own: see `--web.console.templates` in compose.yml.
RUNBOOK = "{{ $externalURL }}/consoles/runbooks/%s.md"
#: A path of Grafana, which is not known here.
PANEL = "/d/kozamori?viewPanel=%d"

#: Whose lag and events are events of the sources; any other stage sees the same ones again, in messages of a hop.
SOURCE = 'stage=~"account|wallet-events"'
HOP = 'stage!~"account|wallet-events"'


@dataclass(frozen=True, slots=True)
class Rule:
    """An alert: when it fires, for how long that must hold, whom it tells, and the panel that shows it.

    `severity` page wakes somebody, ticket waits for the morning.
    """

    alert: str
    expr: str
    hold: str
    severity: Literal["page", "ticket"]
    summary: str
    action: str
    panel: str

    def entry(self) -> dict[str, Any]:
        """The rule as Prometheus' YAML has it; no `for` where it need not hold."""
        return {
            "alert": self.alert,
            "expr": self.expr,
            **({"for": self.hold} if self.hold else {}),
            "labels": {"severity": self.severity},
            "annotations": {
                "summary": self.summary,
                "action": self.action,
                "runbook_url": RUNBOOK % self.alert,
                "dashboard_url": PANEL % panel_id(self.panel),
            },
        }


def panel_id(title: str) -> int:
    """The id of the panel of that title: it stays while other panels come and go, and a link with it."""
    return crc32(title.encode()) >> 8
