"""What is known of a foreign file before it has a mapping: columns by role, the words in them, forms of time."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from producers.mapping.japanese import JAPANESE, local_times
from producers.mapping.layout import Layout
from producers.mapping.roles import FIT, form_of, roles_of
from producers.mapping.rows import Look, read_rows

#: Columns with a vocabulary: all of the file is looked at, as what is rare is in no sample.
_VOCABULARIES = ("kind", "result", "auth", "purpose", "verified", "account_kind", "service", "fraud")


class Found(NamedTuple):
    """What is known of a file: how it is written, its columns by role, and how often each word stands in these."""

    layout: Layout
    roles: dict[str, str]
    counts: dict[str, Counter[str]]

    def words(self, role: str) -> Counter[str]:
        """Words of the column of a role, the frequent ones first."""
        return self.counts.get(role, Counter())


def look(paths: Sequence[Path], layout: Layout) -> Found:
    """Roles of the columns of files of one layout, and all words of those with a vocabulary; raises as `read_rows`."""
    layout = layout._replace(input=replace(layout.input, normalize=_wide(layout)))
    roles = roles_of(layout)
    wanted = {role: roles[role] for role in _VOCABULARIES if role in roles}
    counts = {role: Counter[str]() for role in wanted}
    columns = tuple(dict.fromkeys(wanted.values()))
    for path in paths if wanted else ():
        for rows in read_rows(path, Look(path, layout.input, columns)):
            for role, column in wanted.items():
                found = pc.value_counts(rows.texts[column].drop_null())
                counts[role].update(dict(zip(*(part.to_pylist() for part in found.flatten()), strict=True)))
    return Found(layout, roles, {role: Counter(dict(count.most_common())) for role, count in counts.items()})


def time_of(texts: Sequence[str]) -> tuple[str, str]:
    """How times like these are read, as in a mapping; and what they are fine enough for."""
    if (form := form_of(texts)) is not None:
        return form, "second"
    ms, good = local_times(pa.array(texts, pa.string()))
    precision = "second"
    if good.any() and good.mean() >= FIT:
        for name, unit in (("minute", 60_000), ("hour", 3_600_000), ("day", 86_400_000)):
            precision = precision if (ms[good] % unit).any() else name
    return f'format = "{JAPANESE}", zone = "Asia/Tokyo"', precision


def _wide(layout: Layout) -> bool:
    """Whether the rows have characters of another width than usual."""
    return any(re.search("[\uff01-\uff5e\uff61-\uff9f\uffe5]", cell) for row in layout.rows for cell in row)
