"""The end of a worker: how it leaves the group, and its exit status."""

import asyncio
import os
import sys
import threading

import structlog

from detector.errors import UserError
from detector.stream.ports import Source

log = structlog.get_logger(__name__)

#: Leaving the group and closing connections, which takes a fraction of that; with nobody there to take leave of.
STOP_TIMEOUT_S = 4.0
STOP_AWAY_S = 0.5
#: What other threads may take, such as one that looks up a name.
LINGER_S = 1.0


async def leave(source: Source, error: BaseException | None, *, away: bool) -> None:
    """Leave the group and close connections; where that takes too long, end the process with the same status."""
    leaving = asyncio.ensure_future(source.stop())
    timeout_s = STOP_AWAY_S if away else STOP_TIMEOUT_S
    # Not wait_for: Faust swallows the cancellation, a member that still joins waits for all others, and its thread,
    # no daemon, would keep the process from ending.
    await asyncio.wait({leaving}, timeout=timeout_s)
    if not leaving.done():
        log.warning("stopping took too long, the process ends without it", seconds=timeout_s)
        _end_process(_final_status(error))
    if (failure := leaving.exception()) is not None:
        log.warning("stopping was not orderly", error=type(failure).__name__)
    lingering = threading.Timer(LINGER_S, lambda: _end_process(_final_status(error)))
    lingering.daemon = True
    lingering.start()


def status_of(error: BaseException | None) -> int:
    """Exit status, told in the log; raises what a person must mend."""
    if error is None:
        log.info("worker ends", status=0)
        return 0
    if isinstance(error, UserError):
        raise error
    log.critical("worker ends", status=1, error=str(error) or repr(error), exc_info=error)
    return 1


def _final_status(error: BaseException | None) -> int:
    try:
        return status_of(error)
    except UserError as refused:
        sys.stderr.write(f"kozamori: {refused}\n")
        return 2


def _end_process(status: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)
