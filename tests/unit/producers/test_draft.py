"""First mappings of foreign files: what is guessed is right, and what cannot be known is asked."""

from pathlib import Path

import pytest
from support.own_files import csv_of

from producers.mapping.draft import Draft, draft
from producers.mapping.found import look
from producers.mapping.layout import layout_of


def drafted(path: Path) -> Draft:
    """The first mapping of a file."""
    return draft(path, look([path], layout_of(path)), "hash.key")


@pytest.mark.parametrize(
    ("account", "how"),
    [
        ("1234567890123456", "text"),  # a number of 16 digits is none that was hashed
        ("00112233445566778899", "text"),
        ("1234567", "number"),
        ("00112233445566ab", "none"),
        ("4F2C9D01A37BE655", "none"),
    ],
)
def test_only_what_cannot_be_a_number_is_taken_for_a_hash(tmp_path: Path, account: str, how: str) -> None:
    path = csv_of(tmp_path, f"2020/09/01 10:00,{account},100", heading="取引日時,口座番号,金額")
    assert f'hash = "{how}"' in drafted(path).text
