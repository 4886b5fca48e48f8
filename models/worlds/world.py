"""A world: people, wallets and thieves by rules of its own, to judge a model that never saw them.

Worlds share no code with `producers` and none with each other beyond the contract, never train a model's detectors, and
differ in mechanism: a model that holds in all of them does not live on the rules of one simulator.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import NamedTuple

import pyarrow as pa

from detector.errors import UserError

_WORD = pa.dictionary(pa.int8(), pa.string())
_ID = pa.dictionary(pa.int32(), pa.string())
#: Columns of an events file: the contract's fields, null where a kind of event does not have one.
EVENTS = pa.schema(
    [
        ("event_id", pa.string()),
        ("kind", _WORD),
        ("occurred_at_ms", pa.int64()),
        ("service", _WORD),
        ("wallet", _ID),
        ("wallet_opened_at_ms", pa.int64()),
        ("wallet_verified", pa.bool_()),
        ("source", _ID),
        ("bank", _ID),
        ("account", _ID),
        ("auth", _WORD),
        ("result", _WORD),
        ("amount_yen", pa.int64()),
        ("purpose", _WORD),
        ("shop", _ID),
        ("shop_category", _WORD),
        ("counterparty", pa.string()),
    ]
)
LABELS = pa.schema([(name, pa.string()) for name in ("event_id", "case_id", "typology", "stage")])


@dataclass(frozen=True, slots=True)
class Size:
    """How much to play: accounts at the beginning, days to learn from, days judged and the fraud cases on them."""

    accounts: int = 60_000
    days: int = 45
    judged_days: int = 31
    cases: int = 190
    seed: int = 1

    def __post_init__(self) -> None:
        for name, least in (("accounts", 100), ("days", 1), ("judged_days", 1), ("cases", 0), ("seed", 0)):
            if (got := getattr(self, name)) < least:
                raise UserError(f"{name} is {got}: must be at least {least}")


class Life(NamedTuple):
    """One life of the same people in two parts, tables of `EVENTS` in order of arrival, and the `LABELS` of the second.

    `history`: days without fraud; `judged`: the days right after them, with fraud.
    """

    history: pa.Table
    judged: pa.Table
    labels: pa.Table


@dataclass(frozen=True, slots=True)
class World:
    """A row of `WORLDS`: its name, what drives its people and thieves, and where it is played (`module:function`).

    `from_history`: it is drawn from a given history, which its `Life.history` begins with.
    """

    name: str
    mechanism: str
    target: str
    from_history: bool = False

    def play(self, size: Size, history: pa.Table | None = None) -> Life:
        """The world's life; the same size (and history, a table of `EVENTS`) gives the same bytes.

        Raises UserError for a history that it needs or cannot use.
        """
        if self.from_history is (history is None):
            raise UserError(f"the world {self.name} {'needs a' if self.from_history else 'has its own'} history")
        module, function = self.target.split(":")
        played: Callable[..., Life] = getattr(import_module(module), function)
        return played(size) if history is None else played(history, size)


WORLDS = (
    World(
        "agents",
        "people who charge because they buy, thieves with a plan and a purse",
        "models.worlds.agents.play:play",
    ),
    World(
        "settled",
        "everybody long known, thieves told by what is usual for the account alone",
        "models.worlds.settled.play:play",
    ),
    World(
        "resampled",
        "a given history drawn again, attacks as edits of its own sequences",
        "models.worlds.resampled.play:play",
        from_history=True,
    ),
)
