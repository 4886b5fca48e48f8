"""Logging, set up once at the entry point: one JSON object a line, or lines for people; never a piece of an event."""

import logging
import sys
from typing import Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

#: Fields that carry, or could carry, what came from the bus.
PAYLOAD_FIELDS = frozenset(
    {"account", "counterparty", "event_id", "key", "message", "payload", "record", "shop", "source", "value", "wallet"}
)
WITHHELD = "(withheld)"
#: Longer texts are somebody's data, not a log line.
MAX_TEXT = 1_000
#: These log whole requests, records included, at debug.
FOREIGN_LOGGERS = ("aiokafka", "faust", "kafka", "mode", "numba", "asyncio", "matplotlib")


def configure_logging(
    level: Literal["debug", "info", "warning", "error"], style: Literal["json", "console"], stream: TextIO | None = None
) -> None:
    """Send the logs of this process, those of libraries included, to `stream` (standard error by default).

    Libraries never log below info, tracebacks show no variables, and fields that may hold event data are withheld.
    """
    stream = stream if stream is not None else sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        withhold_payload,
    ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_renderers(style, stream)],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in FOREIGN_LOGGERS:
        logging.getLogger(name).setLevel(max(logging.INFO, root.level))
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _renderers(style: Literal["json", "console"], stream: TextIO) -> list[Processor]:
    if style == "console":
        # The default renders exceptions with rich, which prints every local variable.
        renderer = structlog.dev.ConsoleRenderer(
            colors=stream.isatty(), exception_formatter=structlog.dev.plain_traceback
        )
        return [renderer]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(sort_keys=False)]


def withhold_payload(_logger: WrappedLogger, _method: str, line: EventDict) -> EventDict:
    """Replace the values of `PAYLOAD_FIELDS`, bytes anywhere by their number, and cut long texts."""
    for name, value in line.items():
        if name in PAYLOAD_FIELDS:
            line[name] = WITHHELD
        elif isinstance(value, (bytes, bytearray, memoryview)):
            line[name] = f"({len(value)} bytes)"
        elif isinstance(value, str) and len(value) > MAX_TEXT:
            line[name] = f"{value[:MAX_TEXT]}… ({len(value)} characters)"
    return line
