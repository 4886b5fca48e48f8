import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numba
import pytest
from numba.core import event

from detector.interrupt import interrupt, interruptible


class CtrlC(event.Listener):
    """Presses it so many times when a compilation is under way."""

    def __init__(self, times: int) -> None:
        self.times = times

    def on_start(self, _: object) -> None:
        for _n in range(self.times):
            signal.raise_signal(signal.SIGINT)
        self.times = 0

    def on_end(self, _: object) -> None:
        """Nothing."""


@contextmanager
def pressed_while_compiling(times: int) -> Iterator[None]:
    with event.install_listener("numba:run_pass", CtrlC(times)):
        yield


def kernel() -> Callable[[float], float]:
    inner = numba.njit(lambda x: x + 1)
    return numba.njit(lambda x: 2 * inner(x))  # type: ignore[no-any-return]


@pytest.mark.parametrize("times", [1, 3])
def test_ctrl_c_while_numba_compiles_is_raised_once_when_all_is_compiled(times: int) -> None:
    double = kernel()
    with interruptible(), pressed_while_compiling(times), pytest.raises(KeyboardInterrupt):
        double(1)
    assert 1 == len(double.signatures)  # type: ignore[attr-defined]
    assert 8 == double(3)
    assert 9 == double(3.5), "it is raised once"


def test_ctrl_c_is_raised_at_once_where_nothing_is_compiled() -> None:
    with interruptible(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert signal.default_int_handler is signal.getsignal(signal.SIGINT)


def test_where_ctrl_c_is_ignored_or_handled_it_stays_so() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruptible():
            signal.raise_signal(signal.SIGINT)
            assert interrupt is not signal.getsignal(signal.SIGINT)
    finally:
        signal.signal(signal.SIGINT, before)
