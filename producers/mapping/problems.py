"""Bad rows of a foreign file, by line; identifiers are never shown."""

from dataclasses import dataclass, field

from detector.errors import UserError
from producers.mapping.specification import Mapping

SHOWN = 10  # problems kept: more are counted


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A row that is not a valid event, and why."""

    line: int
    text: str

    def __str__(self) -> str:
        return f"line {self.line:,}: {self.text}"


@dataclass(slots=True)
class Tally:
    """Counts of the rows of one file, with the first bad ones."""

    rows: int = 0
    ignored: int = 0
    bad: int = 0
    first: list[Problem] = field(default_factory=list)

    def refuse(self, mapping: Mapping, path: str, problems: list[Problem], bad: int) -> None:
        """Count `bad` rows more; raises UserError for the first one if the mapping refuses such rows."""
        if not bad:
            return
        problems = sorted(problems)
        if mapping.input.bad_rows == "refuse":
            raise UserError(
                f"{path}, {problems[0]}; correct the mapping or the row, or leave out such rows with"
                ' `input.bad_rows = "skip"`'
            )
        self.bad += bad
        self.first = sorted([*self.first, *problems])[:SHOWN]

    def notes(self) -> list[str]:
        """Notes for the user, a line each."""
        if not self.bad:
            return []
        return [f"{self.bad:,} of {self.rows:,} rows left out as not understood, the first: {self.first[0]}"]
