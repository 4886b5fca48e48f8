"""Small simulations for tests of producers."""

from dataclasses import replace
from typing import Any

from producers import events
from producers.events import Events
from producers.scenarios import SCENARIOS, Scenario, simulate


def scenario(name: str = "normal", **changes: Any) -> Scenario:
    """The scenario of that name, small unless told otherwise."""
    return replace(SCENARIOS[name], **{"accounts": 1_500, "seed": 7, **changes})


def events_of(chosen: Scenario) -> Events:
    """All events of a scenario in one piece."""
    return events.concatenate(list(simulate(chosen)))
