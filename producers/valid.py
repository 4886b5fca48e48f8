"""The valid events of an events file, where bad rows are left out and counted."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa

from producers.batches import invalid
from producers.files import read_tables
from producers.mapping.policies import BadRows
from producers.mapping.problems import Tally, Wrong


def valid_tables(path: Path, rules: BadRows, tally: Tally) -> Iterator[pa.Table]:
    """Slices of an events file as `read_tables` gives them, without the rows that are no events; these go to the tally.

    Raises UserError as `read_tables`, and where the rules allow no more of them.
    """
    torn: list[tuple[int, str]] = []
    for table in read_tables(path, on_bad=lambda line, why: torn.append((line, why))):
        first = tally.rows
        wrong = [Wrong(first + rows + 1, why) for why, rows in invalid(table, str(path)) if len(rows)]
        good = np.ones(table.num_rows, np.bool_)
        for one in wrong:
            good[one.lines - first - 1] = False
        lost = [Wrong(np.array([line]), why) for line, why in torn]
        tally.rows += table.num_rows + len(torn)
        torn.clear()
        tally.add(str(path), rules, wrong + lost, mapped=False)
        yield table if good.all() else table.filter(pa.array(good))
