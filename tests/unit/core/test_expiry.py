"""Rows are kept as long as what they remember can matter: of a case two weeks, of all others as the setting says."""

from support.nodes import TTL_MS

from detector.core.chains import CHAINS
from detector.core.expiry import ttl_of
from detector.core.memory import MemoryRun
from detector.core.topology import COMPLETE, topology_of
from detector.jst import DAY_MS


def test_a_case_is_forgotten_after_two_weeks_and_the_others_as_the_setting_says() -> None:
    pipelines = MemoryRun(topology_of(CHAINS[-1]), None, ttl_ms=TTL_MS).pipelines
    kept = {name: pipeline.ttl_ms for name, pipeline in pipelines.items()}
    assert 14 * DAY_MS == kept.pop("cases")
    assert {TTL_MS} == set(kept.values())


def test_a_setting_that_is_shorter_holds_for_all() -> None:
    assert {DAY_MS} == {ttl_of(node.name, DAY_MS) for node in COMPLETE.nodes}
