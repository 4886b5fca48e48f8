"""Certificates that are renewed while a process runs: new connections have them, bad ones change nothing."""

import asyncio
import logging
import os
import shutil
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.certificates import Certificate, make_authority, make_certificate

from detector.kafka.security import tls_context
from detector.settings import Settings


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Certificate]:
    folder = tmp_path_factory.mktemp("certificates")
    authority = make_authority(folder)
    names = "broker", "before", "after"
    return {"authority": authority, **{name: make_certificate(folder, name, authority) for name in names}}


@pytest.fixture
def port(made: dict[str, Certificate]) -> Iterator[int]:
    """A server that tells each client the name in its certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made["broker"].cert, made["broker"].key)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(made["authority"].cert)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                plain, _ = listener.accept()
                with plain, context.wrap_socket(plain, server_side=True) as client:
                    found: Any = client.getpeercert()
                    name = found["subject"][0][0][1]
                    client.sendall(name.encode())
                    if name == "broker":  # the last one
                        return

        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        end = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        end.load_verify_locations(made["authority"].cert)
        end.load_cert_chain(made["broker"].cert, made["broker"].key)
        assert "broker" == by_socket(end, listener.getsockname()[1])
        thread.join(10)


def by_socket(context: ssl.SSLContext, port: int) -> str:
    """As kafka-python connects."""
    with (
        socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname="127.0.0.1") as secured,
    ):
        return secured.recv(100).decode()


def by_asyncio(context: ssl.SSLContext, port: int) -> str:
    """As aiokafka connects."""

    async def told() -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        name = await reader.read(100)
        writer.close()
        return name.decode()

    return asyncio.run(told())


def put(certificate: Certificate, folder: Path) -> None:
    """Into the folder that settings name; a change that the clock does not show is one too."""
    for ending, path in (("pem", certificate.cert), ("key", certificate.key)):
        new = folder / f"new.{ending}"
        shutil.copy(path, new)
        os.utime(new, ns=(0, 0))
        new.rename(folder / f"own.{ending}")


@pytest.fixture
def context(made: dict[str, Certificate], tmp_path: Path) -> ssl.SSLContext:
    put(made["before"], tmp_path)
    own = {"tls_cert": str(tmp_path / "own.pem"), "tls_key": str(tmp_path / "own.key")}
    found = tls_context(Settings(tls_ca=str(made["authority"].cert), **own))
    assert found is not None
    return found


@pytest.mark.parametrize("connect", [by_socket, by_asyncio])
def test_the_next_connection_has_the_new_certificate(
    connect: Callable[[ssl.SSLContext, int], str],
    made: dict[str, Certificate],
    context: ssl.SSLContext,
    port: int,
    tmp_path: Path,
) -> None:
    assert "before" == connect(context, port)
    put(made["after"], tmp_path)
    assert "after" == connect(context, port)


@pytest.mark.parametrize("spoil", ["a certificate without its key", "half a file", "no file"])
def test_files_that_cannot_be_used_are_told_once_and_change_nothing_until_they_can(
    spoil: str,
    made: dict[str, Certificate],
    context: ssl.SSLContext,
    port: int,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "detector.kafka.renewal")
    own = tmp_path / "own.pem"
    if spoil == "a certificate without its key":
        shutil.copy(made["after"].cert, own)
    elif spoil == "half a file":
        own.write_bytes(made["after"].cert.read_bytes()[:200])
    else:
        own.unlink()
    assert ["before", "before"] == [by_socket(context, port), by_socket(context, port)]
    (told,) = caplog.messages
    assert "cannot be used, those before stay: setting tls_cert" in told
    put(made["after"], tmp_path)
    assert "after" == by_socket(context, port)
    assert "were read again" in caplog.messages[-1]
