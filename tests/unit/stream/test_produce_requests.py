"""Produce requests joined once are, to the byte, those that aiokafka encodes; other requests pass as they are."""

import gc
import random
import weakref
from typing import Any

import pytest
from aiokafka.protocol.metadata import MetadataRequest
from aiokafka.protocol.produce import ProduceRequest

from detector.stream.produce_requests import ProducingClient


class Client:
    """Keeps what it is asked to send."""

    name = "a client"

    def __init__(self) -> None:
        self.sent: list[Any] = []

    async def send(self, node_id: int, request: Any, **options: Any) -> str:
        self.sent.append((node_id, request, options))
        return "answer"


def a_request(rng: random.Random) -> ProduceRequest:
    batches = [None, b"", bytearray(b"batch"), memoryview(rng.randbytes(700)), rng.randbytes(50)]
    topics = [
        (topic, [(partition, rng.choice(batches)) for partition in range(rng.randrange(4))])
        for topic in ("alerts", "口座", "rows")[: rng.randrange(4)]
    ]
    return ProduceRequest(transactional_id=None, required_acks=-1, timeout=30_000, topics=topics)


@pytest.mark.parametrize("most", [3, 7, 8])
async def test_a_joined_request_has_the_bytes_it_would_have(most: int) -> None:
    rng, client = random.Random(most), Client()
    for _ in range(50):
        request = a_request(rng)
        assert "answer" == await ProducingClient(client).send(1, request)
        _, joined, _ = client.sent.pop()
        versions = {ProduceRequest.API_KEY: (0, most)}
        struct = joined.prepare(versions)
        expected = request.prepare(versions)
        assert (expected.API_VERSION, expected.RESPONSE_TYPE) == (struct.API_VERSION, struct.RESPONSE_TYPE)
        assert expected.encode() == struct.encode()
        assert ProduceRequest.API_KEY == joined.API_KEY


async def test_a_request_and_its_batches_are_freed_without_the_garbage_collector() -> None:
    client = Client()
    await ProducingClient(client).send(1, a_request(random.Random(1)))
    _, joined, _ = client.sent.pop()
    struct = joined.prepare({ProduceRequest.API_KEY: (0, 8)})
    struct.encode()
    kept = weakref.ref(struct._struct)
    gc.disable()
    try:
        del struct
        assert kept() is None
    finally:
        gc.enable()


async def test_other_requests_and_all_else_are_the_clients_own() -> None:
    client, request = Client(), MetadataRequest([])
    wrapped = ProducingClient(client)
    await wrapped.send(7, request, group="coordination")
    assert [(7, request, {"group": "coordination"})] == client.sent
    assert "a client" == wrapped.name
