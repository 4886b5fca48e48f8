"""Marks survive the commit's metadata; another program's commit is told from ours."""

import pytest

from detector.errors import UserError
from detector.stream.marks import Marks, decode_marks, encode_marks


def test_marks_come_back_from_commit_metadata() -> None:
    assert decode_marks(encode_marks(Marks(1_599_000_000_123))) == Marks(1_599_000_000_123)


def test_metadata_stays_far_below_the_brokers_limit() -> None:
    assert len(encode_marks(Marks(2**62))) < 100


@pytest.mark.parametrize("metadata", [None, "", "x", "{", '{"w": "now"}'])
def test_a_commit_of_another_program_is_refused(metadata: str | None) -> None:
    with pytest.raises(UserError, match="carries no marks"):
        decode_marks(metadata)


def test_marks_of_a_newer_release_are_refused() -> None:
    with pytest.raises(UserError, match="version 2"):
        decode_marks('{"w": 1, "v": 2}')
