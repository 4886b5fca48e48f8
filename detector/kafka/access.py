"""Who may do what on Kafka, as a table: of it `kozamori topics acls` makes the ACLs of a role, least privilege.

Every name is literal: no pattern, so none that reaches another bank's topic, or that of another deployment.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from detector.errors import UserError
from detector.kafka.declarations import Kind, declared
from detector.settings import Settings

Operation = Literal["READ", "WRITE", "CREATE", "DELETE", "DESCRIBE", "DESCRIBE_CONFIGS"]
Role = Literal["worker", "producer", "bank", "desk", "partner", "notify", "canary", "operator", "prometheus"]
ResourceType = Literal["TOPIC", "GROUP", "TRANSACTIONAL_ID", "CLUSTER"]

CLUSTER = "kafka-cluster"  # Kafka's name of the one resource of that type
EVERY_NAME = "*"  # to Kafka, in an ACL


#: What belongs to another deployment where this one is a second reader, which reads it and no more.
_OF_THE_FIRST = ("account events", "wallet events", "redrives", "redrives' transactions")


class Grant(NamedTuple):
    """What a role may do with all topics of a kind, or with what is no topic, and why.

    `own`: only with those of its bank, else only with those that are for no single bank; None is both.
    """

    what: (
        Kind
        | Literal[
            "group", "desk group", "receivers' groups", "redrives' transactions", "audit's transactions", "cluster"
        ]
    )
    operations: tuple[Operation, ...]
    why: str
    own: bool | None = None


class Access(NamedTuple):
    """One right: the operation that an ACL allows on the resource of that name."""

    resource_type: ResourceType
    name: str
    operation: Operation
    why: str

    @property
    def on(self) -> tuple[str, str]:
        """The resource: its type and name."""
        return self.resource_type, self.name


_CONFIGS: tuple[Operation, ...] = ("DESCRIBE", "DESCRIBE_CONFIGS")
_AT_START = "looked at when it starts"
_CHAIN = "reads the chain's end, adds to it"

#: READ, WRITE and DELETE include DESCRIBE, by Kafka's rules.
ROLES: Mapping[Role, tuple[Grant, ...]] = {
    "worker": (
        Grant("account events", ("READ", "DESCRIBE_CONFIGS"), "reads events"),
        Grant("wallet events", ("READ", "DESCRIBE_CONFIGS"), "reads events"),
        Grant(
            "hop", ("READ", "WRITE", "DELETE", "DESCRIBE_CONFIGS"), "from stage to stage; deletes records it has read"
        ),
        Grant("rows", ("READ", "WRITE", "DESCRIBE_CONFIGS"), "writes rows, restores them"),
        Grant("alerts", ("WRITE", "DESCRIBE_CONFIGS"), "raises alerts"),
        Grant("bulletins", ("WRITE", "DESCRIBE_CONFIGS"), "tells of campaigns"),
        Grant("dead letters", ("WRITE", "DESCRIBE_CONFIGS"), "says what is no event"),
        Grant("redrives", ("READ", "DESCRIBE_CONFIGS"), "leaves out the originals"),
        Grant("acknowledgements", _CONFIGS, _AT_START),
        Grant("audit", ("READ", "WRITE", "DESCRIBE_CONFIGS"), _CHAIN),
        Grant("audit's transactions", ("WRITE",), "one writer of the chain at a time"),
        Grant("group", ("READ",), "shares the partitions, commits; sees who else is in it"),
    ),
    "producer": (
        Grant("account events", ("WRITE",), "publishes events"),
        Grant("wallet events", ("WRITE",), "publishes events"),
    ),
    "bank": (
        Grant("alerts", ("READ",), "its own alerts", own=True),
        Grant("bulletins", ("READ",), "its own accounts in a campaign", own=True),
        Grant("bulletins", ("READ",), "what concerns every bank", own=False),
        Grant("acknowledgements", ("WRITE",), "says what it has read", own=True),
        Grant("desk group", ("READ",), "goes on where it stopped", own=True),
    ),
    "desk": (
        Grant("alerts", ("READ",), "alerts of all banks", own=False),
        Grant("bulletins", ("READ",), "what concerns every bank", own=False),
        Grant("desk group", ("READ",), "goes on where it stopped", own=False),
    ),
    "partner": (Grant("bulletins", ("READ",), "what concerns every bank", own=False),),
    "notify": (
        Grant("alerts", ("READ",), "carries them to receivers"),
        Grant("bulletins", ("READ",), "carries them to receivers"),
        Grant("receivers' groups", ("READ",), "goes on where a receiver stopped"),
    ),
    "canary": (
        Grant("account events", ("READ", "WRITE"), "sends canaries, looks how old the newest events are"),
        Grant("alerts", ("READ",), "sees them alert", own=False),
        Grant("alerts", ("DESCRIBE",), "sees where the log ends"),
        Grant("desk group", ("DESCRIBE",), "sees how far desks have read"),
    ),
    "operator": (
        Grant(
            "account events", ("READ", "WRITE", "CREATE", "DESCRIBE_CONFIGS"), "exports; redrives, commits for a group"
        ),
        Grant(
            "wallet events", ("READ", "WRITE", "CREATE", "DESCRIBE_CONFIGS"), "exports; redrives, commits for a group"
        ),
        Grant("hop", ("READ", "CREATE", "DELETE", "DESCRIBE_CONFIGS"), "a reset re-creates them"),
        Grant("rows", ("READ", "WRITE", "CREATE", "DELETE", "DESCRIBE_CONFIGS"), "reset, warm, export, import"),
        Grant("alerts", ("CREATE", *_CONFIGS), "creates it; reads none"),
        Grant("bulletins", ("CREATE", *_CONFIGS), "creates it; reads none"),
        Grant("bulletins", ("READ",), "when each was told", own=False),
        Grant("acknowledgements", ("READ", "CREATE", "DESCRIBE_CONFIGS"), "who has read what"),
        Grant("dead letters", ("READ", "CREATE", "DESCRIBE_CONFIGS"), "shows them, redrives their messages"),
        Grant("redrives", ("READ", "WRITE", "CREATE", "DESCRIBE_CONFIGS"), "notes what was redriven"),
        Grant("redrives' transactions", ("WRITE",), "each message once"),
        Grant("audit", ("READ", "WRITE", "CREATE", "DESCRIBE_CONFIGS"), _CHAIN),
        Grant("audit's transactions", ("WRITE",), "one writer of the chain at a time"),
        Grant("group", ("READ", "DELETE"), "reads and sets offsets, deletes them"),
        Grant(
            "cluster", ("DESCRIBE",), "sizes on disk; reads ACLs, and sets none: that needs ALTER, which is all rights"
        ),
    ),
    "prometheus": (),
}


def access_of(settings: Settings, role: Role, bank: str = "", groups: Sequence[str] = ()) -> list[Access]:
    """The rights of a role in a deployment, each once; `bank` is that of the role bank, and of no other.

    `groups` are further consumer groups of a role that has one, beside `desk`, or `desk-<bank>`; those of its receivers
    for the role notify. Raises UserError for a bank that has neither alerts nor bulletins of its own, and for a group
    that is another's or that the role has not.
    """
    if role == "bank" and bank not in banks_of(settings):
        raise UserError(
            f"got bank {bank!r}, expected one with a topic of its own: one of the settings alert_banks, bulletin_banks"
        )
    _check_groups(settings, role, bank, groups)
    found: dict[tuple[str, ...], Access] = {}
    for grant in ROLES[role]:
        others = settings.is_second_reader and grant.what in _OF_THE_FIRST
        operations = [one for one in sorted(grant.operations) if not (others and one in ("WRITE", "CREATE"))]
        for kind, name in _resources(settings, grant, bank, groups):
            for operation in operations:
                access = Access(kind, name, operation, grant.why)
                found.setdefault((*access.on, operation), access)
    return list(found.values())


def banks_of(settings: Settings) -> tuple[str, ...]:
    """Banks that the role bank can be of."""
    return tuple(sorted({*settings.alert_banks, *settings.bulletin_banks}))


def everybody(settings: Settings) -> list[tuple[Role, str]]:
    """Every role, that of a bank once for each bank."""
    return [(role, bank) for role in ROLES for bank in (banks_of(settings) if role == "bank" else ("",))]


def desk_group(bank: str) -> str:
    """Consumer group of a bank's desk; "" is the desk of all."""
    return f"desk-{bank}" if bank else "desk"


def _check_groups(settings: Settings, role: Role, bank: str, groups: Sequence[str]) -> None:
    others = {settings.group, EVERY_NAME, *(desk_group(one) for one in ("", *banks_of(settings)) if one != bank)}
    if wrong := others.intersection(groups):
        raise UserError(f"got group {', '.join(sorted(wrong))}, expected none that is another's")
    if groups and not any(grant.what in ("desk group", "receivers' groups") for grant in ROLES[role]):
        raise UserError(f"got groups for the role {role}, which reads in none: leave them out")


def _resources(
    settings: Settings, grant: Grant, bank: str, groups: Sequence[str]
) -> Iterator[tuple[ResourceType, str]]:
    """Type and name of what a grant is on."""
    match grant.what:
        case "group":
            yield "GROUP", settings.group
        case "desk group":
            banks = ("", *banks_of(settings)) if grant.own is None else (bank,)
            yield from (("GROUP", name) for name in (*map(desk_group, banks), *groups))
        case "receivers' groups":
            yield from (("GROUP", name) for name in groups)
        case "redrives' transactions":
            yield "TRANSACTIONAL_ID", settings.redrives
        case "audit's transactions":
            yield "TRANSACTIONAL_ID", settings.audit
        case "cluster":
            yield "CLUSTER", CLUSTER
        case kind:
            for topic in declared(settings):
                if topic.kind == kind and (grant.own is None or topic.bank == (bank if grant.own else "")):
                    yield "TOPIC", topic.name(settings)
