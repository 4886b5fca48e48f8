"""A thousand changes, deletions, insertions, reorderings and truncations of an audit: all are found."""

import random
from collections.abc import Callable

import msgspec
import pytest

from detector.contract.audit import AuditKey, Entry, Head, Link, encode_entry, end_of, signed, verify
from detector.errors import UserError

TOPIC = "nF2vxZ0gQ4mC1yqUu0b9Kw"
KEYS = AuditKey("01", b"first key, sixteen bytes"), AuditKey("02", b"second key, sixteen bytes")
FOREIGN = AuditKey("01", b"guessed key, sixteen bytes")
ENTRIES = 12
TRIES = 1_000

Log = list[bytes]


def chain(count: int = ENTRIES, topic_id: str = TOPIC, salt: str = "") -> list[Entry]:
    """Entries as they are written; the key is changed in the middle."""
    found: list[Entry] = []
    for number in range(count):
        previous = found[-1].mac if found else ""
        parameters = {"group": "kozamori.blue", "to": "earliest", "n": f"{salt}{number}"}
        key = KEYS[2 * number >= count]
        entry = Entry(
            1, number, topic_id, 1_600_000_000_000 + number, "User:o", "ops", "state reset", parameters, "", previous
        )
        found.append(signed(entry, key))
    return found


LOG: Log = [encode_entry(entry) for entry in chain()]
HEAD = Head(ENTRIES, chain()[-1].mac)


def flip(log: Log, chance: random.Random) -> None:
    """One bit of one message."""
    message = chance.randrange(len(log))
    changed = bytearray(log[message])
    changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    log[message] = bytes(changed)


def rewrite(log: Log, chance: random.Random) -> None:
    """A field, with everything else in order but the key."""
    message = chance.randrange(len(log))
    field = chance.choice(["at_ms", "user", "what", "parameters"])
    told = {
        "at_ms": chance.randrange(10**12),
        "user": "User:x",
        "what": "state filled",
        "parameters": {"group": "other"},
    }
    entry = msgspec.structs.replace(msgspec.json.decode(log[message], type=Entry), **{field: told[field]})
    log[message] = encode_entry(chance.choice([entry, signed(entry, FOREIGN)]))


def reformat(log: Log, chance: random.Random) -> None:
    """White space, or a field twice: the same entry in other bytes."""
    message = chance.randrange(len(log))
    log[message] = chance.choice([log[message] + b" ", log[message].replace(b"{", b'{"schema":1,', 1)])


def delete(log: Log, chance: random.Random) -> None:
    begin = chance.randrange(len(log))
    del log[begin : begin + chance.randint(1, 3)]


def truncate(log: Log, chance: random.Random) -> None:
    keep = chance.randrange(len(log))
    log[:] = log[:keep] if chance.random() < 0.5 else log[len(log) - keep :]


def swap(log: Log, chance: random.Random) -> None:
    one, other = chance.sample(range(len(log)), 2)
    log[one], log[other] = log[other], log[one]


def repeat(log: Log, chance: random.Random) -> None:
    log.insert(chance.randint(0, len(log)), log[chance.randrange(len(log))])


def forge(log: Log, chance: random.Random) -> None:
    """An entry put in by who has no key, as the next or before another."""
    place = chance.randint(0, len(log))
    after = msgspec.json.decode(log[place - 1], type=Entry) if place else None
    entry = chain(1)[0]
    if after is not None:
        entry = msgspec.structs.replace(entry, number=after.number + 1, previous=after.mac)
    log.insert(place, encode_entry(signed(entry, FOREIGN)))


def of_another_log(log: Log, chance: random.Random) -> None:
    """A whole valid beginning of another topic, or of another life of this one, under the same keys."""
    count = chance.randint(1, len(log))
    other = chain(topic_id="another") if chance.random() < 0.5 else chain(salt="another ")
    log[:count] = [encode_entry(entry) for entry in other[:count]]


HARMS: tuple[Callable[[Log, random.Random], None], ...] = (
    flip, rewrite, reformat, delete, truncate, swap, repeat, forge, of_another_log,
)  # fmt: skip


def test_an_untouched_log_has_no_fault_and_gives_its_head() -> None:
    for before in (None, HEAD, Head(3, chain()[2].mac), Head(0, "")):
        found = verify(LOG, KEYS, TOPIC, before)
        assert ((), HEAD, tuple(chain())) == (found.faults, found.head, found.entries)
    assert ((), Head(0, "")) == (verify([], KEYS, TOPIC).faults, verify([], KEYS, TOPIC).head)


def test_of_a_thousand_changes_deletions_and_truncations_every_one_is_found() -> None:
    chance, tried = random.Random(7), 0
    while tried < TRIES:
        log, harm = list(LOG), HARMS[tried % len(HARMS)]
        harm(log, chance)
        if log != LOG:  # else it took nothing away
            tried += 1
            assert verify(log, KEYS, TOPIC, HEAD).faults, harm.__name__


@pytest.mark.parametrize("lost", range(1, ENTRIES + 1))
def test_the_loss_of_the_last_entries_is_found_by_a_head_of_then_and_only_by_it(lost: int) -> None:
    rest = LOG[:-lost]
    assert () == verify(rest, KEYS, TOPIC).faults
    (fault,) = verify(rest, KEYS, TOPIC, HEAD).faults
    assert f"{ENTRIES} were there before" in fault


@pytest.mark.parametrize("harm", [flip, rewrite, reformat, swap, forge])
def test_without_a_head_what_is_not_at_the_end_is_found_too(harm: Callable[[Log, random.Random], None]) -> None:
    for seed in range(100):
        log = list(LOG)
        harm(log, random.Random(seed))
        assert verify(log, KEYS, TOPIC).faults, seed


def test_each_fault_is_named_once_and_where_it_is() -> None:
    without_four = [*LOG[:4], *LOG[5:]]
    (missing,) = verify(without_four, KEYS, TOPIC, HEAD).faults
    assert "1 entries before entry 5 (message 4) are missing" == missing
    only_first = verify(LOG, KEYS[:1], TOPIC).faults
    assert "entry 6 (message 6) is under key '02', which is not given" == only_first[0]
    assert ENTRIES - 6 == len(only_first)


def test_the_chain_goes_on_behind_an_entry_of_a_newer_release_and_behind_what_is_none() -> None:
    newer = LOG[-1].replace(b'"schema":1', b'"more":true,"schema":2').replace(b'"state reset"', b'"new kind"')
    for last in (LOG[-1], newer):
        assert Link(ENTRIES - 1, HEAD.mac) == end_of([*LOG[:-1], last, b"no entry", None, b"\xff"])
    assert end_of([]) is None
    assert [] == list(verify(LOG[:-1], KEYS, TOPIC).faults)
    assert 1 == len(verify([*LOG[:-1], newer], KEYS, TOPIC).faults)


def test_two_keys_of_one_id_are_refused() -> None:
    with pytest.raises(UserError, match="with the ids 01, 02, 01, expected each id once"):
        verify(LOG, [*KEYS, FOREIGN], TOPIC)
