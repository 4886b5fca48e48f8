"""A stage declares the columns that its key and kernel read: a hop carries no others.

Checked in the sources, because a declared column may be one that no test event needs; and with the kernels, whose
results must not change without the other columns.
"""

import ast
import importlib
import inspect
from dataclasses import replace
from functools import cache
from types import ModuleType

import numpy as np
import pytest
from support.alone import Alone
from support.hops import log_of
from support.stages import COUNTING

from detector.contract.batch import DTYPES, Batch
from detector.core import budget_controller
from detector.core.chains import CHAINS, WALLET_CHAIN
from detector.core.events import Events
from detector.core.forward import both_sides
from detector.core.stage import Chain, Stage
from detector.core.stages.account import ACCOUNT
from detector.core.stages.budget import BUDGET
from detector.core.stages.campaigns import CAMPAIGNS
from detector.core.stages.cases import CASES
from detector.core.stages.source import SOURCE
from detector.core.stages.wallet import WALLET
from detector.core.topology import ALWAYS_READ, JUDGED, RAISED, Topology, topology_of

STAGES = "detector.core.stages"
ALL_STAGES = (ACCOUNT, WALLET, SOURCE, BUDGET, CASES, CAMPAIGNS)
TOPOLOGIES = [topology_of(chain, controller) for chain in CHAINS for controller in (None, BUDGET)]


@cache
def tree_of(module: ModuleType) -> ast.Module:
    return ast.parse(inspect.getsource(module))


def modules_of(name: str) -> set[str]:
    """The module and all below it that it imports, of the stages' folder."""
    found = {name}
    for node in ast.walk(tree_of(importlib.import_module(name))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(STAGES):
            names = [f"{STAGES}.{alias.name}" for alias in node.names] if node.module == STAGES else [str(node.module)]
            found = found.union(*map(modules_of, names))
    return found


def looked_at(tree: ast.AST, whose: str) -> set[str]:
    """Columns and properties of the batch that goes by the name `whose`."""
    found = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == whose
    }
    return columns_of(*found - {"size"})


def columns_of(*names: str) -> set[str]:
    """The columns that the properties among `names` are made of, and the columns among them."""
    columns = set(names) & set(DTYPES)
    for name in set(names) - columns:
        source = inspect.getsource(vars(Batch)[name].fget)
        columns |= looked_at(ast.parse(inspect.cleandoc(source)), "self")
    return columns


def aliases_in(tree: ast.AST) -> list[int]:
    """Lines in which a batch gets another name, or is asked for a column by a name that is not written down."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if (isinstance(node, ast.Assign) and isinstance(node.value, ast.Name) and node.value.id == "batch")
        or (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr")
    ]


@pytest.mark.parametrize("stage", ALL_STAGES, ids=lambda stage: stage.name)
def test_a_stage_reads_what_the_sources_of_its_key_and_kernel_look_at(stage: Stage) -> None:
    modules = [importlib.import_module(name) for name in modules_of(f"{STAGES}.{stage.name}")]
    keys = columns_of(stage.key) if isinstance(stage.key, str) else looked_at(tree_of(budget_controller), "batch")
    assert set().union(keys, *(looked_at(tree_of(module), "batch") for module in modules)) == stage.reads
    assert [] == [line for module in modules for line in aliases_in(tree_of(module))]


def only(batch: Batch, columns: frozenset[str]) -> Batch:
    """The batch as a hop with these columns brings it."""
    gone = {name: np.zeros_like(getattr(batch, name)) for name in DTYPES.keys() - columns - {"offset", "hop_index"}}
    return batch._replace(**gone)


@pytest.mark.parametrize("stage", ALL_STAGES, ids=lambda stage: stage.name)
def test_a_stage_does_not_notice_that_all_other_columns_are_gone(stage: Stage) -> None:
    batch = both_sides(Events.fresh(log_of(3_000), 0)).batch
    if stage is not WALLET:
        batch = batch.select(batch.role == 0)
    machines = Alone(stage), Alone(stage)
    whole, sparse = machines[0].process(batch), machines[1].process(only(batch, stage.reads | ALWAYS_READ))
    assert whole.status.tobytes() == sparse.status.tobytes()
    assert whole.events.X[whole.applied].tobytes() == sparse.events.X[whole.applied].tobytes()
    assert whole.events.facts.tobytes() == sparse.events.facts.tobytes()
    assert machines[0].rows.snapshot().tobytes() == machines[1].rows.snapshot().tobytes()


@pytest.mark.parametrize("topology", TOPOLOGIES, ids=lambda topology: "-".join(node.name for node in topology.nodes))
def test_a_node_gets_what_it_and_all_behind_it_read(topology: Topology) -> None:
    for node in topology.nodes:
        reads = topology.reads(node.name)
        assert node.stage is None or node.stage.reads <= reads
        assert columns_of("identity") <= reads, "admission knows an event again by its identity"
        assert {"role", "origin", "origin_offset"} <= reads, "sides and ids of alerts"
        for target in topology.behind(node.name):
            assert topology.reads(target) <= reads
            assert JUDGED <= reads or not topology.node(target).judges
            assert RAISED <= reads or not topology.node(target).raises


def test_what_no_later_node_reads_goes_no_further() -> None:
    toy = replace(COUNTING, name="toy", key="shop", reads=frozenset({"shop", "amount_yen"}))
    topology = topology_of(Chain((*WALLET_CHAIN.stages, toy)))
    assert "shop" in topology.reads("toy")
    assert "shop" not in topology.reads("cases")
    assert "amount_yen" in topology.reads("cases")
