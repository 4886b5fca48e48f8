"""A changelog deleted under running workers: all end, as the rules say, the state is reset, and all begin anew."""

from faults.cluster import COMPACTED
from faults.crew import Crew
from support.deployments import configure, delete_topics, recreate
from support.workers import PATIENCE_S, wait_until

from detector.core.stages.account import ACCOUNT
from detector.kafka.clients import admin_client
from detector.kafka.groups import active_members
from detector.ops.reset import reset
from detector.settings import Settings


def make_anew(settings: Settings, crew: Crew, changelogs: list[str]) -> None:
    """Return when the workers begin with the first event again.

    Alerts and bulletins are made anew with the rest: hops mix otherwise the second time, and so may they.
    """
    wait_until(lambda: all(member.ready() for member in crew.members), "all workers read")
    for member in crew.members:
        member.let_go()
    delete_topics(settings, settings.rows_topic(ACCOUNT.name))
    for member in crew.members:
        assert 2 == member.process.process.wait(PATIENCE_S), "a person must act"
    recreate(settings, settings.alerts)
    recreate(settings, settings.bulletins)
    # Who could not leave the group in time counts until its session is over.
    with admin_client(settings) as client:
        wait_until(lambda: active_members(client, settings.group) == 0, "the group is empty")
    reset(settings, "earliest")
    configure(settings, COMPACTED, *changelogs)
    for member in crew.members:
        member.begin()
