"""What a worker of the model is made of: the project's classes, and for a mutation another in the place of one."""

from collections.abc import Callable
from typing import Any, NamedTuple

from support.protocol.fake_ports import FakeReader, FakeSource

from detector.stream.shell import Shell


def new_writer(worker: Any) -> int:
    """A writer id nobody has had."""
    return int(worker.new_writer())


class Parts(NamedTuple):
    """The shell, which makes the others; and the ports that are not as usual."""

    shell: type[Shell] = Shell
    source: type[FakeSource] = FakeSource
    reader: type[FakeReader] = FakeReader
    writer: Callable[[Any], int] = new_writer
