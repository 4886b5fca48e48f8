"""Rows are kept as long as what they remember can matter: a case two weeks, a campaign two months."""

from support.nodes import TTL_MS

from detector.core.chains import CHAINS
from detector.core.expiry import ttl_of
from detector.core.memory import MemoryRun
from detector.core.topology import COMPLETE, topology_of
from detector.jst import DAY_MS


def test_a_case_is_forgotten_after_two_weeks_a_campaign_after_two_months_the_others_as_set() -> None:
    pipelines = MemoryRun(topology_of(CHAINS[-1], campaigns=True), None, ttl_ms=TTL_MS).pipelines
    kept = {name: pipeline.ttl_ms for name, pipeline in pipelines.items()}
    assert 14 * DAY_MS == kept.pop("cases")
    assert 60 * DAY_MS == kept.pop("campaigns")
    assert {TTL_MS} == set(kept.values())


def test_a_setting_that_is_shorter_holds_for_all() -> None:
    assert {DAY_MS} == {ttl_of(node.name, DAY_MS) for node in COMPLETE.nodes}
