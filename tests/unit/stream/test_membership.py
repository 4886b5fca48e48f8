"""Over a rebalance: what stays goes on with its rows at once, what is new is restored beside it."""

import asyncio
from collections.abc import Callable, Collection
from typing import Any, cast

from faust.types import TP
from support.protocol.bus import SETTINGS, Commit
from support.shells import INPUT, Backend, Ported, Source, chunk_at

from detector.errors import UserError
from detector.observe.metrics import Metrics
from detector.stream.ports import Chunk
from detector.stream.reporting import Reporting

HOP = TP(SETTINGS.hop_topic("cases"), 0)
PATIENCE_S = 10.0


class Remembering(Backend):
    """Keeps what is committed, and takes what is sent."""

    async def ask(self, ask: Any) -> Any:
        if isinstance(ask, Commit):
            self.commits |= {tp: (offset, metadata) for tp, offset, metadata in ask.positions}
        return await super().ask(ask)

    def enqueue(self, queue: Any, records: Any) -> Any:
        taken = asyncio.get_running_loop().create_future()
        taken.set_result(None)
        return taken


class Held(Source):
    """Notes what is to be held."""

    def __init__(self, backend: Backend) -> None:
        super().__init__(backend)
        self.held: set[TP] = set()

    async def hold(self, partitions: Collection[TP]) -> None:
        self.held = set(partitions)


class Member(Ported):
    """A shell that has been assigned the first partition, and has processed it up to offset 8."""

    backend: Remembering
    source: Held

    def __init__(self) -> None:
        super().__init__(Remembering(), Held)
        self.backend.ends[HOP] = (0, 0)
        self.restores = 0
        self.free = asyncio.Event()

    async def begun(self) -> "Member":
        await self.shell.begin()
        await self.shell.on_chunk(chunk_at(*range(8)))
        self.reader.restoring = self._wait
        return self

    async def _wait(self) -> None:
        self.restores += 1
        await self.free.wait()

    async def rebalance(self, *assigned: TP, generations: int = 1) -> None:
        await self.shell.finish()
        self.backend.inputs, self.backend.generation = assigned, self.backend.generation + generations
        await self.shell.begin()

    def chunk(self, tp: TP, *offsets: int) -> Chunk:
        return chunk_at(*offsets)._replace(tp=tp, generation=self.backend.generation)


async def until(happens: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not happens():  # noqa: ASYNC110 - what happens, happens elsewhere
            await asyncio.sleep(0.001)


async def test_a_partition_that_comes_back_goes_on_where_it_was_and_is_ready_all_the_while() -> None:
    member = await Member().begun()
    shell, before = member.shell, member.shell.tasks[INPUT]
    await shell.finish()
    assert shell.membership.readiness().ok
    await member.rebalance(INPUT)
    after = shell.tasks[INPUT]
    assert (0, before.processor, 8) == (member.restores, after.processor, after.position)
    assert before.ended
    assert shell.membership.readiness().ok
    await shell.on_chunk(member.chunk(INPUT, 8, 9))
    assert 10 == after.position


async def test_a_worker_tells_how_many_partitions_there_are_in_kafka_not_how_many_it_was_told_of() -> None:
    member, metrics = Member(), Metrics("1")
    cast(Any, member.shell)._reporting = Reporting(metrics, ["counting", "cases"], 0)
    member.backend.partitions = 5
    await member.shell.begin()
    assert 1 == SETTINGS.partitions
    assert 10 == metrics.registry.get_sample_value("kozamori_partitions"), "those of both nodes"


async def test_a_partition_that_another_may_have_had_is_restored() -> None:
    member = await Member().begun()
    moves = asyncio.ensure_future(member.rebalance(INPUT, generations=2))
    await until(lambda: member.restores == 1)
    assert not member.shell.membership.readiness().ok
    member.free.set()
    await moves
    assert member.shell.membership.readiness().ok


async def test_a_new_partition_is_restored_beside_one_that_stays() -> None:
    member = await Member().begun()
    shell = member.shell
    await member.rebalance(INPUT, HOP)
    await until(lambda: member.restores == 1)
    assert {HOP} == member.source.held
    report = shell.membership.readiness()
    assert (True, {"counting": [0], "restoring": "cases 0"}) == (report.ok, report.detail)
    await shell.on_chunk(member.chunk(INPUT, 8))
    assert 9 == shell.tasks[INPUT].position
    await shell.on_chunk(member.chunk(HOP, 0))  # fetched before it was held
    member.free.set()
    await until(lambda: not member.source.held)
    assert [0] == member.backend.read_again
    assert {"counting": [0], "cases": [0]} == shell.membership.readiness().detail
    assert not shell.failed.done()


async def test_a_rebalance_while_rows_are_restored_begins_again_and_still_keeps_what_stays() -> None:
    member = await Member().begun()
    await member.rebalance(INPUT, HOP)
    await until(lambda: member.restores == 1)
    await member.rebalance(INPUT, HOP)
    await until(lambda: member.restores == 2)
    assert 8 == member.shell.tasks[INPUT].position
    member.free.set()
    await until(lambda: HOP in member.shell.tasks)
    assert not member.shell.failed.done()


async def test_a_restore_beside_the_others_that_fails_ends_the_worker() -> None:
    member = await Member().begun()

    async def refuses() -> None:
        raise UserError("rows of another kernel")

    member.reader.restoring = refuses
    await member.rebalance(INPUT, HOP)
    await until(member.shell.failed.done)
    assert isinstance(member.shell.failed.result(), UserError)


async def test_nothing_of_a_partition_that_is_revoked_is_processed_any_more() -> None:
    member = await Member().begun()
    member.shell.membership.leave()
    await member.shell.on_chunk(member.chunk(INPUT, 8))
    assert 8 == member.shell.tasks[INPUT].position


async def test_an_assignment_that_is_over_before_it_was_heard_of_begins_nothing() -> None:
    member = await Member().begun()
    await member.shell.finish()
    member.source.moving = True
    await member.shell.begin()
    assert {} == member.shell.tasks
    member.source.moving = False
    await member.rebalance(INPUT)
    assert 0 == member.restores
