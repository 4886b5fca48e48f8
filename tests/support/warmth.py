"""A worker's process that warms up and then works; prints what numba compiled too late.

Model and log come in files: what prepares them compiles too.
"""

import gc
import pickle
import sys
from pathlib import Path

import msgspec
import numpy as np
from numba.core.dispatcher import Dispatcher
from support.nodes import Nodes
from support.source_logs import TOPICS, Log, run

from detector.artifact import read_model
from detector.core.chains import CHAINS
from detector.core.topology import topology_for
from detector.ops.kernels import compile_kernels
from detector.stream.processor import ALERTS, Wiring
from detector.stream.warmup import warm_up

MODEL, LOG = "model", "log"
CONTROLLED = "controlled"
#: Without the model: as an image is made.
AHEAD = "ahead"
#: Chunks of one event, of which some hop messages have one alone, and chunks of many.
SIZES = (1, 2, 500)


class Warmth(msgspec.Struct):
    """Signatures compiled by warming up, those that came later by function, alerts that went all the way."""

    warm: int
    late: dict[str, int]
    alerts: int


def compiled() -> dict[str, int]:
    """Signatures of every compiled function of ours."""
    functions = [found for found in gc.get_objects() if isinstance(found, Dispatcher)]
    return {
        f"{function.py_func.__module__}.{function.py_func.__name__}": len(function.signatures)
        for function in functions
        if function.py_func.__module__.startswith("detector.")
    }


def work(folder: Path, *, controlled: bool, ahead: bool) -> Warmth:
    """Warm up, `ahead` without the model, then let chunks of all sizes go all the way, twice."""
    model = read_model(folder / MODEL, *CHAINS)
    if controlled:
        model = model.with_controller()
    topology = topology_for(model)
    log: Log = pickle.loads((folder / LOG).read_bytes())
    if ahead:
        compile_kernels()
    else:
        warm_up(topology, model)
    warm, alerts = compiled(), 0
    for size in SIZES:
        nodes = Nodes(Wiring(topology, model, 2, TOPICS))
        few = {tp: records[: 40 * size] for tp, records in log.items()}
        run(nodes, few, size)
        nodes.again()
        alerts += sum(output.topic == ALERTS for output in nodes.outputs)
        for node in topology.nodes:
            # As where rows grow, and where a task begins with rows that another wrote ahead of its commit.
            nodes.processor(node.name).pipeline.rows.mark_dirty(np.zeros(1, np.int64))
    late = {name: count - warm.get(name, 0) for name, count in compiled().items() if count > warm.get(name, 0)}
    return Warmth(sum(warm.values()), late, alerts)


if __name__ == "__main__":
    options = sys.argv[2:]
    found = work(Path(sys.argv[1]), controlled=CONTROLLED in options, ahead=AHEAD in options)
    print(msgspec.json.encode(found).decode())
