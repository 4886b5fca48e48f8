"""Logs of the source topics, and a worker's nodes that run over them; imports nothing that trains a model."""

from typing import Any

from support.nodes import Nodes, in_chunks

#: Records of each source topic (by its code) and partition.
Log = dict[tuple[int, int], list[Any]]
TOPICS = ("account-events", "wallet-events")


def run(made: Nodes, log: Log, size: int) -> None:
    """The whole log, node by node, in chunks of `size` records."""
    made.run(
        lambda node, partition: (
            made.hop(node, partition, size)
            if node.source is None
            else in_chunks(log.get((node.source, partition), []), size)
        )
    )
