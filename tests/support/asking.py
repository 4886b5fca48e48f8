"""What a principal may do on a real broker: every operation asked of every resource, and which were not refused."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import (
    ACL,
    ACLFilter,
    ACLOperation,
    ACLPermissionType,
    ACLResourcePatternType,
    ResourcePattern,
    ResourcePatternFilter,
    ResourceType,
)
from kafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailedError,
)
from kafka.protocol.admin import (
    DeleteGroupsRequest,
    DeleteRecordsRequest,
    DescribeConfigsRequest,
    DescribeGroupsRequest,
    IncrementalAlterConfigsRequest,
)
from kafka.protocol.consumer import (
    FetchRequest,
    JoinGroupRequest,
    ListOffsetsRequest,
    OffsetCommitRequest,
    OffsetFetchRequest,
)
from kafka.protocol.producer import InitProducerIdRequest, ProduceRequest
from kafka.record.memory_records import MemoryRecordsBuilder

from detector.kafka.security import client_options
from detector.settings import Settings

TOPIC = ResourceType.TOPIC.value
REFUSED = (
    ClusterAuthorizationFailedError.errno,
    GroupAuthorizationFailedError.errno,
    TopicAuthorizationFailedError.errno,
    TransactionalIdAuthorizationFailedError.errno,
)


class Asker:
    """Asks as one principal; each question gives what was not refused."""

    def __init__(self, admin: KafkaAdminClient) -> None:
        self._admin = admin

    def _send(self, request: Any) -> Any:
        return self._admin._manager.run(self._admin._manager.send, request)

    def produce(self, topics: Iterable[str]) -> set[str]:
        part = ProduceRequest.TopicProduceData.PartitionProduceData
        data = ProduceRequest.TopicProduceData
        asked = [data(name=topic, partition_data=[part(index=0, records=_record())]) for topic in topics]
        request = ProduceRequest(transactional_id=None, acks=1, timeout_ms=5_000, topic_data=asked, max_version=12)
        answer = self._send(request)
        return {topic.name for topic in answer.responses if _allowed(topic.partition_responses[0].error_code)}

    def consume(self, topics: Iterable[str]) -> set[str]:
        topic_, part = FetchRequest.FetchTopic, FetchRequest.FetchTopic.FetchPartition
        asked = [
            topic_(topic=topic, partitions=[part(partition=0, fetch_offset=0, partition_max_bytes=1)])
            for topic in topics
        ]
        request = FetchRequest(
            replica_id=-1, max_wait_ms=0, min_bytes=0, max_bytes=1_000, topics=asked, forgotten_topics_data=[],
            session_id=0, session_epoch=-1, max_version=12,
        )  # fmt: skip
        answer = self._send(request)
        return {topic.topic for topic in answer.responses if _allowed(topic.partitions[0].error_code)}

    def offsets(self, topics: Iterable[str]) -> set[str]:
        topic_ = ListOffsetsRequest.ListOffsetsTopic
        part = topic_.ListOffsetsPartition
        asked = [topic_(name=topic, partitions=[part(partition_index=0, timestamp=-1)]) for topic in topics]
        answer = self._send(ListOffsetsRequest(replica_id=-1, isolation_level=0, topics=asked))
        return {topic.name for topic in answer.topics if _allowed(topic.partitions[0].error_code)}

    def create(self, topics: Iterable[str]) -> set[str]:
        wanted = {topic: {"num_partitions": 1, "replication_factor": 1} for topic in topics}
        answer = self._admin.create_topics(wanted, validate_only=True, raise_errors=False)
        return {topic["name"] for topic in answer["topics"] if _allowed(topic["error_code"])}

    def delete(self, topics: Iterable[str]) -> set[str]:
        answer = self._admin.delete_topics(list(topics), raise_errors=False)
        return {topic["name"] for topic in answer["topics"] if _allowed(topic["error_code"])}

    def delete_records(self, topics: Iterable[str]) -> set[str]:
        topic_ = DeleteRecordsRequest.DeleteRecordsTopic
        part = topic_.DeleteRecordsPartition
        asked = [topic_(name=topic, partitions=[part(partition_index=0, offset=0)]) for topic in topics]
        answer = self._send(DeleteRecordsRequest(topics=asked, timeout_ms=5_000))
        return {topic.name for topic in answer.topics if _allowed(topic.partitions[0].error_code)}

    def show_configs(self, topics: Iterable[str]) -> set[str]:
        resource = DescribeConfigsRequest.DescribeConfigsResource
        asked = [
            resource(resource_type=TOPIC, resource_name=topic, configuration_keys=["retention.ms"]) for topic in topics
        ]
        answer = self._send(DescribeConfigsRequest(resources=asked))
        return {found.resource_name for found in answer.results if _allowed(found.error_code)}

    def alter_configs(self, topics: Iterable[str]) -> set[str]:
        resource = IncrementalAlterConfigsRequest.AlterConfigsResource
        change = resource.AlterableConfig(name="retention.ms", config_operation=0, value="1000")
        asked = [resource(resource_type=TOPIC, resource_name=topic, configs=[change]) for topic in topics]
        answer = self._send(IncrementalAlterConfigsRequest(resources=asked, validate_only=True))
        return {found.resource_name for found in answer.responses if _allowed(found.error_code)}

    def add_partitions(self, topics: Iterable[str]) -> set[str]:
        answer = self._admin.create_partitions(dict.fromkeys(topics, 99), validate_only=True, raise_errors=False)
        return {topic.name for topic in answer.results if _allowed(topic.error_code)}

    def join(self, groups: Iterable[str]) -> set[str]:
        return set(filter(self._joins, groups))

    def _joins(self, group: str) -> bool:
        request = JoinGroupRequest(
            group_id=group, session_timeout_ms=6_000, rebalance_timeout_ms=6_000, member_id="", group_instance_id=None,
            protocol_type="consumer", protocols=[], reason=None,
        )  # fmt: skip
        return _allowed(self._send(request).error_code)

    def commit(self, groups: Iterable[str], topic: str) -> set[str]:
        topic_ = OffsetCommitRequest.OffsetCommitRequestTopic
        part = topic_.OffsetCommitRequestPartition
        asked = [topic_(name=topic, partitions=[part(partition_index=0, committed_offset=0, committed_metadata="")])]

        def commits(group: str) -> bool:
            request = OffsetCommitRequest(
                group_id=group, generation_id_or_member_epoch=-1, member_id="", group_instance_id=None, topics=asked,
                max_version=9,
            )  # fmt: skip
            return _allowed(self._send(request).topics[0].partitions[0].error_code)

        return set(filter(commits, groups))

    def committed(self, groups: Iterable[str]) -> set[str]:
        def shows(group: str) -> bool:
            return _allowed(self._send(OffsetFetchRequest(group_id=group, topics=None, max_version=7)).error_code)

        return set(filter(shows, groups))

    def describe_groups(self, groups: Iterable[str]) -> set[str]:
        answer = self._send(DescribeGroupsRequest(groups=list(groups), include_authorized_operations=False))
        return {found.group_id for found in answer.groups if _allowed(found.error_code)}

    def delete_groups(self, groups: Iterable[str]) -> set[str]:
        answer = self._send(DeleteGroupsRequest(groups_names=list(groups)))
        return {found.group_id for found in answer.results if _allowed(found.error_code)}

    def transactions(self, ids: Iterable[str]) -> set[str]:
        def begins(name: str) -> bool:
            request = InitProducerIdRequest(
                transactional_id=name, transaction_timeout_ms=60_000, producer_id=-1, producer_epoch=-1
            )
            return _allowed(self._send(request).error_code)

        return set(filter(begins, ids))

    def acls(self) -> bool:
        """Whether it sees them."""
        everything = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
        asked = ACLFilter(None, None, ACLOperation.ANY, ACLPermissionType.ANY, everything)
        return self._not_refused(lambda: self._admin.describe_acls(asked))

    def grant_itself(self, principal: str, topic: str) -> bool:
        """Whether it may give itself a right."""
        pattern = ResourcePattern(ResourceType.TOPIC, topic, ACLResourcePatternType.LITERAL)
        acl = ACL(principal, "*", ACLOperation.ALL, ACLPermissionType.ALLOW, pattern)
        return not self._admin.create_acls([acl])["failed"]

    def _not_refused(self, ask: Callable[[], object]) -> bool:
        try:
            ask()
        except KafkaError as error:
            return _allowed(error.errno)
        return True


@contextmanager
def asker(settings: Settings) -> Iterator[Asker]:
    """Asks with these settings' credentials."""
    admin = KafkaAdminClient(**client_options(settings))
    try:
        yield Asker(admin)
    finally:
        admin.close()


def _allowed(error_code: int) -> bool:
    """Whether the broker did it, or would have, had nothing else been wrong."""
    return error_code not in REFUSED


def _record() -> bytes:
    builder = MemoryRecordsBuilder(magic=2, compression_type=0, batch_size=1_000)
    builder.append(timestamp=None, key=b"key", value=b"value", headers=[])
    builder.close()
    return bytes(builder.buffer())
