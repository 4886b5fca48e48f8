"""Records of the topic of redrives."""

import msgspec
import pytest

from detector.contract.alerts import Position
from detector.contract.redrives import Redriven, Void, decode_redrive, encode_redrive
from detector.kafka.redrives import Redrives

FIRST, AGAIN = Position("account-events", 3, 7), Position("account-events", 1, 900)


@pytest.mark.parametrize("record", [Redriven(FIRST, "id", AGAIN), Void("id", {0: 12, 3: 0})])
def test_what_is_encoded_is_decoded(record: Redriven | Void) -> None:
    assert record == decode_redrive(encode_redrive(record))


def test_what_is_no_record_is_refused() -> None:
    with pytest.raises(msgspec.DecodeError):
        decode_redrive(b'{"type":"redriven"}')


def test_offsets_are_those_of_one_topic_with_its_id() -> None:
    def redriven(offset: int, *, topic: str = "account-events", topic_id: str = "new") -> Redriven:
        return Redriven(Position(topic, 3, offset), topic_id, AGAIN)

    table = Redrives(
        {
            "a": redriven(9),
            "b": redriven(7),
            "c": redriven(5, topic_id="old"),
            "d": redriven(4, topic="wallet-events"),
        }
    )
    assert {3: [7, 9]} == table.offsets("account-events", "new")
    assert {} == table.offsets("account-events", "another")


def test_letters_are_void_in_the_topic_of_that_name_and_id_alone() -> None:
    table = Redrives(void={"dead-letters": Void("id", {0: 12})})
    assert {0: 12} == table.void_before("dead-letters", "id")
    assert {} == table.void_before("dead-letters", "made anew")
    assert {} == table.void_before("shadow.dead-letters", "id")
