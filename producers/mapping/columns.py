"""Columns of contract events from the texts of rows, with a mask of the rows that could be converted."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from detector.contract.events import EARLIEST_MS, END_MS, MAX_EVENT_ID, MAX_IDENTIFIER, MIN_ACCOUNT
from detector.contract.keyed_hash import BRANCH_DIGITS, KeyedHash
from detector.contract.vocabulary import MAX_AMOUNT_YEN
from detector.errors import UserError
from producers.mapping.amounts import yen
from producers.mapping.fields import ACCOUNT_PARTS, PATTERNS, Field
from producers.mapping.times import times

Mask = npt.NDArray[np.bool_]
_DIGITS = {"bank": (4, "bank code"), "branch": (BRANCH_DIGITS, "branch code")}
_HEX = rf"^[0-9A-Fa-f]{{{MIN_ACCOUNT},{MAX_IDENTIFIER}}}$"


class Made(NamedTuple):
    """A column, a mask of its valid rows, the text for what was expected; `secret`: its texts may identify people."""

    values: pa.Array
    good: Mask
    expected: str
    secret: bool = False


def made(field: Field, texts: pa.Array, of: dict[str, pa.Array], key: KeyedHash | None) -> Made:
    """The column of a field that has one in the file; `key` where it is hashed.

    `of`: what identifies an account beside its number, each (n,): `bank`, and `ACCOUNT_PARTS` where they are mapped.
    """
    if field.time is not None:
        values, good = times(texts, field.time)
        good &= (values >= EARLIEST_MS) & (values < END_MS)
        return Made(pa.array(np.where(good, values, EARLIEST_MS)), good, field.time.expected)
    if field.amount is not None:
        amounts, good = yen(texts, field.amount)
        good &= (amounts >= 1) & (amounts <= MAX_AMOUNT_YEN)
        expected = "a number that gives 1 to 1,000,000,000 yen"
        return Made(pa.array(np.where(good, amounts, 1).astype(np.int64)), good, expected)
    if field.name in {"account", "wallet", "counterparty", "source"}:
        return _identifiers(field, texts, of, key)
    if field.name == "event_id":
        return Made(texts, _fits(texts, 1, MAX_EVENT_ID), "a text of 1 to 64 characters")
    return _words(field, texts)


def _words(field: Field, texts: pa.Array) -> Made:
    """Words of a vocabulary, bank codes and free texts, through the mapping's table."""
    expected = "one of " + ", ".join(field.values or field.words) if field.values or field.words else "a text"
    found = texts
    if field.values:
        indices = pc.index_in(texts, pa.array(list(field.values), pa.string()))
        found = pa.array(list(field.values.values()), pa.string()).take(indices)
    if field.otherwise is not None:
        found = pc.fill_null(found, field.otherwise)
    if field.words:
        good = pc.is_in(found, pa.array(field.words, pa.string()))
    elif field.name in _DIGITS:
        digits, what = _DIGITS[field.name]
        found = pc.utf8_lpad(found, digits, "0")  # with the leading zeros that spreadsheets take away
        good = pc.match_substring_regex(found, f"^[0-9]{{{digits}}}$")
        expected = f"a {what} of at most {digits} digits"
    elif field.name == "service":
        pattern, expected = PATTERNS["service"]
        good = pc.match_substring_regex(found, pattern)
    else:  # shop and its category may be unknown
        found = pc.fill_null(found, "")
        good = pa.array(_fits(found, 0, MAX_IDENTIFIER))
    if field.name == "wallet_verified":
        found = pc.equal(found, "true")
    return Made(found, _mask(good), expected)


def _identifiers(field: Field, texts: pa.Array, of: dict[str, pa.Array], key: KeyedHash | None) -> Made:
    expected = "an identifier of 1 to 128 characters"
    if field.hash == "none":
        if field.name == "source":
            texts = pc.fill_null(texts, "")
        good = _fits(texts, 0 if field.name == "source" else 1, MAX_IDENTIFIER)
        if field.name == "account":
            good &= _mask(pc.match_substring_regex(texts, _HEX))
            expected = 'a keyed hash of 16 to 128 hex digits, or `hash = "text"` in the mapping'
        return Made(texts, good, expected, secret=True)
    assert key is not None
    if field.name == "source":
        return Made(_each(pc.fill_null(texts, ""), key.source), np.ones(len(texts), np.bool_), expected, secret=True)
    if field.name != "account":
        return Made(
            _each(texts, lambda text: key.opaque("wallet", text)), _fits(texts, 1, 2**31), expected, secret=True
        )
    numbers = field.hash == "number"
    if numbers:
        expected = "an account number of 1 to 14 digits, with a bank, a branch and a kind of account"
    parts = ("bank", *ACCOUNT_PARTS) if numbers else ("bank",)
    joined = pc.binary_join_element_wise(*(of[name] for name in parts), texts, "\0")
    values = _each(joined, partial(_account, key, numbers=numbers))
    return Made(values, _mask(pc.is_valid(values)), expected, secret=True)


def _account(key: KeyedHash, joined: str, *, numbers: bool) -> str | None:
    bank, *parts, text = joined.split("\0", 3 if numbers else 1)
    if not text:
        return None
    try:
        if not numbers:
            return key.opaque("account", bank, text)
        branch, kind = parts
        return key.account(bank=bank, branch=branch, kind=kind, number=text)
    except UserError:
        return None


def _each(texts: pa.Array, function: Callable[[str], str | None]) -> pa.Array:
    """The function of each text, called once for each distinct one; null stays null."""
    coded = texts.dictionary_encode()
    words = pa.array([None if word is None else function(word) for word in coded.dictionary.to_pylist()], pa.string())
    return words.take(coded.indices)


def _fits(texts: pa.Array, shortest: int, longest: int) -> Mask:
    length = pc.utf8_length(texts)
    return _mask(pc.and_(pc.greater_equal(length, shortest), pc.less_equal(length, longest)))


def _mask(found: pa.Array) -> Mask:
    mask: Mask = pc.fill_null(found, False).to_numpy(zero_copy_only=False).astype(np.bool_)
    return mask
