"""What a person sees: steps with their times, the live view, the summary; plain lines where there is no terminal."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from detector.demo import layout
from detector.demo.board import Board, Line
from detector.demo.evaluation import Evaluation
from detector.languages import Language

#: Between two lines on progress where there is no terminal.
PLAIN_STATUS_S = 5.0


class Step:
    """A running step: `show` moves its bar, `say` sets its result."""

    def __init__(self, progress: Progress, text: str) -> None:
        self._progress = progress
        self._task = progress.add_task(text, total=None)
        self.result = text

    def show(self, text: str | None = None, done: int = 0, total: int = 0) -> None:
        """Show progress; `total` 0: unknown."""
        self._progress.update(self._task, description=text, completed=done, total=total or None)

    def advance(self, done: int) -> None:
        """So many more are done, of an unknown total."""
        self._progress.advance(self._task, done)

    def say(self, result: str) -> None:
        """The line that stays when the step is done."""
        self.result = result


class Screen:
    """Everything that is printed for people goes to `console`."""

    def __init__(self, console: Console, language: Language) -> None:
        self.console = console
        self.language: Language = language

    def print(self, text: str = "") -> None:
        """One line, as it is."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)

    @contextmanager
    def step(self, text: str) -> Iterator[Step]:
        """A step with a bar while it lasts, and a line with its time when it is done."""
        started = time.monotonic()
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(20), TimeElapsedColumn())
        with Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal) as progress:
            step = Step(progress, text)
            yield step
        self.console.print(layout.step(step.result, time.monotonic() - started), highlight=False)

    @contextmanager
    def replay(self, board: Board) -> Iterator["Replay"]:
        """The live view of a replay."""
        if not self.console.is_terminal:
            yield Replay(self, board, None)
            return
        with Live(console=self.console, auto_refresh=False) as live:
            yield Replay(self, board, live)

    def summary(self, evaluation: Evaluation, budget: float) -> None:
        """Print the result of the replay."""
        self.console.print(layout.summary(evaluation, budget, self.language))


class Replay:
    """A replay on the screen: a picture that changes, or lines that are added."""

    def __init__(self, screen: Screen, board: Board, live: Live | None) -> None:
        self._screen = screen
        self._board = board
        self._live = live
        self._said_at = time.monotonic()

    def show(self, opened: list[Line]) -> None:
        """Show the board as it is now; `opened` are the lines that are new."""
        if self._live is not None:
            size = self._screen.console.size
            view = layout.live(self._board, size.width, size.height, self._screen.language)
            self._live.update(view, refresh=True)
            return
        for line in opened:
            self._screen.print(layout.plain(line, self._screen.language))
        if time.monotonic() - self._said_at >= PLAIN_STATUS_S:
            self._said_at = time.monotonic()
            self._screen.print(layout.status(self._board, self._screen.language).plain)
