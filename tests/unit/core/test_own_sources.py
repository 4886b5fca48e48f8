"""Which addresses are an account's own, on lives of a few events, expected values worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from support.alone import Alone
from support.oracle_account import NAMES, Event, batch_of

from detector.contract.vocabulary import DEBIT, INSUFFICIENT, LINK, OK, PIN4, UNLINK, WRONG_CREDENTIALS
from detector.core.stages.account import ACCOUNT

T = 1_598_936_700_000  # 1 September 2020, 14:05 in Japan
HOUR, DAY = 3_600_000, 86_400_000
UNKNOWN, HOME, WORK, THIEF = (source << 48 for source in range(4))
NONE: tuple[None, None] = (None, None)


def link(source: int, at_ms: int = T, result: int = OK) -> Event:
    return Event(0, 0, LINK, at_ms, source=source, auth=PIN4, result=result)


def debit(source: int, at_ms: int = T, result: int = OK) -> Event:
    return Event(0, 0, DEBIT, at_ms, source=source, result=result, yen=1_000, purpose=0)


def unlink(source: int) -> Event:
    return Event(0, 0, UNLINK, T, source=source)


def last(*events: Event) -> tuple[float | None, float | None]:
    """`own_source_new` and `own_sources_2d` of the last event, None where it has none."""
    numbered = [replace(event, offset=k, event_id=k + 1) for k, event in enumerate(events)]
    x = Alone(ACCOUNT, ttl_ms=10**12).process(batch_of(numbered)).events.X[-1]
    new, two_days = (float(x[NAMES.index(name)]) for name in ("own_source_new", "own_sources_2d"))
    return (None if np.isnan(new) else new), (None if np.isnan(two_days) else two_days)


@pytest.mark.parametrize(
    ("why", "expected", "events"),
    [
        ("the first address of an account is compared with none", NONE, [debit(HOME)]),
        ("it is the account's own from then on", (0, 0), [debit(HOME), debit(HOME)]),
        ("another one is new, to links and to debits", (1, 1), [link(HOME), debit(WORK)]),
        ("another one is new, to debits and to links", (1, 1), [debit(HOME), link(WORK)]),
        ("used once it is new no more, and still counted", (0, 1), [debit(HOME), debit(WORK), debit(WORK)]),
        ("an unknown address says nothing", NONE, [debit(HOME), debit(UNKNOWN)]),
        ("and is not remembered", NONE, [debit(UNKNOWN), debit(HOME)]),
        (
            "who guesses does not make an address the account's own",
            (1, 1),
            [debit(HOME), *[link(THIEF, result=WRONG_CREDENTIALS)] * 9, link(THIEF)],
        ),
        ("nor does who is refused a debit", (1, 1), [debit(HOME), debit(THIEF, result=INSUFFICIENT), debit(THIEF)]),
        ("a failed attempt is compared too", (1, 1), [debit(HOME), link(THIEF, result=WRONG_CREDENTIALS)]),
        ("an account that met only failures knows no address", NONE, [link(THIEF, result=WRONG_CREDENTIALS)] * 2),
        ("an unlink tells no address", NONE, [unlink(HOME), debit(WORK)]),
        ("several within two days add up", (1, 2), [debit(HOME), debit(WORK), debit(THIEF, T + DAY)]),
        ("those of the day before yesterday do not", (1, 1), [debit(HOME), debit(WORK), debit(THIEF, T + 2 * DAY)]),
        ("days are those of Japan", (0, 0), [debit(HOME), debit(WORK), debit(HOME, T + DAY + 10 * HOUR)]),
        ("what comes late counts on the newest day", (0, 2), [debit(HOME), debit(WORK), debit(THIEF, T - DAY)] * 2),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_addresses(why: str, expected: tuple[float | None, float | None], events: list[Event]) -> None:
    assert expected == last(*events), why


def test_a_ninth_address_evicts_the_least_recently_used() -> None:
    sources = [(k + 1) << 48 for k in range(9)]
    for used_again, forgotten in ((sources[0], 1), (sources[1], 0)):
        life = [*map(debit, sources[:8]), debit(used_again), debit(sources[8])]
        assert [float(k == forgotten) for k in range(9)] == [last(*life, debit(source))[0] for source in sources]


def test_new_addresses_saturate_instead_of_running_over() -> None:
    assert (1, 256) == last(*[debit((k + 1) << 48) for k in range(400)])
