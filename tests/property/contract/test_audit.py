"""A thousand changes, deletions, insertions, reorderings and truncations of an audit: all are found."""

import random
from collections.abc import Callable

import msgspec
import pytest

from detector.contract.audit import (
    AuditKey,
    Entry,
    Head,
    Link,
    encode_entry,
    end_of,
    is_by,
    parse_head,
    signed,
    verify,
)
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
MAC_OF_FIRST = chain(1)[0].mac.encode()


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


def test_a_log_that_was_cut_off_and_went_on_is_found_by_a_head_of_what_is_lost_and_by_none_before() -> None:
    kept = ENTRIES // 2
    log = LOG[:kept]
    for number in range(kept, ENTRIES):
        last = end_of(log)
        assert last
        entry = msgspec.structs.replace(chain(1)[0], number=number, previous=last.mac, os_user="afterwards")
        log.append(encode_entry(signed(entry, KEYS[1])))
    for count in range(1, ENTRIES + 1):
        head = Head(count, chain()[count - 1].mac)
        faults = () if count <= kept else (f"entry {count - 1} is another than it was before",)
        assert faults == verify(log, KEYS, TOPIC, head).faults


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


def test_the_check_goes_on_behind_an_entry_that_is_repeated() -> None:
    found = verify([*LOG[:-1], LOG[3], LOG[-1]], KEYS, TOPIC, HEAD)
    assert (f"entry 3 (message {ENTRIES - 1}) comes after entry {ENTRIES - 2}: repeated, or in another order",) == (
        found.faults
    )
    assert HEAD == found.head


def test_the_chain_goes_on_behind_an_entry_of_a_newer_release_and_behind_what_is_none() -> None:
    newer = LOG[-1].replace(b'"schema":1', b'"more":true,"schema":2').replace(b'"state reset"', b'"new kind"')
    for last in (LOG[-1], newer):
        assert Link(ENTRIES - 1, HEAD.mac) == end_of([*LOG[:-1], last, b"no entry", None, b"\xff"])
    assert end_of([]) is None
    assert [] == list(verify(LOG[:-1], KEYS, TOPIC).faults)
    assert 1 == len(verify([*LOG[:-1], newer], KEYS, TOPIC).faults)


@pytest.mark.parametrize(
    "value",
    [
        LOG[0].replace(MAC_OF_FIRST, "é".encode() * 64),
        LOG[0].replace(MAC_OF_FIRST, b"f" * 63),
        LOG[0].replace(b'"number":0', b'"number":18446744073709551615'),
        LOG[0].replace(b'"number":0', b'"number":-1'),
        LOG[0].replace(b'"at_ms":1600000000000', b'"at_ms":100000000000000000'),
        b'{"more":' + b"[" * 100_000,
    ],
    ids=["a MAC of other letters", "a short MAC", "a giant number", "a number below 0", "a giant time", "too deep"],
)
def test_what_somebody_without_a_key_writes_stops_neither_the_check_nor_the_next_writer(value: bytes) -> None:
    assert value != LOG[0]
    (fault,) = verify([*LOG, value], KEYS, TOPIC, HEAD).faults
    assert f"message {ENTRIES} is no entry" == fault
    assert Link(ENTRIES - 1, HEAD.mac) == end_of([*LOG, value])


def test_the_next_entry_can_always_be_written_and_its_head_be_given() -> None:
    last = Link(10**11 - 1, HEAD.mac)
    assert last == end_of([msgspec.json.encode(last)])
    following = signed(msgspec.structs.replace(chain(1)[0], number=last.number + 1, previous=last.mac), KEYS[0])
    assert encode_entry(following)
    head = Head(following.number + 1, following.mac)
    assert head == parse_head(str(head))


def test_the_chain_goes_on_behind_its_last_entry_also_where_an_earlier_one_is_repeated() -> None:
    assert Link(ENTRIES - 1, HEAD.mac) == end_of([*LOG, LOG[3]])


def test_an_entry_is_by_a_key_only_as_it_was_signed() -> None:
    first, last = chain()[0], chain()[-1]
    assert [True, False, True] == [is_by(first, KEYS[0]), is_by(first, FOREIGN), is_by(last, KEYS[1])]
    assert not is_by(msgspec.structs.replace(first, user="User:x"), KEYS[0])


def test_two_keys_of_one_id_are_refused() -> None:
    with pytest.raises(UserError, match="with the ids 01, 02, 01, expected each id once"):
        verify(LOG, [*KEYS, FOREIGN], TOPIC)
