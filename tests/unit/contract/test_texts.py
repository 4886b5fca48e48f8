"""Many texts in one buffer are the texts that went in, whatever is selected, joined or packed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.contract.texts import Strings, Texts, join

WORDS = ["", "e-1", "財布/é", "", "𠮷", "a" * 300]
anything = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), max_size=12)


def strings_of(texts: Texts) -> list[str]:
    return [texts.text(i) for i in range(len(texts.begin))]


@given(anything)
@settings(max_examples=100, deadline=None)
def test_what_goes_in_comes_out(words: list[str]) -> None:
    assert words == strings_of(Texts.of(words))


def test_no_texts_are_no_texts_and_empty_ones_are_empty() -> None:
    assert [] == strings_of(Texts.of([])) == strings_of(Texts.empty(0))
    assert ["", "", ""] == strings_of(Texts.empty(3))
    assert 0 == len(Texts.empty(3).packed()) == len(Texts.of([]).packed())


def test_half_a_surrogate_pair_is_no_text() -> None:
    with pytest.raises(UnicodeEncodeError):
        Texts.of(["a", "\ud800"])


@pytest.mark.parametrize(
    ("expected", "which"),
    [
        (["e-1", "財布/é"], slice(1, 3)),
        (["𠮷", "", "𠮷"], np.array([4, 0, 4])),
        (["", "財布/é"], np.array([True, False, True, False, False, False])),
        ([], np.array([], np.int64)),
    ],
)
def test_selected_are_those_asked_for_in_that_order(expected: list[str], which: object) -> None:
    selected = Texts.of(WORDS).select(which)
    assert expected == strings_of(selected)
    assert "".join(expected).encode() == selected.packed().tobytes()


@given(st.lists(anything, min_size=1, max_size=4), st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_joined_are_those_of_all_parts_in_order_also_of_selected_ones(parts: list[list[str]], random: object) -> None:
    orders = [random.sample(range(len(part)), len(part)) for part in parts]  # type: ignore[attr-defined]
    selected = [Texts.of(part).select(np.array(order, np.int64)) for part, order in zip(parts, orders, strict=True)]
    expected = [part[i] for part, order in zip(parts, orders, strict=True) for i in order]
    joined = Texts.joined(selected)
    assert expected == strings_of(joined)
    assert "".join(expected).encode() == joined.packed().tobytes()


def test_strings_are_selected_and_joined_field_by_field() -> None:
    strings = Strings(*(Texts.of([f"{name}-{i}" for i in range(3)]) for name in Strings._fields))
    mixed = Strings.joined([strings.select([2, 0]), strings.select(slice(1, 2))])
    for name, texts in zip(Strings._fields, mixed, strict=True):
        assert [f"{name}-2", f"{name}-0", f"{name}-1"] == strings_of(texts)


@given(anything)
@settings(max_examples=50, deadline=None)
def test_joined_bytes_end_where_each_text_ends(words: list[str]) -> None:
    data, ends = join(words)
    begins = [0, *ends[:-1].tolist()] if words else []
    assert words == [data[begin:end].tobytes().decode() for begin, end in zip(begins, ends.tolist(), strict=True)]
