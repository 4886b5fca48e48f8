"""Files whose tests take long, the longest first: begun first, so that no process ends with one while others are idle.

Seconds on two quiet cores, those that wait for brokers and workers included; the order is what counts. A file of more
than five seconds belongs here.
"""

from collections.abc import Sequence

import pytest

LONGEST = (
    "integration/test_faults.py",
    "faults/test_faults_together.py",
    "integration/test_demo.py",
    "integration/test_sigterm.py",
    "integration/test_worker_and_state.py",
    "integration/test_refusals.py",
    "integration/test_bench.py",
    "integration/test_rebalances.py",
    "integration/test_restore_trouble.py",
    "integration/test_quiet_log.py",
    "integration/local_kafka/test_broker.py",
    "model/test_worlds.py",
    "integration/test_online_equals_offline.py",
    "integration/test_warm.py",
    "integration/test_transfer.py",
    "integration/test_redrive.py",
    "integration/test_bad_input.py",
    "integration/test_state.py",
    "integration/test_codecs.py",
    "integration/test_panels.py",
    "integration/test_tenants.py",  # a broker of its own, with an authorizer
    "integration/local_kafka/test_kafka_command.py",
    "integration/test_second_reader.py",
    "integration/test_topics.py",
    "integration/test_audit.py",
    "integration/test_produce.py",
    "integration/test_inbox.py",  # waits for a group to gather, and for a receiver that is tried again
    "integration/test_ports.py",
    "unit/models/test_ablation_foreign.py",
    "unit/models/test_replay_2020.py",
    "unit/stream/test_warmup.py",
    "unit/models/test_ablation_run.py",
    "unit/cli/test_train.py",
    "unit/cli/test_backtest.py",
    "unit/project/test_roles.py",
    "integration/test_backlog.py",
    "deploy/test_prometheus.py",
    "deploy/test_normal_days.py",  # promtool evaluates every rule over a month
    "deploy/test_dashboard.py",
    "unit/stream/test_worker_and_memory.py",
    "unit/bench/test_workload.py",
    "model/test_walks.py",
    "unit/stream/test_toy_node.py",
    "unit/ops/test_history.py",
    "unit/test_poisoned_models.py",
)
_RANK = {name: rank for rank, name in enumerate(LONGEST)}


def rank_of(nodeid: str) -> int:
    """The rank of a test's file; of all others the one behind the last."""
    path = nodeid.split("::", 1)[0].removeprefix("tests/")
    return _RANK.get(path, len(LONGEST))


def longest_first(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """The tests by their files' ranks, otherwise in the order in which they are."""
    return sorted(items, key=lambda item: rank_of(item.nodeid))
