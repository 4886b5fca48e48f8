import asyncio
import json
import logging
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import islice

import msgspec
import pytest
from kafka import KafkaAdminClient
from prometheus_client import CollectorRegistry
from support.alerts import make_alert, publish
from support.deployments import new_deployment
from support.shared_kafka import Cluster

from detector.canary.run import Canary, refuse_a_replay
from detector.cli.main import cli, run
from detector.contract import canary
from detector.contract.alerts import Alert, encode_alert
from detector.contract.codec import encode
from detector.errors import UserError
from detector.kafka.subscription import CLOSE_S
from detector.observe.canary_metrics import CanaryMetrics
from detector.settings import Settings
from detector.subscriber import AlertSubscriber
from kozamori import AsyncAlertSubscriber

ONE, TWO, THREE = make_alert(1), make_alert(2, bank="0117"), make_alert(3)
NEWER = msgspec.json.encode({**msgspec.to_builtins(ONE), "schema": 99, "severity": "unheard of"})


@pytest.fixture
def settings(kafka: Cluster) -> Settings:
    return new_deployment(kafka.bootstrap)


def put(settings: Settings, *alerts: Alert | bytes, partition: int = 0) -> None:
    publish(settings.bootstrap[0], settings.alerts, alerts, partition)


def everything(settings: Settings, **options: object) -> AlertSubscriber:
    return AlertSubscriber(
        settings.bootstrap[0],
        topic=settings.alerts,
        from_beginning=True,
        until_end=True,
        **options,  # type: ignore[arg-type]
    )


def member(settings: Settings, *, until_end: bool = False) -> AlertSubscriber:
    group = f"bank-{settings.deployment}"
    return AlertSubscriber(
        settings.bootstrap[0], topic=settings.alerts, group=group, from_beginning=True, until_end=until_end
    )


def flags(settings: Settings) -> list[str]:
    return ["--bootstrap", settings.bootstrap[0], "--prefix", settings.prefix]


def ids(alerts: Iterator[Alert] | AlertSubscriber) -> list[str]:
    return [alert.event_id for alert in alerts]


def test_every_alert_comes_once_and_as_it_was_sent(settings: Settings) -> None:
    put(settings, ONE, TWO, ONE, TWO, THREE, ONE)
    with everything(settings) as subscriber:
        assert [ONE, TWO, THREE] == list(subscriber)
        assert subscriber.repeated == 3


def test_an_empty_topic_ends_at_once(settings: Settings) -> None:
    with everything(settings) as subscriber:
        assert list(subscriber) == []


def test_a_bank_gets_its_own_alerts_only(settings: Settings) -> None:
    put(settings, ONE, TWO, THREE)
    with everything(settings, bank="0117") as subscriber:
        assert [TWO] == list(subscriber)


def test_a_canary_s_alert_comes_to_those_alone_who_ask_for_its_bank(settings: Settings) -> None:
    bird = make_alert(4, bank=canary.BANK)
    put(settings, ONE, bird, TWO)
    with everything(settings) as subscriber:
        assert [ONE, TWO] == list(subscriber)
    with everything(settings, bank=canary.BANK) as subscriber:
        assert [bird] == list(subscriber)


def test_a_desk_that_stops_reading_is_seen_and_one_that_reads_has_nothing_unread(settings: Settings) -> None:
    registry = CollectorRegistry()
    watch = Canary(settings, {"0116": "desk-0116", "0117": "desk-0117"}, CanaryMetrics(registry))
    watch.look(0.0)
    put(settings, ONE, TWO, THREE)
    with everything(settings, bank="0116", group="desk-0116") as subscriber:
        assert [ONE, THREE] == list(subscriber)
    watch.look(60.0)
    watch.look(120.0)
    unread = [
        [
            registry.get_sample_value(f"kozamori_desk_unread_{what}", {"bank": bank, "group": f"desk-{bank}"})
            for what in ("alerts", "seconds")
        ]
        for bank in ("0116", "0117")
    ]
    assert [[0, 0.0], [3, 60.0]] == unread


def test_canaries_are_refused_on_a_stream_of_another_year_and_taken_on_one_of_now(settings: Settings) -> None:
    event = canary.canary_of(26_000_000)
    refuse_a_replay(settings, event.occurred_at_ms)
    publish(settings.bootstrap[0], settings.account_events, [encode(event)], 0)
    refuse_a_replay(settings, event.occurred_at_ms + 3_600_000)
    with pytest.raises(UserError, match="is 3 days old: this is a replay"):
        refuse_a_replay(settings, event.occurred_at_ms + 3 * 86_400_000)


def test_repeats_are_dropped_only_within_what_is_remembered(settings: Settings) -> None:
    put(settings, ONE, TWO, THREE, ONE)
    with everything(settings, remembered_ids=2) as subscriber:
        assert ["e-1", "e-2", "e-3", "e-1"] == ids(subscriber)


def test_each_partition_is_remembered_for_itself(settings: Settings) -> None:
    put(settings, *(make_alert(offset) for offset in range(10)), partition=1)
    put(settings, THREE, THREE)
    with everything(settings, remembered_ids=1) as subscriber:
        assert (11, 1) == (len(ids(subscriber)), subscriber.repeated)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (NEWER, "schema 99 at {where}: this release reads 1, upgrade"),
        (b"{", "no alert at {where}"),
        (b"", "no alert at {where}"),
        (b"\xff\xfe", "no alert at {where}"),
        (b'{"schema": 1}', "no alert at {where}"),
        (b"[]", "no alert at {where}"),
    ],
    ids=["newer schema", "cut off", "empty", "not UTF-8", "fields missing", "another type"],
)
def test_what_is_no_alert_is_passed_over_counted_and_logged(
    settings: Settings, caplog: pytest.LogCaptureFixture, bad: bytes, said: str
) -> None:
    put(settings, ONE, bad, TWO)
    with caplog.at_level(logging.WARNING), everything(settings) as subscriber:
        assert [ONE, TWO] == list(subscriber)
        assert subscriber.skipped == 1
    assert said.format(where=f"{settings.alerts}, partition 0, offset 1") in caplog.text


def test_from_now_on_begins_where_the_subscriber_was_built(settings: Settings) -> None:
    put(settings, ONE)
    with AlertSubscriber(settings.bootstrap[0], topic=settings.alerts) as subscriber:
        put(settings, TWO, partition=1)
        assert next(subscriber) == TWO


def test_leaving_a_loop_and_entering_it_again_loses_nothing(settings: Settings) -> None:
    put(settings, ONE, TWO, THREE)
    with everything(settings) as subscriber:
        first = ids(islice(subscriber, 1))
        for alert in subscriber:
            first.append(alert.event_id)
            break
        assert ["e-1", "e-2", "e-3"] == first + ids(subscriber)


def test_stop_ends_a_waiting_loop(settings: Settings) -> None:
    with AlertSubscriber(settings.bootstrap[0], topic=settings.alerts) as subscriber:
        threading.Timer(0.3, subscriber.stop).start()
        assert list(subscriber) == []
        subscriber.close()


def test_partitions_added_while_following_are_read_from_their_start(settings: Settings) -> None:
    with AlertSubscriber(settings.bootstrap[0], topic=settings.alerts, metadata_max_age_ms=500) as subscriber:
        admin = KafkaAdminClient(bootstrap_servers=settings.bootstrap[0])
        admin.create_partitions({settings.alerts: 3})
        admin.close()
        put(settings, THREE, partition=2)
        put(settings, ONE)
        assert {"e-1", "e-3"} == set(ids(islice(subscriber, 2)))


def test_a_group_goes_on_where_it_left(settings: Settings) -> None:
    put(settings, ONE, TWO, THREE)
    with member(settings) as subscriber:
        assert ["e-1", "e-2"] == ids(islice(subscriber, 2))
    with member(settings) as subscriber:
        assert next(subscriber) == THREE


def test_a_member_of_a_group_ends_where_the_log_ended(settings: Settings) -> None:
    put(settings, ONE, TWO)
    for expected, more in ((["e-1", "e-2"], [THREE]), (["e-3"], []), ([], [])):
        with member(settings, until_end=True) as subscriber:
            put(settings, *more)
            assert expected == ids(subscriber)


async def test_a_program_with_asyncio_gets_each_alert_and_can_be_cancelled(settings: Settings) -> None:
    put(settings, ONE, TWO)
    begin = {"topic": settings.alerts, "from_beginning": True}
    async with AsyncAlertSubscriber(settings.bootstrap[0], **begin, until_end=True) as alerts:
        assert [ONE, TWO] == [alert async for alert in alerts]
    async with AsyncAlertSubscriber(settings.bootstrap[0], **begin) as alerts:
        assert [ONE, TWO] == [await anext(alerts), await anext(alerts)]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(alerts), 0.2)


def test_an_alert_whose_handling_failed_comes_again(settings: Settings) -> None:
    put(settings, ONE, TWO, THREE)

    def handle(alert: Alert) -> None:
        if alert == TWO:
            raise RuntimeError("power cut")

    def work() -> None:
        with member(settings) as subscriber:
            for alert in subscriber:
                handle(alert)

    with pytest.raises(RuntimeError, match="power cut"):
        work()
    with member(settings) as subscriber:
        assert ["e-2", "e-3"] == ids(islice(subscriber, 2))


def test_members_of_a_group_share_the_partitions(settings: Settings) -> None:
    got: tuple[list[Alert], list[Alert]] = ([], [])
    sent: list[Alert] = []
    with member(settings) as one, member(settings) as other:
        followed = zip(got, (one, other), strict=True)
        threads = [threading.Thread(target=mine.extend, args=(subscriber,)) for mine, subscriber in followed]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (all(got) and len(sent) <= sum(map(len, got))):
            if not all(got):
                new = [make_alert(len(sent) + partition, partition=partition) for partition in (0, 1)]
                for alert in new:
                    put(settings, alert, partition=alert.position.partition)
                sent += new
            time.sleep(0.2)
        one.stop()
        other.stop()
        for thread in threads:
            thread.join()
    assert all(got)
    assert {alert.alert_id for alert in sent} == {alert.alert_id for mine in got for alert in mine}


def test_a_missing_topic_is_one_line(kafka: Cluster) -> None:
    with pytest.raises(UserError, match=r"has no topic none\.alerts"):
        AlertSubscriber(kafka.bootstrap, topic="none.alerts")


def test_the_command_prints_what_there_is_and_ends(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    put(settings, ONE, TWO, ONE)
    assert run(cli, ["alerts", *flags(settings)]) == 0
    shown = capsys.readouterr().out
    assert ["0116", "0117"] == [line.split("bank ")[1][:4] for line in shown.splitlines() if "bank " in line]


def test_json_is_the_alert_as_it_is_on_the_topic_one_a_line(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    put(settings, ONE, TWO, ONE)
    assert run(cli, ["alerts", *flags(settings), "--json"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(encode_alert(alert)) for alert in (ONE, TWO)] == [json.loads(line) for line in lines]


CHOSEN = {
    ("--last", "2"): ["e-3", "e-2"],
    ("--last", "9", "--bank", "0116"): ["e-3", "e-1"],
    ("--account", "FFFF"): ["e-2"],
    ("--severity", "critical"): ["e-1", "e-3"],
    ("--since", "2020-09-02"): ["e-3"],
}


def test_alerts_are_chosen(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    later, last = (ONE.occurred_at_ms + hours * 3_600_000 for hours in (1, 24))
    other = make_alert(2, bank="0117", account="ffff000011112222", severity="medium", occurred_at_ms=later)
    put(settings, ONE, other, make_alert(3, occurred_at_ms=last))
    for options, expected in CHOSEN.items():
        assert run(cli, ["alerts", "--json", *flags(settings), *options]) == 0
        assert expected == [json.loads(line)["event_id"] for line in capsys.readouterr().out.splitlines()]
    assert run(cli, ["alerts", "--last", "2", "--follow", *flags(settings)]) == 2


def test_following_ends_at_the_limit(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    put(settings, ONE, TWO, THREE)
    arguments = ["--follow", "--from-beginning", "--bank", "0116", "--limit", "2", "--json", *flags(settings)]
    assert run(cli, ["alerts", *arguments]) == 0
    assert ["e-1", "e-3"] == [json.loads(line)["event_id"] for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("bank", ["16", "016a", "01160", "٠١١٦"])
def test_what_is_no_bank_code_is_refused(settings: Settings, capsys: pytest.CaptureFixture[str], bank: str) -> None:
    assert run(cli, ["alerts", "--bank", bank, *flags(settings)]) == 2
    assert "expected four digits" in capsys.readouterr().err


def start(settings: Settings, name: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "detector.cli.main", name, "--json", *flags(settings), *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.parametrize("command", [("alerts", "--follow", "--from-beginning"), ("cases", "--follow")])
def test_ctrl_c_leaves_without_a_traceback(settings: Settings, command: tuple[str, ...]) -> None:
    put(settings, ONE)
    with start(settings, *command) as following:
        assert following.stdout is not None
        assert following.stdout.readline()
        following.send_signal(signal.SIGINT)
        _, errors = following.communicate(timeout=20)
    assert (130, "") == (following.returncode, errors.strip())


class NeverCloses:
    """A client whose own thread goes on for ever, as it did under load."""

    def close(self, **_: object) -> None:
        threading.Event().wait()


def test_a_client_that_never_closes_keeps_nobody(settings: Settings) -> None:
    subscriber = AlertSubscriber(settings.bootstrap[0], topic=settings.alerts)
    subscriber._consumer.close()
    subscriber._consumer = NeverCloses()
    began = time.monotonic()
    subscriber.close()
    assert CLOSE_S <= time.monotonic() - began < 2 * CLOSE_S


def test_a_reader_that_has_seen_enough_is_no_error(settings: Settings) -> None:
    put(settings, *(make_alert(offset) for offset in range(500)))
    with start(settings, "alerts") as printing:
        assert printing.stdout is not None
        printing.stdout.readline()
        printing.stdout.close()
        assert printing.stderr is not None
        errors = printing.stderr.read()
        status = printing.wait(20)
    assert (0, "") == (status, errors)


def test_the_queue_has_a_case_once_by_its_last_update(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    update = make_alert(4, case_id=ONE.case_id, update=1, events=5, yen_at_risk=0, urgency=0.0)
    put(settings, ONE, TWO, update, ONE)
    assert run(cli, ["cases", "--json", *flags(settings)]) == 0
    cases = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(TWO.case_id, 110_000, 1), (ONE.case_id, 0, 6)] == [
        (case["case_id"], case["rank_yen"], case["events"]) for case in cases
    ]
    assert run(cli, ["cases", "--json", "--bank", "0117", *flags(settings)]) == 0
    assert TWO.case_id == json.loads(capsys.readouterr().out)["case_id"]
