"""A shadow deployment reads a live one's events and writes elsewhere: the live one is as if nobody else read."""

from pathlib import Path

import pytest
from support.replays import left_in_kafka, offline, same
from support.scenes import Scene
from support.workers import Progress, WorkerProcess, wait_until

from detector.errors import UserError
from detector.kafka.topics import create, inspect
from detector.settings import Settings

#: Two workers side by side on a busy machine.
pytestmark = pytest.mark.timeout(400)


def shadow_of(live: Settings) -> Settings:
    """A deployment of the same name that reads the live one's topics."""
    shadow = live.model_copy(update={"prefix": f"shadow-{live.prefix}", "input_prefix": live.prefix})
    create(shadow, shadow.partitions, 1)
    return shadow


def test_a_shadow_raises_the_same_alerts_and_leaves_the_live_ones_rows_and_alerts_alone(
    account_scene: Scene, tmp_path: Path
) -> None:
    live = account_scene.fresh("live")
    shadow = shadow_of(live)
    workers = [WorkerProcess(each, tmp_path / f"{each.group}.log") for each in (live, shadow)]
    progresses = [Progress(each) for each in (live, shadow)]
    try:
        wait_until(lambda: all(progress.finished() for progress in progresses), "both have read all", *workers)
        assert [0, 0] == [worker.stop() for worker in workers]
    finally:
        for worker in workers:
            worker.close()
        for progress in progresses:
            progress.close()
    found = {each.prefix: left_in_kafka(each, account_scene.model) for each in (live, shadow)}
    for each in (live, shadow):
        same(offline(each, account_scene.model), found[each.prefix])
        assert {1} == set(found[each.prefix].times.values())
    assert found[live.prefix].alerts == found[shadow.prefix].alerts


def test_a_shadow_creates_no_topic_of_another_deployment(account_scene: Scene) -> None:
    settings = Settings(bootstrap=(account_scene.bootstrap,), prefix="shadow-none.", input_prefix="none.")
    with pytest.raises(UserError, match=r"no topic none\.account-events, none\.wallet-events.*check --input-prefix"):
        create(settings, 1, 1)
    assert {} == inspect(settings)
