"""Which partitions are fetched: all that are held, but for those that wait for others and those being restored."""

from collections.abc import Collection, Mapping

from faust.types import TP

from detector.stream.ports import Source


class Gate:
    """Says to `source` whom to hold back."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._restored: frozenset[TP] = frozenset()
        self._ahead: frozenset[TP] = frozenset()

    def assigned(self) -> None:
        """All that is assigned now is fetched."""
        self._restored = self._ahead = frozenset()

    async def restore(self, partitions: Collection[TP]) -> None:
        """Fetch nothing of these until another call: they have no task yet."""
        self._restored = frozenset(partitions)
        await self._source.hold(self._restored | self._ahead)

    async def hold(self, partitions: Collection[TP]) -> None:
        """Fetch nothing of these until another call: they are ahead of others."""
        self._ahead = frozenset(partitions)
        await self._source.hold(self._restored | self._ahead)

    async def end_offsets(self, *partitions: TP) -> Mapping[TP, int]:
        """See `Source`."""
        return await self._source.end_offsets(*partitions)
