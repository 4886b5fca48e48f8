import os
from pathlib import Path

import pytest

from detector.demo.worker import Sample, command, last_words, logged_port, sample_of
from detector.settings import Settings


def test_a_worker_gets_what_was_set_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("KOZAMORI_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("KOZAMORI_PREFIX", "other.")
    settings = Settings(bootstrap=("a:1", "b:2"), metrics_port=0, allow_plaintext_sasl=True)
    found = command(settings.model_copy(update={"model": Path("m")}))
    assert ["-u", "KOZAMORI_PREFIX"] == found[1:3]
    options = found[found.index("worker") + 1 :]
    assert ["--bootstrap", "a:1,b:2", "--metrics-port", "0", "--allow-plaintext-sasl", "--model", "m"] == sorted(
        options, key=["--bootstrap", "a:1,b:2", "--metrics-port", "0", "--allow-plaintext-sasl", "--model", "m"].index
    )


LOG = """\
{"event": "worker starts", "metrics_port": 41234}
{"event": "worker ends", "status": 1, "error": "the log is gone"}
"""


def test_the_metrics_port_is_read_from_the_log() -> None:
    assert (0, 41234) == (logged_port("not JSON\n{}\n3\n"), logged_port(LOG))


@pytest.mark.parametrize(
    ("words", "log"),
    [
        ("the log is gone", LOG),
        ("kozamori: no such model", '{"event": "x"}\nkozamori: no such model\n'),
        ("it gave no reason", ""),
        ("it gave no reason", '{"event": "worker starts"}\n'),
    ],
)
def test_a_worker_that_ended_is_quoted(words: str, log: str) -> None:
    assert words == last_words(log)


def test_metrics_are_summed_over_kinds_and_partitions() -> None:
    text = """\
# TYPE kozamori_events_total counter
kozamori_events_total{stage="account",kind="link"} 3.0
kozamori_events_total{stage="account",kind="debit"} 4.0
kozamori_events_total{stage="wallet-events",kind="payment"} 2.0
kozamori_events_total{stage="wallet",kind="debit"} 4.0
# TYPE kozamori_watermark_timestamp_seconds gauge
kozamori_watermark_timestamp_seconds{stage="account",partition="0"} 1598886000.5
kozamori_watermark_timestamp_seconds{stage="account",partition="1"} 1598886001.25
"""
    assert Sample(9, 1_598_886_001_250) == sample_of(text)
    assert Sample(0, 0) == sample_of("")
