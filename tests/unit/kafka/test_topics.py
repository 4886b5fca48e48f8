from collections.abc import Callable

import pytest

from detector.core.chains import CHAINS
from detector.core.stage import Chain
from detector.core.topology import topology_of
from detector.errors import UserError
from detector.kafka.declarations import HOPS, STAGES, TOPICS, UPSTREAMS, declared, declared_config
from detector.kafka.marks import most_upstreams
from detector.kafka.topics import TopicFacts, check, check_count, report
from detector.settings import Settings

SETTINGS = Settings(prefix="t.", partitions=4)
ROWS = SETTINGS.rows_topic("account")
EVENTS = SETTINGS.account_events

Facts = dict[str, TopicFacts]


def as_declared(partitions: int = 4, replication: int = 1) -> Facts:
    return {
        topic.name(SETTINGS): TopicFacts(
            name=topic.name(SETTINGS),
            topic_id=f"id-{topic.name(SETTINGS)}",
            partitions=topic.partitions or partitions,
            replication=replication,
            config=declared_config(topic, replication),
        )
        for topic in TOPICS
    }


def changed(name: str, **changes: object) -> Callable[[Facts], Facts]:
    def change(facts: Facts) -> Facts:
        old = facts[name]
        fields = {"topic_id": old.topic_id, "partitions": old.partitions, "replication": 1, "config": old.config}
        return {**facts, name: TopicFacts(name=name, **{**fields, **changes})}  # type: ignore[arg-type]

    return change


def policy(name: str, value: str) -> Callable[[Facts], Facts]:
    return lambda facts: changed(name, config={**facts[name].config, "cleanup.policy": value})(facts)


def clock(name: str, **config: str) -> Callable[[Facts], Facts]:
    own = {"message.timestamp.type": "CreateTime"} | {
        f"message.timestamp.{key}": value for key, value in config.items()
    }
    return lambda facts: changed(name, config={**facts[name].config, **own})(facts)


def without(*names: str) -> Callable[[Facts], Facts]:
    return lambda facts: {name: fact for name, fact in facts.items() if name not in names}


@pytest.mark.parametrize("chain", CHAINS, ids=[chain.name for chain in CHAINS])
def test_every_topic_that_a_chain_reads_or_keeps_rows_in_is_declared(chain: Chain) -> None:
    names = {topic.name(SETTINGS) for topic in TOPICS}
    for node in topology_of(chain, campaigns=True).nodes:
        assert SETTINGS.input_topic(node) in names
        assert node.stage is None or SETTINGS.rows_topic(node.name) in names


def test_a_bank_with_alerts_or_bulletins_of_its_own_has_a_topic_of_one_partition_for_them() -> None:
    with_banks = SETTINGS.model_copy(update={"alert_banks": ("0116",), "bulletin_banks": ("9900",)})
    added = declared(with_banks)[len(TOPICS) :]
    expected = ["t.alerts.0116", "t.bulletins.9900", "t.kozamori.acknowledgements.9900"]
    assert expected == [topic.name(with_banks) for topic in added]
    assert [(1, "0116"), (1, "9900"), (1, "9900")] == [(topic.partitions, topic.bank) for topic in added]
    with pytest.raises(UserError, match=f"no topic {', '.join(expected)}: run `kozamori topics create"):
        check(with_banks, as_declared())


@pytest.mark.parametrize("chain", CHAINS, ids=[chain.name for chain in CHAINS])
def test_as_many_partitions_as_may_be_declared_are_as_many_as_the_marks_of_every_stage_allow(chain: Chain) -> None:
    topology = topology_of(chain)
    assert max(len(topology.upstreams(node.name)) for node in topology.nodes) <= UPSTREAMS
    check_count(most_upstreams() // UPSTREAMS)
    with pytest.raises(UserError, match="expected at most"):
        check_count(most_upstreams() // UPSTREAMS + 1)


@pytest.mark.parametrize("partitions", [4, 12], ids=["as many partitions as asked", "more than asked"])
def test_a_worker_starts_on_topics_as_declared(partitions: int) -> None:
    check(SETTINGS, as_declared(partitions))


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        pytest.param(without(*as_declared()), "no topic t.account-events, t.wallet-events", id="no topic at all"),
        pytest.param(without("t.alerts"), "no topic t.alerts: run `kozamori topics create", id="one missing"),
        pytest.param(changed(EVENTS, partitions=2), "t.account-events has 2 partitions, expected at least 4", id="few"),
        pytest.param(changed(ROWS, partitions=2), "has 2 partitions, expected 4 as t.account-events", id="rows fewer"),
        pytest.param(changed("t.kozamori.hop.cases", partitions=2), "hop.cases has 2 partitions", id="a hop fewer"),
        pytest.param(changed("t.wallet-events", partitions=2), "`kafka-topics --alter`", id="other source fewer"),
        pytest.param(changed(EVENTS, partitions=8), "has 4 partitions, expected 8 as t.account-events", id="added"),
        pytest.param(policy(ROWS, "delete"), "cleanup.policy delete, expected compact", id="rows not compacted"),
        pytest.param(policy(ROWS, "compact,delete"), "cleanup.policy compact,delete", id="rows forgotten by age"),
        pytest.param(policy(EVENTS, "compact"), "cleanup.policy compact, expected delete", id="events compacted"),
        pytest.param(
            clock(EVENTS, **{"after.max.ms": "9223372036854775807"}),
            "topic t.account-events takes whatever",
            id="no bound",
        ),
        pytest.param(clock("t.wallet-events"), "message.timestamp.type=LogAppendTime", id="no bound on old brokers"),
        pytest.param(clock(EVENTS, **{"after.max.ms": "3600001"}), "after.max.ms=3600000", id="too wide a bound"),
    ],
)
def test_a_worker_refuses_topics_that_do_not_fit_and_names_the_command(
    fault: Callable[[Facts], Facts], said: str
) -> None:
    with pytest.raises(UserError) as refused:
        check(SETTINGS, fault(as_declared()))
    assert said in str(refused.value)
    assert "kozamori " in str(refused.value)


def test_a_worker_takes_producers_timestamps_that_the_broker_bounds() -> None:
    check(SETTINGS, clock(EVENTS, **{"after.max.ms": "3600000"})(as_declared()))


def test_the_command_that_is_named_has_the_address_prefix_and_partitions_to_use() -> None:
    settings = Settings(bootstrap=("k1:9092", "k2:9092"), prefix="t.", partitions=6)
    with pytest.raises(UserError) as refused:
        check(settings, {})
    expected = "run `kozamori topics create --partitions 6 --bootstrap k1:9092,k2:9092 --prefix t.`"
    assert expected in str(refused.value)


def test_what_was_acknowledged_lies_on_all_copies_but_one() -> None:
    expected = {1: "1", 2: "1", 3: "2", 5: "4"}
    assert expected == {copies: declared_config(TOPICS[0], copies)["min.insync.replicas"] for copies in expected}


def test_the_report_says_which_settings_of_a_topic_are_not_as_declared() -> None:
    facts = as_declared(replication=3)
    facts = changed("t.alerts", replication=3, config={**facts["t.alerts"].config, "retention.ms": "1000"})(facts)
    row = next(row for row in report(SETTINGS, facts) if row.name == "t.alerts")
    assert (row.action, row.differs) == ("exists", ("retention.ms is 1000, declared 7776000000",))


def test_the_report_has_a_row_for_every_declared_topic_in_their_order() -> None:
    rows = report(SETTINGS, without("t.alerts")(as_declared()), created={EVENTS})
    expected = [("created", 4), ("exists", 4), ("missing", 0), *[("exists", 1)] * 5]
    expected += [("exists", 4)] * (len(HOPS) + len(STAGES))
    assert expected == [(row.action, row.partitions) for row in rows]
    assert all(row.why for row in rows)
