import logging
import threading

import pytest
from kafka.errors import InvalidTopicError, KafkaError, KafkaTimeoutError, TopicAuthorizationFailedError

from detector.errors import UserError
from detector.kafka.errors import CAUSES, NO_CAUSE, explain, kafka_errors

CLIENT = logging.getLogger("kafka.net.connection")


@pytest.mark.parametrize(
    ("expected", "error", "logged"),
    [
        (NO_CAUSE, KafkaTimeoutError("late"), []),
        ("nothing listens there", KafkaTimeoutError("late"), ["lost: KafkaConnectionError: 111 ECONNREFUSED"]),
        ("the name is unknown", KafkaTimeoutError("late"), ["lost: KafkaConnectionError: DNS Resolution failure"]),
        ("it hangs up", KafkaTimeoutError("late"), ["lost: KafkaConnectionError: socket disconnected"]),
        (
            "refuses the credentials",
            KafkaTimeoutError("late"),
            ["lost: socket disconnected", "lost: [Error 58] SaslAuthenticationFailedError: invalid credentials"],
        ),
        (
            "its certificate is not trusted",
            KafkaTimeoutError("late"),
            ["Handshake failed: [SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate"],
        ),
        ("give the user of sasl_username the right", TopicAuthorizationFailedError("no"), []),
        ("refused: InvalidTopicError", InvalidTopicError("bad\nname"), []),
    ],
)
def test_an_error_says_what_to_do_in_one_line(expected: str, error: KafkaError, logged: list[str]) -> None:
    line = explain(error, "k:9092", logged)
    assert expected in line
    assert "k:9092" in line
    assert "\n" not in line


def test_every_cause_is_found_by_its_own_sign() -> None:
    for sign, meaning in CAUSES:
        assert explain(KafkaTimeoutError("late"), "k:9092", [f"Connection lost: {sign}"]).endswith(meaning)


def test_the_clients_log_goes_into_the_message_and_not_to_the_screen(caplog: pytest.LogCaptureFixture) -> None:
    def connect() -> None:
        with kafka_errors("k:9092"):
            CLIENT.error("Connection lost: ECONNREFUSED")
            raise KafkaTimeoutError("late")

    with pytest.raises(UserError, match="nothing listens there"):
        connect()
    assert caplog.text == ""
    CLIENT.error("later")
    assert "later" in caplog.text


def test_threads_that_connect_at_once_leave_the_log_as_it_was(caplog: pytest.LogCaptureFixture) -> None:
    inside, leave = threading.Barrier(3), threading.Event()

    def connect() -> None:
        with kafka_errors("k:9092"):
            inside.wait(5)
            leave.wait(5)

    threads = [threading.Thread(target=connect) for _ in range(2)]
    for thread in threads:
        thread.start()
    inside.wait(5)
    CLIENT.error("meanwhile")
    leave.set()
    for thread in threads:
        thread.join()
    CLIENT.error("afterwards")
    assert ["afterwards"] == caplog.messages


def test_errors_that_are_not_kafkas_pass_through() -> None:
    with pytest.raises(ZeroDivisionError), kafka_errors("k:9092"):
        raise ZeroDivisionError
