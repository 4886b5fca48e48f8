"""What a plain event looks like, as tables that a kernel reads: names of fields, types, bounds, words."""

from typing import Any, get_args

import numpy as np
import numpy.typing as npt
from numba.extending import register_jitable

from detector.contract import vocabulary
from detector.contract.events import (
    EARLIEST_MS,
    END_MS,
    MAX_EVENT_ID,
    MAX_IDENTIFIER,
    MIN_ACCOUNT,
    AccountEvent,
    WalletEvent,
)
from detector.contract.vocabulary import MAX_SERVICE

TEXT, NUMBER, TRUTH = range(3)
#: Longer texts are no word of any vocabulary.
_WORD = 20
#: Name → JSON type, and the least and greatest length of a text or value of a number.
FIELDS: dict[str, tuple[int, int, int]] = {
    "event_id": (TEXT, 1, MAX_EVENT_ID),
    "kind": (TEXT, 1, _WORD),
    "occurred_at_ms": (NUMBER, EARLIEST_MS, END_MS - 1),
    "service": (TEXT, 1, MAX_SERVICE),
    "wallet": (TEXT, 1, MAX_IDENTIFIER),
    "wallet_opened_at_ms": (NUMBER, EARLIEST_MS, END_MS - 1),
    "wallet_verified": (TRUTH, 0, 1),
    "source": (TEXT, 0, MAX_IDENTIFIER),
    "bank": (TEXT, 4, 4),
    "account": (TEXT, MIN_ACCOUNT, MAX_IDENTIFIER),
    "auth": (TEXT, 1, _WORD),
    "result": (TEXT, 1, _WORD),
    "amount_yen": (NUMBER, 1, vocabulary.MAX_AMOUNT_YEN),
    "purpose": (TEXT, 1, _WORD),
    "shop": (TEXT, 0, MAX_IDENTIFIER),
    "shop_category": (TEXT, 0, MAX_IDENTIFIER),
    "counterparty": (TEXT, 1, MAX_IDENTIFIER),
}
NAMES = tuple(FIELDS)
EVENT_ID, KIND, OCCURRED, SERVICE, WALLET, OPENED, VERIFIED, SOURCE = range(8)
BANK, ACCOUNT, AUTH, RESULT, AMOUNT, PURPOSE, SHOP, SHOP_CATEGORY, COUNTERPARTY = range(8, len(FIELDS))

TYPE, LEAST, MOST = (np.array(column, np.int64) for column in zip(*FIELDS.values(), strict=True))


#: All words that are compared, those of a vocabulary in a row: of each its size, and as little-endian numbers its first
#: eight bytes with zeros behind a shorter one, its next eight where it has more than 16, its last eight where it has
#: more than 8.
_VOCABULARIES = (
    NAMES,
    vocabulary.KINDS,
    vocabulary.SERVICES,
    vocabulary.AUTHS,
    vocabulary.RESULTS,
    vocabulary.PURPOSES,
)
_WORDS = tuple(word.encode() for words in _VOCABULARIES for word in words)
WORD_SIZE = np.array([len(word) for word in _WORDS], np.int64)
WORD_HEAD = np.array([int.from_bytes(word[:8], "little") for word in _WORDS], np.uint64)
WORD_BODY = np.array([int.from_bytes(word[8:16], "little") if len(word) > 16 else 0 for word in _WORDS], np.uint64)
WORD_TAIL = np.array([int.from_bytes(word[-8:], "little") if len(word) > 8 else 0 for word in _WORDS], np.uint64)
assert WORD_SIZE.max() <= 24, "three times eight bytes are compared"
#: Of each vocabulary in the order above, the end of its words.
WORD_ENDS = np.cumsum([len(words) for words in _VOCABULARIES])
KIND_WORDS, SERVICE_WORDS, AUTH_WORDS, RESULT_WORDS, PURPOSE_WORDS = np.arange(1, len(_VOCABULARIES))


@register_jitable
def slot_of(first: int, last: int, size: int) -> int:
    """A hash of a field's name, 0 to 63, by its first and last byte and its size: no two fields share one."""
    return (first + 3 * last + 5 * size) & 63


def _slots() -> npt.NDArray[np.int64]:
    """Slot → field, -1 where there is none."""
    slots = np.full(64, -1, np.int64)
    for field, name in enumerate(NAMES):
        slot = slot_of(ord(name[0]), ord(name[-1]), len(name))
        assert slots[slot] < 0, f"{name} has the slot of another field"
        slots[slot] = field
    return slots


def _bits(numbers: Any) -> int:
    return sum(1 << number for number in numbers)


def _required(kind: str) -> int:
    """Bits of the fields that a kind has."""
    struct = next(one for one in get_args(AccountEvent | WalletEvent) if one.__struct_config__.tag == kind)
    return _bits(map(NAMES.index, ("kind", *struct.__struct_fields__)))


def _results(kind: str) -> int:
    """Bits of the results that a kind may have."""
    possible = {"link": vocabulary.LINK_RESULTS, "debit": vocabulary.DEBIT_RESULTS}.get(kind, ())
    return _bits(map(vocabulary.RESULTS.index, possible))


SLOTS = _slots()
REQUIRED = np.array([_required(kind) for kind in vocabulary.KINDS], np.int64)
RESULTS = np.array([_results(kind) for kind in vocabulary.KINDS], np.int64)
