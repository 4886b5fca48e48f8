"""Workers of one deployment run one model, or else a partition's alerts would depend on who has it.

A change of models goes from worker to worker: the new ones name the model that they replace. A worker looks before it
joins, so that one that is refused moves no partition; two that start at once are told by the leader of the group.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple

import msgspec

from detector.core.model import Model
from detector.errors import UserError
from detector.kafka.clients import admin_client
from detector.kafka.groups import user_data
from detector.settings import Settings
from detector.stream.static_names import PAUSE_S, SLACK_S, is_alive, is_dead


class Runs(NamedTuple):
    """A member's model, "" where an earlier release does not say, and the one that it replaces.

    By twelve digits of the SHA-256 of their manifests, which have all that they alert by.
    """

    model: str = ""
    replaces: str = ""

    @classmethod
    def of(cls, model: Model, settings: Settings) -> "Runs":
        """What a worker with this model says."""
        return cls(model.sha256[:12], settings.replaces_model)

    def goes_with(self, other: "Runs") -> bool:
        """Whether both may work in one group."""
        one, another = self.model, other.model
        return not (one and another) or one in {another, other.replaces} or another == self.replaces


class _Told(msgspec.Struct, frozen=True):
    """What of a member's words this reads: see `assignor`."""

    model: str = ""
    replaces: str = ""


def runs_of(told: bytes) -> Runs:
    """What a member said when it joined, behind the name of its process; nothing where it is no worker's."""
    try:
        found = msgspec.json.decode(told, type=_Told)
    except msgspec.DecodeError:
        return Runs()
    return Runs(found.model, found.replaces)


def others(settings: Settings) -> Mapping[str, Runs]:
    """What the members of the group run now, by process; nothing while the group rebalances or Kafka does not say."""
    with suppress(UserError), admin_client(settings) as client:
        parts = [told.partition(" ") for told in user_data(client, settings.group)]
        return {process: runs_of(told.encode()) for process, _, told in parts}
    return {}


def require_same_model(
    settings: Settings,
    own: Runs,
    ask: Callable[[Settings], Mapping[str, Runs]] = others,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Return when no process that may be alive runs a model that does not go with `own`; `UserError` where one does.

    One that was killed counts until its session ends: where it cannot be known, this waits so long.
    """
    began = clock()
    while found := {name: runs for name, runs in ask(settings).items() if not (own.goes_with(runs) or is_dead(name))}:
        name, runs = max(found.items(), key=lambda item: is_alive(item[0]))
        if is_alive(name) or clock() > began + settings.session_timeout_s + SLACK_S:
            raise another_model(settings, own, runs.model, f" ({name})")
        sleep(PAUSE_S)


def another_model(settings: Settings, own: Runs, running: str, who: str = "") -> UserError:
    """The error of a worker whose model does not go with the one that others run."""
    return UserError(
        f"setting model: {settings.model} is {own.model}, while workers of group {settings.group} run {running}{who}:"
        f" give this one the same model or another deployment; to change models worker by worker, start the new ones"
        f" with --replaces-model {running}"
    )
