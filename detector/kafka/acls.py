"""The ACLs of a role in Kafka: compared with what the table says, and added; none is ever removed."""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

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
from kafka.errors import SecurityDisabledError

from detector.errors import UserError
from detector.kafka.access import Access, access_of, everybody
from detector.kafka.clients import TIMEOUT_S, admin_client, attempts
from detector.settings import Settings

EVERYONE = "User:*"
ANY_HOST = "*"
ANY_NAME = "*"


class Comparison(NamedTuple):
    """Rights that a principal lacks, and ACLs of it, or of everyone, that say more on this deployment's resources."""

    missing: list[Access]
    too_much: list[ACL]


def compare(settings: Settings, wanted: Sequence[Access], principal: str) -> Comparison:
    """What Kafka has of a principal's ACLs beside those `wanted`. Raises UserError where brokers check no rights."""
    with admin_client(settings) as client:
        return compare_with(_existing(client), settings, wanted, principal)


def compare_with(existing: Collection[ACL], settings: Settings, wanted: Sequence[Access], principal: str) -> Comparison:
    """The same, with these ACLs."""
    acls = {_acl(access, principal): access for access in wanted}
    ours = _resources(settings, wanted)
    too_much = [
        acl
        for acl in existing
        if acl not in acls and acl.principal in (principal, EVERYONE) and _concerns(acl.resource_pattern, ours)
    ]
    return Comparison([access for acl, access in acls.items() if acl not in existing], sorted(too_much, key=line_of))


def grant(settings: Settings, wanted: Sequence[Access], principal: str) -> None:
    """Add the ACLs that are missing, and return when the broker has them; run it as often as you like.

    Raises UserError as `compare` does, and where Kafka refuses.
    """
    with admin_client(settings) as client:
        missing = compare_with(_existing(client), settings, wanted, principal).missing
        refused = client.create_acls([_acl(access, principal) for access in missing])["failed"]
        if refused:
            raise UserError(f"Kafka did not add {len(refused)} ACLs ({refused[0].__name__}): run again")
        for _ in attempts(TIMEOUT_S):  # a broker learns of them from the controller
            if not compare_with(_existing(client), settings, wanted, principal).missing:
                return
    raise UserError(f"Kafka took the ACLs but does not show them after {TIMEOUT_S:g} s: see `topics acls --check`")


def _existing(client: KafkaAdminClient) -> list[ACL]:
    everything = ResourcePatternFilter(ResourceType.ANY, None, ACLResourcePatternType.ANY)
    try:
        found, _ = client.describe_acls(ACLFilter(None, None, ACLOperation.ANY, ACLPermissionType.ANY, everything))
    except SecurityDisabledError as error:
        raise UserError(
            "the brokers have no authorizer, so everybody may do everything and ACLs would change nothing: set"
            " authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer and super.users on them"
        ) from error
    return list(found)


def _acl(access: Access, principal: str) -> ACL:
    pattern = ResourcePattern(ResourceType[access.resource_type], access.name, ACLResourcePatternType.LITERAL)
    return ACL(principal, ANY_HOST, ACLOperation[access.operation], ACLPermissionType.ALLOW, pattern)


def _resources(settings: Settings, wanted: Iterable[Access]) -> set[tuple[str, str]]:
    """Type and name of everything in the deployment on which some role has a right."""
    some = (access for role, bank in everybody(settings) for access in access_of(settings, role, bank))
    return {access.on for access in (*some, *wanted)}


def _concerns(pattern: ResourcePattern, ours: Collection[tuple[str, str]]) -> bool:
    names = [name for kind, name in ours if kind == pattern.resource_type.name]
    if pattern.pattern_type == ACLResourcePatternType.PREFIXED:
        return any(name.startswith(pattern.resource_name) for name in names)
    return pattern.resource_name in (*names, ANY_NAME)


def line_of(acl: ACL) -> str:
    """An ACL in a line for people."""
    pattern = acl.resource_pattern
    what = f"{pattern.resource_type.name} {pattern.resource_name} ({pattern.pattern_type.name})"
    return f"{acl.permission_type.name} {acl.principal} {acl.operation.name} on {what} from {acl.host}"
