"""What a worker needs before it joins its group: a Kafka that answers, topics that fit, its name for itself alone,
the model that the others run, and the audit that has it."""

import time
from collections.abc import Callable, Mapping

import structlog

from detector.core.model import Model
from detector.errors import KafkaAwayError
from detector.kafka.audit import note
from detector.kafka.clients import TIMEOUT_S
from detector.kafka.topics import check, inspect
from detector.settings import Settings
from detector.stream.same_model import Runs, require_same_model
from detector.stream.static_names import require_free

log = structlog.get_logger(__name__)

#: The first attempt waits less, so that people hear soon that Kafka is away; it may just be slow.
FIRST_S = 2.0
PAUSE_S = 1.0


def alerts_by(settings: Settings, model: Model) -> Mapping[str, str]:
    """What the audit has of a worker's start: by which model and budgets its alerts come."""
    return {
        "group": settings.group,
        "model": model.sha256[:12],
        "version": model.version,
        "budget": f"{model.budget:g}",
        "bank_budgets": ",".join(settings.bank_budgets),
        "controller": str(settings.controller).lower(),
    }


def wait_until_it_fits(
    settings: Settings,
    runs: Runs,
    noted: Mapping[str, str],
    tell: Callable[[str], None],
    pause_s: float = PAUSE_S,
) -> None:
    """Return when Kafka answers and has what the worker needs; `UserError` for what a person must mend.

    `noted` is what the audit must have of this start. `tell` is called with the cause while Kafka is away, and with ""
    when it is back.
    """
    began, away, timeout_s = time.monotonic(), "", FIRST_S
    while True:
        try:
            check(settings, inspect(settings, timeout_s))
            if settings.static_member:
                require_free(settings)
            require_same_model(settings, runs)
            if entry := note(settings, "worker started", noted, repeats=False):
                log.info("noted in the audit", head=f"{entry.number + 1}:{entry.mac}")
        except KafkaAwayError as error:
            if not away:
                log.warning("Kafka is away, the worker waits", cause=str(error))
            away, timeout_s = str(error), TIMEOUT_S
            tell(away)
            time.sleep(pause_s)
        else:
            if away:
                log.info("Kafka is back, the worker goes on", away_s=round(time.monotonic() - began, 1))
                tell("")
            return
