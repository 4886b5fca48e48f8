"""Writes `alerts.yml`, `slo.yml` and the mixin's copy of both from the tables: `python deploy/prometheus/rules.py`."""

import json
from pathlib import Path
from typing import Any

import yaml
from rule import Rule
from rules_alerts import ALERTS
from rules_notify import NOTIFY
from rules_outside import OUTSIDE
from rules_state import STATE
from rules_worker import WORKER
from slo import SLOS

FOLDER = Path(__file__).parent
HEAD = "# Written by deploy/prometheus/rules.py from the tables beside it: change those.\n"
GROUPS = {
    "kozamori-worker": WORKER,
    "kozamori-state": STATE,
    "kozamori-alerts": ALERTS,
    "kozamori-outside": OUTSIDE,
    "kozamori-notify": NOTIFY,
}


class _Dumper(yaml.SafeDumper):
    pass


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def alert_groups() -> list[dict[str, Any]]:
    """The groups of alerts on causes and symptoms."""
    return [{"name": name, "rules": [rule.entry() for rule in rules]} for name, rules in GROUPS.items()]


def slo_groups() -> list[dict[str, Any]]:
    """A group for each promise: what is recorded, then what alerts by it."""
    return [
        {"name": f"kozamori-slo-{slo.name}", "rules": [*slo.recorded(), *(rule.entry() for rule in slo.rules())]}
        for slo in SLOS
    ]


def rendered() -> dict[str, str]:
    """The files by their path from here, byte for byte as they are checked in."""
    groups = {"alerts.yml": alert_groups(), "slo.yml": slo_groups()}
    files = {
        name: HEAD + yaml.dump({"groups": rules}, Dumper=_Dumper, sort_keys=False, width=118, allow_unicode=True)
        for name, rules in groups.items()
    }
    # jsonnet 0.18 cannot read YAML with texts of several lines.
    both = {"groups": [group for rules in groups.values() for group in rules]}
    return files | {"../mixin/rules.json": json.dumps(both, indent=2) + "\n"}


def all_rules() -> tuple[Rule, ...]:
    """Every alert, those of the promises included."""
    return (*(rule for rules in GROUPS.values() for rule in rules), *(rule for slo in SLOS for rule in slo.rules()))


if __name__ == "__main__":
    for name, text in rendered().items():
        (FOLDER / name).write_text(text, "utf-8")
