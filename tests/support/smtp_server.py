"""A mail server on a real socket, with STARTTLS and a password; answers as a test says."""

import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Self

ANSWERS = {
    "": "220 mail.test",
    "EHLO": "250-mail.test\r\n250-STARTTLS\r\n250 AUTH PLAIN",
    "STARTTLS": "220 go on",
    "AUTH": "235 welcome",
    "MAIL": "250 sender is well",
    "RCPT": "250 recipient is well",
    "DATA": "354 go on",
    ".": "250 accepted",
}


class SmtpServer:
    """Keeps mails as they came, and the commands, ciphered or not; `answers` replace ours by command.

    An empty answer hangs up; one that is `HANGS` is never given.
    """

    HANGS = "hangs"

    def __init__(self, tls: ssl.SSLContext | None = None, answers: Mapping[str, str] = {}) -> None:
        self.mails: list[EmailMessage] = []
        self.commands: list[tuple[str, bool]] = []
        self._tls = tls
        self._answers = {**ANSWERS, **answers}
        self._ending = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._ending.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError, ConnectionError):
            stream = connection.makefile("rb")
            self._say(connection, "")
            while line := stream.readline():
                command = line.decode().split()[0].upper()
                self.commands.append((line.decode().strip(), isinstance(connection, ssl.SSLSocket)))
                self._say(connection, command)
                if command == "STARTTLS" and self._tls is not None:
                    connection = self._tls.wrap_socket(connection, server_side=True)
                    stream = connection.makefile("rb")
                if command == "DATA":
                    text = b"".join(iter(stream.readline, b".\r\n"))
                    self.mails.append(message_from_bytes(text, policy=default))
                    self._say(connection, ".")

    def _say(self, connection: socket.socket, command: str) -> None:
        answer = self._answers.get(command, "250 well")
        if answer == self.HANGS:
            self._ending.wait(30)
        if not answer or answer == self.HANGS:
            connection.close()
            raise ConnectionError
        connection.sendall(f"{answer}\r\n".encode())
