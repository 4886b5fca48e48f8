"""Commands among hostile things: a line and an exit status, never a traceback.

Odd files wherever one is read, paths that cannot be written, consoles that lack most characters.
"""

import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.alerts import make_alert

from detector.cli.alerts import _print as print_alerts
from detector.cli.main import main
from detector.cli.models import train
from detector.cli.simulate import simulate
from detector.contract.alerts import encode_alert

ENCODINGS = ("cp932", "euc_jp", "latin-1", "ascii", "utf-8")


class Console:
    """Standard output and error in an encoding, as a process has them."""

    def __init__(self, encoding: str) -> None:
        self.out, self.err = io.BytesIO(), io.BytesIO()
        self.streams = tuple(
            io.TextIOWrapper(raw, encoding=encoding, errors=errors, write_through=True)
            for raw, errors in ((self.out, "strict"), (self.err, "backslashreplace"))
        )


@pytest.fixture
def on_a_console(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[int, bytes, bytes]]:
    """Runs a command on a console of an encoding; its status, and what it wrote."""

    def run(encoding: str, *arguments: object) -> tuple[int, bytes, bytes]:
        console = Console(encoding)
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", console.streams[0])
            patch.setattr(sys, "stderr", console.streams[1])
            with pytest.raises(SystemExit) as left:
                main([str(one) for one in arguments])
        assert isinstance(left.value.code, int)
        return left.value.code, console.out.getvalue(), console.err.getvalue()

    return run


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a history, a model, alerts, own data and a mapping."""
    folder = tmp_path_factory.mktemp("things")
    simulate.main(["-o", str(folder / "h"), "--accounts", "600", "--days", "4"], standalone_mode=False)
    events = str(folder / "h" / "events.parquet")
    train.main([events, "-o", str(folder / "model"), *QUICK], standalone_mode=False)
    (folder / "alerts.jsonl").write_bytes(encode_alert(make_alert(7)) + b"\n")
    (folder / "own.csv").write_bytes("取引日,金額\n令和2年9月1日,▲1,000\n".encode("cp932"))
    return folder


#: Commands that show Japanese text or signs, on things that are all right.
SHOWN: dict[str, tuple[object, ...]] = {
    "help": ("--help",),
    "help of a command": ("hash", "--help"),
    "an error": ("hash", "--account", "口座"),
    "a budget": ("budget", "{}/model"),
    "an alert": ("explain", "{}/alerts.jsonl", "--lang", "ja"),
    "typologies": ("simulate", "--list-typologies"),
    "own data": ("start-here", "{}/own.csv", "-o", "{}/new.toml", "--force"),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("arguments", SHOWN.values(), ids=SHOWN.keys())
def test_every_console_shows_what_there_is_to_say(
    things: Path, on_a_console: Callable[..., tuple[int, bytes, bytes]], encoding: str, arguments: tuple[str, ...]
) -> None:
    status, out, err = on_a_console(encoding, *(one.format(things) for one in arguments))
    assert status in {0, 2}, err
    assert b"Traceback" not in err
    assert out or err
    (out + err).decode("utf-8" if encoding == "ascii" else encoding)  # to ASCII click writes UTF-8


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_alerts_are_shown_on_every_console(monkeypatch: pytest.MonkeyPatch, encoding: str) -> None:
    console = Console(encoding)
    console.streams[0].reconfigure(errors="backslashreplace")  # as `main` does
    monkeypatch.setattr(sys, "stdout", console.streams[0])
    print_alerts(iter([make_alert(7)]), "ja", as_json=False)
    assert b"190,000" in console.out.getvalue()


def _odd(folder: Path, suffix: str) -> Iterator[tuple[str, Path]]:
    contents = {
        "empty": b"",
        "zeros": b"\0" * 64,
        "noise": bytes(range(256)) * 3,
        "cp932": "口座,銀行\n一,二\n".encode("cp932"),
        "utf-16": "口座,銀行\n一,二\n".encode("utf-16"),
        "html": b"<html><body>Sign in</body></html>",
        "json": b'{"a": [1, null, {"b": "\\ud800"}]}\n[]\nnull\n',
        "deep": b"[" * 5000,
        "one line": b"x" * 100_000,
    }
    for name, content in contents.items():
        path = folder / f"{name}{suffix}"
        path.write_bytes(content)
        yield name, path
    (folder / f"folder{suffix}").mkdir()
    yield "a folder", folder / f"folder{suffix}"
    yield "nothing there", folder / f"none{suffix}"
    yield "below a file", folder / f"empty{suffix}" / f"x{suffix}"
    yield "a name too long", folder / f"{'x' * 300}{suffix}"


EXCLUDED = ("train", "{things}/h/events.parquet", "-o", "{out}", "--exclude", "{things}/alerts.jsonl")
#: Where each command reads a file: {odd} has the suffix that follows, all else is of the folder of things.
READS: dict[str, tuple[str, ...]] = {
    "train": ("train", "{odd}.parquet", "-o", "{out}"),
    "train lines": ("train", "{odd}.jsonl", "-o", "{out}"),
    "train own": ("train", "{odd}.csv", "--mapping", "{things}/paysim.toml", "-o", "{out}"),
    "labels": ("train", "{things}/h/events.parquet", "-o", "{out}", "--labels", "{odd}.parquet"),
    "label lines": ("train", "{things}/h/events.parquet", "-o", "{out}", "--labels", "{odd}.jsonl"),
    "excluded": ("train", "{things}/h/events.parquet", "-o", "{out}", "--exclude", "{odd}.jsonl"),
    "verdicts": (*EXCLUDED, "--verdicts", "{odd}.csv"),
    "verdict lines": (*EXCLUDED, "--verdicts", "{odd}.jsonl"),
    "a mapping": ("train", "{things}/own.csv", "--mapping", "{odd}.toml", "-o", "{out}"),
    "check": ("mapping", "check", "{odd}.csv", "--mapping", "{things}/paysim.toml"),
    "check a mapping": ("mapping", "check", "{things}/own.csv", "--mapping", "{odd}.toml"),
    "start-here": ("start-here", "{odd}.csv", "-o", "{out}"),
    "start-here parquet": ("start-here", "{odd}.parquet", "-o", "{out}"),
    "start-here lines": ("start-here", "{odd}.jsonl", "-o", "{out}"),
    "start-here packed": ("start-here", "{odd}.csv.gz", "-o", "{out}"),
    "hash": ("hash", "{odd}.csv"),
    "a key": ("hash", "--account", "0116-1-1-1", "--key", "01={odd}.key"),
    "score": ("score", "{odd}.parquet", "--model", "{things}/model", "-o", "{out}.parquet"),
    "a model": ("budget", "{odd}"),
    "backtest": ("backtest", "{odd}.jsonl", "--labels", "{odd}.jsonl", "--model", "{things}/model"),
    "explain": ("explain", "{odd}.jsonl"),
    "settings": ("produce", "{things}/none.parquet", "--config", "{odd}.toml"),
    "produce": ("produce", "{odd}.parquet", "--bootstrap", "127.0.0.1:1"),
    "a world": ("world", "resampled", "-o", "{out}", "--history", "{odd}.parquet"),
}


@pytest.mark.parametrize("arguments", READS.values(), ids=READS.keys())
def test_an_odd_file_is_told_in_a_line(
    things: Path,
    tmp_path: Path,
    on_a_console: Callable[..., tuple[int, bytes, bytes]],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
) -> None:
    monkeypatch.setenv("KOZAMORI_HASH_KEY", "a key for tests only")
    (things / "paysim.toml").write_text((ROOT / "paysim.toml").read_text("utf-8"), "utf-8")
    suffix = next(one.partition("{odd}")[2] for one in arguments if "{odd}" in one)
    for name, path in _odd(tmp_path, suffix):
        odd = str(path).removesuffix(suffix)
        filled = (one.format(odd=odd, out=tmp_path / "out", things=things) for one in arguments)
        status, out, err = on_a_console("utf-8", *filled)
        assert status in {0, 1, 2}, (name, err)
        assert b"Traceback" not in err, name
        assert status == 0 or 0 < err.count(b"kozamori: ") + out.count(b"not understood"), (name, out, err)


ROOT = Path(__file__).parents[3] / "producers" / "mapping" / "examples"
QUICK = ("--burn-in", "0", "--no-inject", "--detectors", "forest", "--budget", "2")
#: Where each command writes: {out} cannot be made.
WRITES: dict[str, tuple[str, ...]] = {
    "simulate": ("simulate", "--accounts", "300", "--days", "1", "-o", "{out}"),
    "train": ("train", "{things}/h/events.parquet", *QUICK, "-o", "{out}"),
    "score": ("score", "{things}/h/events.parquet", "--model", "{things}/model", "-o", "{out}.parquet"),
    "start-here": ("start-here", "{things}/own.csv", "-o", "{out}"),
    "world": ("world", "settled", "-o", "{out}", "--accounts", "100", "--days", "1", "--judged-days", "1"),
}


@pytest.mark.parametrize("place", ["below a file", "/proc", "/dev/full"])
@pytest.mark.parametrize("arguments", WRITES.values(), ids=WRITES.keys())
def test_a_place_that_cannot_be_written_is_told_in_a_line(
    things: Path,
    on_a_console: Callable[..., tuple[int, bytes, bytes]],
    arguments: tuple[str, ...],
    place: str,
) -> None:
    if place.startswith("/") and not Path(place).exists():
        pytest.skip("this system has no such place")
    out = things / "alerts.jsonl" / "x" if place == "below a file" else Path(place, "x")
    status, _, err = on_a_console("utf-8", *(one.format(out=out, things=things) for one in arguments))
    assert status == 2, err
    assert b"Traceback" not in err
    assert b"kozamori: " in err


def test_a_mistyped_command_is_asked_for(on_a_console: Callable[..., tuple[int, bytes, bytes]]) -> None:
    status, _, err = on_a_console("utf-8", "mapping", "exampel")
    assert (2, True) == (status, b"Did you mean 'example'?" in err)
