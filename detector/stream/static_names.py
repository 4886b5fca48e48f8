"""Static membership: a name in the group belongs to one process at a time.

Kafka gives a static name to whoever asks last, and shuts out the one before: two workers of one name, each started
again by its supervisor, would take it from each other for ever. So a worker looks who has its name before it joins,
and says so where that one lives, or where it has lost the name.
"""

import os
import re
import socket
import time
from collections.abc import Callable
from contextlib import suppress

from detector.errors import UserError
from detector.kafka.clients import admin_client
from detector.kafka.groups import UNNAMED, static_members
from detector.settings import Settings
from detector.stream.aside import ask_aside

#: A dead holder leaves the group after its session timeout; the broker looks that often, and so do we.
PAUSE_S = 1.0
SLACK_S = 3.0
_NAME = re.compile(r"kozamori-(.+)-(\d+)")


def process_name() -> str:
    """What this process calls itself in the group: its host and its number there.

    Not by its client id: of a member whose static name another one takes, Kafka keeps that.
    """
    return f"kozamori-{socket.gethostname()}-{os.getpid()}"


def holder(settings: Settings, member_id: str = "") -> str:
    """The process that has the worker's static name, "" where none has; `member_id` is this process's, if any.

    By its id a member is known also while the group rebalances, when Kafka does not say what members call themselves.
    """
    with admin_client(settings) as client:
        found = static_members(client, settings.group).get(settings.static_member)
    if found is None:
        return ""
    return process_name() if found.member_id == member_id else found.process


def require_free(
    settings: Settings,
    ask: Callable[[Settings], str] = holder,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Return when no process that may be alive has the static name; `UserError` where one keeps it."""
    began = clock()
    while (found := ask(settings)) and not is_dead(found):
        # Without a name it may be a dead one's in a rebalance, which waits for it.
        patience_s = settings.session_timeout_s + SLACK_S + (found == UNNAMED) * settings.rebalance_timeout_s
        if clock() > began + patience_s or is_alive(found):
            raise _taken(settings, found)
        sleep(PAUSE_S)


async def lost(settings: Settings, member_id: str) -> UserError | None:
    """The error of a worker whose static name another process has taken; None where none has, or Kafka does not say.

    `member_id` is what the worker has in the group, "" where the group does not know it any more.
    """
    with suppress(UserError):
        found = await ask_aside(lambda: holder(settings, member_id), "static name")
        return _taken(settings, found) if found not in {"", process_name()} else None
    return None


def _taken(settings: Settings, found: str) -> UserError:
    return UserError(
        f"setting static_member: {settings.static_member} is the name of another running worker, {found}:"
        " give every worker of a deployment a name of its own"
    )


def is_dead(found: str) -> bool:
    """Whether the holder is known to have ended: a process of this host that is no more, or had this one's number."""
    host, number = _parts(found)
    return host == socket.gethostname() and (number == os.getpid() or not _runs(number))


def is_alive(found: str) -> bool:
    """Whether the holder is known to run: a process of this host."""
    host, number = _parts(found)
    return host == socket.gethostname() and _runs(number)


def _parts(found: str) -> tuple[str, int]:
    match = _NAME.fullmatch(found)
    return (match[1], int(match[2])) if match else ("", 0)


def _runs(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
