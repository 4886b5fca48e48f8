import signal

import pytest

from detector.demo.interrupts import SIGNALS, Interrupts


@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_every_signal_that_ends_a_program_is_one_exception(number: signal.Signals) -> None:
    with Interrupts(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)


def test_the_handlers_from_before_are_back_afterwards() -> None:
    before = [signal.getsignal(number) for number in SIGNALS]
    with Interrupts():
        assert before != [signal.getsignal(number) for number in SIGNALS]
    assert before == [signal.getsignal(number) for number in SIGNALS]


def test_an_ignored_signal_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupts() as interrupts:
            signal.raise_signal(signal.SIGHUP)
            interrupts.check()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_tidying_up_is_finished_whatever_is_pressed() -> None:
    undone: list[str] = []

    def interrupted(interrupts: Interrupts) -> None:
        with interrupts.tidy() as stack:
            stack.callback(undone.append, "first started, last undone")
            stack.callback(signal.raise_signal, signal.SIGINT)
            stack.callback(signal.raise_signal, signal.SIGTERM)
            signal.raise_signal(signal.SIGINT)

    with Interrupts() as interrupts, pytest.raises(KeyboardInterrupt):
        interrupted(interrupts)
    assert ["first started, last undone"] == undone


def test_an_exception_lost_in_a_callback_is_raised_at_the_next_check() -> None:
    with Interrupts() as interrupts:
        interrupts.check()
        with interrupts.held():
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interrupts.check()
