"""A rule that is broken is found out, each one: else the worlds that hold would prove nothing."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from support.protocol.explore import Finding, explore
from support.protocol.fake_ports import silence
from support.protocol.judge import Strict
from support.protocol.mutations import MUTATIONS, Mutation
from support.protocol.world import World

Table = list[tuple[Mutation, Finding]]


@pytest.fixture(scope="module")
def table() -> Iterator[Table]:
    """Printed once it is full: rule, mutation, steps of the shortest trace, states explored."""
    found: Table = []
    yield found
    print(f"\n{'rule':5} {'mutation':75} {'trace':>5} {'states':>7} {'seconds':>7}")
    for mutation, finding in found:
        steps = f"{len(finding.trace) - 1}{'*' if mutation.prefix else ''}"
        print(f"{mutation.rule:5} {mutation.what:75} {steps:>5} {finding.states:7,} {finding.seconds:7.1f}")
    print("* after given first steps: the search continues from their end")


def searched(mutation: Mutation, *, broken: bool) -> Finding:
    """What is found in the mutation's world."""
    with silence():
        setup = mutation.world()
        judge = Strict(setup)  # what is expected comes from the code as it is
        if broken:
            setup = setup._replace(scene=replace(setup.scene, parts=mutation.parts))
        with closing(World(setup, judge)) as world:
            return explore(world, prefix=mutation.prefix, most=100_000)


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: f"{mutation.rule} {mutation.what}")
def test_a_broken_rule_is_found_out(mutation: Mutation, table: Table) -> None:
    found = searched(mutation, broken=True)
    print("\n".join(found.trace))
    assert found.trace
    table.append((mutation, found))


@pytest.mark.parametrize(
    "mutation", [each for each in MUTATIONS if each.prefix and each.world().fences], ids=lambda each: each.what
)
def test_the_stories_end_well_where_no_rule_is_broken(mutation: Mutation) -> None:
    assert () == searched(mutation, broken=False).trace
