"""Plain JSON events straight to columns: one pass over the buffer of their records, no Python object an event.

Plain is how programs write an event: ASCII without escapes, every field of its kind once and no other, numbers without
exponent. A message taken here is a valid event with the key it must have; nothing is rejected here: whatever is not
taken is for the strict decoder, which decides.

numba compiles a function once for each combination of types, a literal number being one of its own: small steps are
written out, and numbers are handed over as numpy's.
"""

from typing import Any

import numpy as np
from numba import njit

from detector.contract.hashing import xxh64
from detector.contract.loads import read8
from detector.contract.plain_fields import (
    ACCOUNT,
    AMOUNT,
    AUTH,
    AUTH_WORDS,
    BANK,
    COUNTERPARTY,
    EVENT_ID,
    KIND,
    KIND_WORDS,
    LEAST,
    MOST,
    NAMES,
    NUMBER,
    OCCURRED,
    OPENED,
    PURPOSE,
    PURPOSE_WORDS,
    REQUIRED,
    RESULT,
    RESULT_WORDS,
    RESULTS,
    SERVICE,
    SERVICE_WORDS,
    SHOP,
    SHOP_CATEGORY,
    SLOTS,
    SOURCE,
    TEXT,
    TYPE,
    VERIFIED,
    WALLET,
    WORD_BODY,
    WORD_ENDS,
    WORD_HEAD,
    WORD_SIZE,
    WORD_TAIL,
    slot_of,
)
from detector.contract.services import FIRST_UNKNOWN, NO_SERVICE
from detector.contract.vocabulary import ABSENT, MAX_SERVICE

#: Rows of the hashes that are written, and of the numbers: columns of `Batch`.
HASHES = ("event_id", "wallet", "source", "account", "shop", "shop_category", "counterparty")
NUMBERS = (
    *("record", "kind", "service", "bank", "auth", "result", "purpose"),
    *("occurred_at_ms", "wallet_opened_at_ms", "wallet_verified", "amount_yen"),
)
#: Rows of the spans that are written: where a text begins and its length, of each of these.
TEXTS = ("event_id", "account", "wallet", "service")
#: Bytes of the longest key of a wallet: service, "/", wallet.
KEY_BYTES = MAX_SERVICE + 1 + int(MOST[WALLET])
#: A number with more digits is beyond the range of every field.
_DIGITS = 15
_QUOTE, _COLON, _COMMA, _SLASH = 34, 58, 44, 47
_OPENING, _CLOSING = 123, 125
_T, _R, _U, _E, _F, _A, _L, _S = b"truefals"
_ZERO, _NINE = 48, 57
_SPACE = 32
#: As bytes: comparisons of bytes with bytes run on vectors.
_BLANK, _BEYOND, _ESCAPE = np.uint8(32), np.uint8(128), np.uint8(92)
#: No event is shorter.
_LEAST = 64
_NONE, _ONE, _ABSENT, _ROOM = np.int64(0), np.int64(1), np.int64(ABSENT), np.uint64(NO_SERVICE - FIRST_UNKNOWN)


@njit(cache=True, nogil=True)
def read_plain(
    data: Any, spans: Any, latest_ms: Any, bounds: Any, key: Any, key_text: Any, hashes: Any, numbers: Any, texts: Any
) -> None:
    """Write the column of each plain event: of `hashes` uint64 (7, n), `numbers` int64 (11, n), `texts` int64 (8, n).

    Row 0 of the numbers is the record's index, -1 where the event is not plain. Of n records over the buffer `data`:
    `spans` int64 (4, n), begin and length of their keys and values; `latest_ms` int64 (n,), the latest time of an event
    in them. `bounds`: first and last kind of the topic, most bytes of an event. `key` and `key_text`: the same
    `KEY_BYTES`, to write and, as `data` is, only to read.
    """
    at, size, number = np.zeros(len(NAMES), np.int64), np.zeros(len(NAMES), np.int64), np.zeros(len(NAMES), np.int64)
    order = np.arange(len(NAMES))
    for i in range(len(latest_ms)):
        numbers[0, i] = -1
        if not _LEAST <= spans[3, i] <= bounds[2]:
            continue
        seen = _scan(data, spans[2, i], spans[2, i] + spans[3, i] - 1, order, at, size, number)
        if seen == 0:
            continue
        kind = _word(data, at[KIND], size[KIND], KIND_WORDS)
        if kind < bounds[0] or kind > bounds[1] or seen != REQUIRED[kind] or number[OCCURRED] > latest_ms[i]:
            continue
        service = _word(data, at[SERVICE], size[SERVICE], SERVICE_WORDS)
        # The wallet's key, as `keys.wallet_key`, and what is allowed in its service.
        before = size[SERVICE] + 1
        good = True
        for k in range(size[SERVICE]):
            c = data[at[SERVICE] + k]
            key[k] = c
            good &= (97 <= c <= 122) | (_ZERO <= c <= _NINE) | (c == 95) | (c == 46) | (c == 45)
        if not good:
            continue
        key[before - 1] = _SLASH
        for k in range(size[WALLET]):
            key[before + k] = data[at[WALLET] + k]
        if service < 0:  # as `services.service_codes`
            service = FIRST_UNKNOWN + np.int64(xxh64(key_text, _NONE, size[SERVICE]) % _ROOM)
            texts[7, i] = size[SERVICE]
        else:
            texts[7, i] = 0
        bank, auth, result, purpose = _ABSENT, _ABSENT, _ABSENT, _ABSENT
        if seen >> ACCOUNT & 1:
            for k in range(size[ACCOUNT]):
                c = data[at[ACCOUNT] + k]
                good &= (_ZERO <= c <= _NINE) | (97 <= c <= 102) | (65 <= c <= 70)
            bank = _NONE
            for k in range(size[BANK]):
                c = data[at[BANK] + k]
                good &= _ZERO <= c <= _NINE
                bank = 10 * bank + (np.int64(c) - _ZERO)
            if not good or not _same(data, spans[0, i], spans[1, i], data, at[ACCOUNT], size[ACCOUNT]):
                continue
            hashes[3, i] = xxh64(data, at[ACCOUNT], at[ACCOUNT] + size[ACCOUNT])
            texts[2, i], texts[3, i] = at[ACCOUNT], size[ACCOUNT]
        elif not _same(data, spans[0, i], spans[1, i], key_text, _NONE, before + size[WALLET]):
            continue
        if seen >> AUTH & 1:
            auth = _word(data, at[AUTH], size[AUTH], AUTH_WORDS)
            good &= auth >= 0
        if seen >> RESULT & 1:
            result = _word(data, at[RESULT], size[RESULT], RESULT_WORDS)
            good &= result >= 0 and RESULTS[kind] >> result & 1 == 1
        if seen >> PURPOSE & 1:
            purpose = _word(data, at[PURPOSE], size[PURPOSE], PURPOSE_WORDS)
            good &= purpose >= 0
        if not good:
            continue
        numbers[0, i], numbers[1, i], numbers[2, i], numbers[3, i] = i, kind, service, bank
        numbers[4, i], numbers[5, i], numbers[6, i] = auth, result, purpose
        numbers[7, i], numbers[8, i], numbers[9, i] = number[OCCURRED], number[OPENED], number[VERIFIED]
        numbers[10, i] = number[AMOUNT] if seen >> AMOUNT & 1 else 0
        hashes[0, i] = xxh64(data, at[EVENT_ID], at[EVENT_ID] + size[EVENT_ID])
        hashes[2, i] = xxh64(data, at[SOURCE], at[SOURCE] + size[SOURCE])
        hashes[1, i] = xxh64(key_text, _NONE, before + size[WALLET])
        if seen >> SHOP & 1:
            hashes[4, i] = xxh64(data, at[SHOP], at[SHOP] + size[SHOP])
            hashes[5, i] = xxh64(data, at[SHOP_CATEGORY], at[SHOP_CATEGORY] + size[SHOP_CATEGORY])
        if seen >> COUNTERPARTY & 1:
            for k in range(size[COUNTERPARTY]):
                key[before + k] = data[at[COUNTERPARTY] + k]
            hashes[6, i] = xxh64(key_text, _NONE, before + size[COUNTERPARTY])
        texts[0, i], texts[1, i] = at[EVENT_ID], size[EVENT_ID]
        texts[4, i], texts[5, i] = at[WALLET], size[WALLET]
        texts[6, i] = at[SERVICE]


@njit(cache=True, nogil=True)
def _scan(data: Any, p: Any, end: Any, order: Any, at: Any, size: Any, number: Any) -> Any:
    """Bits of the fields of the object in `data[p : end + 1]`, with span or number of each; 0 if it is not plain.

    `order`: the fields in the order of the object before, which most have too. What is read stays within the object:
    its last byte is no part of a name, a text or a number.
    """
    other = np.uint8(0)  # without a branch, so that it runs on vectors
    for byte in data[p:end]:
        other |= np.uint8(byte < _BLANK) | np.uint8(byte >= _BEYOND) | np.uint8(byte == _ESCAPE)
    if other or data[p] != _OPENING or data[end] != _CLOSING:
        return 0
    last = end - 1  # quote of the object: each text ends there at the latest
    while last > p and data[last] != _QUOTE:
        last -= 1
    seen = 0
    for turn in range(len(order)):
        p += 1
        while data[p] == _SPACE:
            p += 1
        begin = p + 1
        if data[p] != _QUOTE or begin > last:
            return 0
        field = order[turn]
        p = begin + WORD_SIZE[field]
        if p > last or data[p] != _QUOTE or not _is_word(data, begin, WORD_SIZE[field], field):
            p = begin
            while data[p] != _QUOTE:
                p += 1
            field = SLOTS[slot_of(data[begin], data[p - 1], p - begin)]
            if field < 0 or not _is_word(data, begin, p - begin, field):
                return 0
            order[turn] = field
        if seen >> field & 1:
            return 0
        seen |= 1 << field
        p += 1
        while data[p] == _SPACE:
            p += 1
        if data[p] != _COLON:
            return 0
        p += 1
        while data[p] == _SPACE:
            p += 1
        begin = p
        if TYPE[field] == TEXT:
            begin = p + 1
            if data[p] != _QUOTE or begin > last:
                return 0
            p = begin
            while data[p] != _QUOTE:
                p += 1
            found = p - begin
            at[field], size[field] = begin, found
            p += 1
        elif TYPE[field] == NUMBER:
            found = _NONE
            while _ZERO <= data[p] <= _NINE:
                found = 10 * found + (np.int64(data[p]) - _ZERO)
                p += 1
            if p - begin > _DIGITS or data[begin] == _ZERO:
                return 0
        elif data[p] == _T and data[p + 1] == _R and data[p + 2] == _U and data[p + 3] == _E:
            found = _ONE
            p += 4
        elif data[p] == _F and data[p + 1] == _A and data[p + 2] == _L and data[p + 3] == _S and data[p + 4] == _E:
            found = _NONE
            p += 5
        else:
            return 0
        if found < LEAST[field] or found > MOST[field]:
            return 0
        number[field] = found
        while data[p] == _SPACE:
            p += 1
        if data[p] != _COMMA:
            return seen if p == end else 0
    return 0


@njit(cache=True, nogil=True)
def _word(data: Any, at: Any, size: Any, vocabulary: Any) -> Any:
    """The index of a word in its vocabulary, -1 if it has none."""
    first = WORD_ENDS[vocabulary - 1]
    for word in range(first, WORD_ENDS[vocabulary]):
        if size == WORD_SIZE[word] and _is_word(data, at, size, word):
            return word - first
    return -1


@njit(cache=True, nogil=True)
def _is_word(data: Any, at: int, size: int, word: int) -> Any:
    """Whether the text is this word."""
    if size != WORD_SIZE[word]:
        return False
    if size > 8:
        return (
            read8(data, at) == WORD_HEAD[word]
            and read8(data, at + size - 8) == WORD_TAIL[word]
            and (size <= 16 or read8(data, at + 8) == WORD_BODY[word])
        )
    # Eight bytes from `at` on may be beyond the end of the buffer; those up to its end are not.
    over = max(at + 8 - len(data), 0)
    head = read8(data, at - over) >> np.uint64(8 * over)
    behind = np.uint64(64 - 8 * size)
    return head << behind == WORD_HEAD[word] << behind


@njit(cache=True, nogil=True)
def _same(one: Any, at: Any, size: Any, other: Any, there: Any, length: Any) -> bool:
    """Whether two texts are the same."""
    if size != length:
        return False
    for k in range(size):
        if one[at + k] != other[there + k]:
            return False
    return True
