"""Log lines: their form, and what must not be in them."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from detector.logs import FOREIGN_LOGGERS, MAX_TEXT, PAYLOAD_FIELDS, WITHHELD, configure_logging


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in FOREIGN_LOGGERS}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in levels.items():
        logging.getLogger(name).setLevel(before)
    structlog.reset_defaults()


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_json_line_holds_the_event_its_fields_its_level_its_logger_and_the_time(stream: io.StringIO) -> None:
    configure_logging("info", "json", stream)
    structlog.get_logger("detector.stream").info("checkpoint made", rows=5, seconds=0.25)
    (line,) = lines(stream)
    assert str(line.pop("timestamp")).endswith("Z")
    assert line == {
        "event": "checkpoint made",
        "rows": 5,
        "seconds": 0.25,
        "level": "info",
        "logger": "detector.stream",
    }


def test_lines_of_libraries_have_the_same_form(stream: io.StringIO) -> None:
    configure_logging("info", "json", stream)
    logging.getLogger("aiokafka.conn").warning("lost %s", "127.0.0.1")
    (line,) = lines(stream)
    assert (line["event"], line["level"], line["logger"]) == ("lost 127.0.0.1", "warning", "aiokafka.conn")


@pytest.mark.parametrize(("level", "expected"), [("debug", 4), ("info", 3), ("warning", 2), ("error", 1)])
def test_lines_below_the_level_are_not_written(stream: io.StringIO, level: str, expected: int) -> None:
    configure_logging(level, "json", stream)  # type: ignore[arg-type]
    log = structlog.get_logger("detector")
    for write in (log.debug, log.info, log.warning, log.error):
        write("line")
    assert expected == len(lines(stream))


@pytest.mark.parametrize("name", FOREIGN_LOGGERS)
def test_libraries_never_log_at_debug_where_they_show_whole_records(stream: io.StringIO, name: str) -> None:
    configure_logging("debug", "json", stream)
    logging.getLogger(f"{name}.inner").debug("Sending request with records b'...'")
    assert lines(stream) == []


@pytest.mark.parametrize("style", ["json", "console"])
def test_a_traceback_shows_no_variables(stream: io.StringIO, style: str) -> None:
    configure_logging("info", style, stream)  # type: ignore[arg-type]
    payload = "0116-secret-account"
    try:
        raise RuntimeError("broken", len(payload))
    except RuntimeError:
        structlog.get_logger("detector").exception("failed")
        logging.getLogger("faust").exception("failed too")
    text = stream.getvalue()
    assert text.count("RuntimeError: ('broken', 19)") == 2
    assert "secret-account" not in text


@pytest.mark.parametrize("style", ["json", "console"])
@pytest.mark.parametrize("field", sorted(PAYLOAD_FIELDS))
def test_fields_that_may_hold_event_data_are_withheld(stream: io.StringIO, style: str, field: str) -> None:
    configure_logging("info", style, stream)  # type: ignore[arg-type]
    structlog.get_logger("detector").info("bad record", **{field: "0123456789abcdef"}, offset=7)
    assert "0123456789abcdef" not in stream.getvalue()
    assert WITHHELD in stream.getvalue()
    assert "7" in stream.getvalue()


def test_bytes_are_shown_by_their_number_and_long_texts_are_cut(stream: io.StringIO) -> None:
    configure_logging("info", "json", stream)
    structlog.get_logger("detector").info("odd", blob=b"secret", text="x" * (MAX_TEXT + 1))
    (line,) = lines(stream)
    assert line["blob"] == "(6 bytes)"
    assert line["text"] == "x" * MAX_TEXT + f"… ({MAX_TEXT + 1} characters)"


def test_a_text_with_line_breaks_stays_one_json_line(stream: io.StringIO) -> None:
    configure_logging("info", "json", stream)
    structlog.get_logger("detector").info('one\n{"event": "forged"}', topic="a\nb")
    assert len(lines(stream)) == 1


def test_setting_up_twice_does_not_write_twice(stream: io.StringIO) -> None:
    configure_logging("info", "json", io.StringIO())
    configure_logging("info", "json", stream)
    structlog.get_logger("detector").info("once")
    assert len(lines(stream)) == 1
