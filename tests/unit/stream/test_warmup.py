"""No chunk waits for a compiler: warming up compiles everything that a worker uses."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from support import warmth
from support.chains import draft_of, model_of, source_records
from support.warmth import AHEAD, CONTROLLED, LOG, MODEL, Warmth

from detector.artifact import write_model
from detector.core.chains import CHAINS
from detector.core.stage import Chain
from detector.core.topology import topology_of
from detector.stream.warmup import warm_up

TESTS = str(Path(warmth.__file__).parents[1])


@pytest.mark.parametrize(
    ("chain", "options"),
    [
        *((chain, options) for options in ([], [CONTROLLED]) for chain in (CHAINS[0], CHAINS[-1])),
        (CHAINS[-1], [AHEAD]),
    ],
    ids=lambda given: given.name if isinstance(given, Chain) else "".join(given),
)
def test_nothing_is_compiled_after_warming_up(chain: Chain, options: list[str], tmp_path: Path) -> None:
    write_model(tmp_path / MODEL, draft_of(chain))
    (tmp_path / LOG).write_bytes(pickle.dumps(source_records(2_000, 2)))
    # A process of its own: here other tests have compiled what a worker begins without.
    found = subprocess.run(
        [sys.executable, "-P", "-m", "support.warmth", str(tmp_path), *options],
        stdout=subprocess.PIPE,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (TESTS, os.environ.get("PYTHONPATH"))))},
    )
    measured = msgspec.json.decode(found.stdout, type=Warmth)
    assert {} == measured.late
    assert measured.warm > 10
    assert measured.alerts > 0, "nothing reached the last node"


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.name)
def test_warming_up_leaves_the_model_as_it_was(chain: Chain) -> None:
    model = model_of(chain)
    before = model.budget
    warm_up(topology_of(chain), model)
    assert before == model.budget
