"""Produce requests joined once: aiokafka copies every batch once for each level of its protocol's types."""

from typing import Any

from aiokafka.protocol.produce import ProduceRequest
from aiokafka.protocol.types import Array, Bytes, Int32, Schema


class ProducingClient:
    """aiokafka's client, as its sender of batches uses it."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def send(self, node_id: int, request: Any, **options: Any) -> Any:
        """Send a request; its answer."""
        return await self._client.send(
            node_id, _Joined(request) if isinstance(request, ProduceRequest) else request, **options
        )


class _Joined:
    """A request whose struct is encoded by `encode`."""

    def __init__(self, request: Any) -> None:
        self._request = request

    def __getattr__(self, name: str) -> Any:
        return getattr(self._request, name)

    def prepare(self, versions: Any) -> Any:
        """The struct of the version that both sides know."""
        return _Encoded(self._request.prepare(versions))


class _Encoded:
    """A struct that is encoded by `encode`; an attribute of its own would keep it, and its batches, in a cycle."""

    def __init__(self, struct: Any) -> None:
        self._struct = struct

    def __getattr__(self, name: str) -> Any:
        return getattr(self._struct, name)

    def encode(self) -> bytes:
        """The bytes of the struct."""
        return encode(self._struct)


def encode(struct: Any) -> bytes:
    """The bytes of a request, as its own `encode` makes them."""
    parts: list[Any] = []
    _add(struct.SCHEMA, [getattr(struct, name) for name in struct.SCHEMA.names], parts)
    return b"".join(parts)


def _add(field: Any, value: Any, parts: list[Any]) -> None:
    if type(field) is Schema:
        for own, item in zip(field.fields, value, strict=True):
            _add(own, item, parts)
    elif type(field) is Array and value is not None:
        parts.append(Int32.encode(len(value)))
        for item in value:
            _add(field.array_of, item, parts)
    elif field is Bytes and value is not None:
        parts += Int32.encode(len(value)), value
    else:
        parts.append(field.encode(value))
