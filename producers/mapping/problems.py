"""Bad rows of a file, by line and by what is wrong with them; identifiers are never shown."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from detector.errors import UserError
from producers.mapping.policies import FEW, BadRows

SHOWN = 10  # problems kept of each sort: more are counted


class Wrong(NamedTuple):
    """Rows that are wrong in one way: their lines int64 (n,), ascending, what is wrong, what the first ones had."""

    lines: npt.NDArray[np.int64]
    about: str
    expected: str = ""
    got: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A row that is not a valid event, and why."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line:,}: {self.text}"


@dataclass(slots=True)
class Sort:
    """One way to be wrong: how many rows, and the first of them."""

    count: int = 0
    first: list[Problem] = field(default_factory=list)


@dataclass(slots=True)
class Tally:
    """Counts of the rows of one file, with those that are bad. `marred`: lines with broken bytes that nobody reads."""

    rows: int = 0
    ignored: int = 0
    bad: int = 0
    sorts: dict[str, Sort] = field(default_factory=dict)
    bad_lines: list[npt.NDArray[np.int64]] = field(default_factory=list)
    marred: set[int] = field(default_factory=set)

    @property
    def first(self) -> list[Problem]:
        """The first problems, by line."""
        return sorted(problem for sort in self.sorts.values() for problem in sort.first)[:SHOWN]

    def add(self, file: str, rules: BadRows, wrong: list[Wrong], *, mapped: bool = True) -> None:
        """Count rows that are wrong, of a file that is `mapped` or one of events.

        Raises UserError where the rules refuse one, or so many.
        """
        wrong = [one for one in wrong if len(one.lines)]
        if not wrong:
            return
        lines = np.unique(np.concatenate([one.lines for one in wrong]))
        self.bad += len(lines)
        self.bad_lines.append(lines)
        for one in wrong:
            sort = self.sorts.setdefault(" ".join(filter(None, (one.about, one.expected))), Sort())
            sort.count += len(one.lines)
            told = zip(one.lines[: SHOWN - len(sort.first)].tolist(), one.got or ("",) * SHOWN, strict=False)
            sort.first += [Problem(line, _text(one, got)) for line, got in told]
        if rules.policy == "refuse":
            raise UserError(
                f"{file}, {self.first[0]}; correct the mapping or the row (`kozamori mapping check` tells all), or"
                ' leave such rows out with `--bad-rows skip` or `input.bad_rows = "skip"`'
            )
        if self.bad > max(FEW, rules.limit * self.rows):
            raise UserError(
                f"{file}: {self.bad:,} of the first {self.rows:,} rows are not understood, more than the limit of"
                f" {rules.limit:.1%}; {self.first[0]}; correct the"
                f" {'mapping (`kozamori mapping check` tells all)' if mapped else 'rows'}, or"
                f" raise the limit with `--bad-rows-limit`{' or `input.bad_rows_limit`' if mapped else ''}"
            )

    def notes(self) -> list[str]:
        """Notes for the user, a line each: every sort of bad row with its count."""
        lines = [f"{self.bad:,} of {self.rows:,} rows left out as not understood"] if self.bad else []
        lines += [
            f"{sort.count:,} {'row' if sort.count == 1 else 'rows, the first'}: {sort.first[0]}"
            for sort in self.sorts.values()
        ]
        if self.marred:
            lines.append(
                f"{len(self.marred):,} with a broken byte in a column that is not read, the first: line"
                f" {min(self.marred):,}"
            )
        return lines


def _text(wrong: Wrong, got: str) -> str:
    between = f"got {got}, " if got else ""
    return f"{wrong.about}: {between}{wrong.expected}" if wrong.expected else wrong.about
