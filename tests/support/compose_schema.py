"""What the Compose specification says of a file, as a schema of our own: the fields that ours uses.

Where the facts are from: `tests/README.md`.
"""

from support.shapes import ADDRESS, IMAGE, PORT, TRUE_OR_FALSE, Schema, either, fields, many, names, one_of, text, words

_NAME = "[a-zA-Z0-9._-]+"
_PATH = r"/[^\s:]*"
DURATION = text(r"(\d+(us|ms|s|m|h))+")
ENVIRONMENT = names("[A-Z][A-Z0-9_]*", text())
TESTED = {"test!": either(text(), {**words(), "minItems": 2, "prefixItems": [one_of("CMD", "CMD-SHELL")]})}
TIMES = dict.fromkeys(("interval", "timeout", "start_period", "start_interval"), DURATION)
FINISHED = "service_completed_successfully"

SERVICE = fields(
    {
        "image!": text(IMAGE),
        "build": fields({"context!": text(), "dockerfile": text(), "args": ENVIRONMENT}),
        "command": words(),
        "environment": ENVIRONMENT,
        "healthcheck": either(fields({"disable!": {"const": True}}), fields({**TESTED, **TIMES})),
        "depends_on": names(_NAME, fields({"condition!": one_of("service_started", "service_healthy", FINISHED)})),
        "restart": text(r"no|always|unless-stopped|on-failure(:\d+)?"),
        "stop_grace_period": DURATION,
        "ports": many(text(f"({ADDRESS}:)?{PORT}:{PORT}(/(tcp|udp))?")),
        "expose": many(text(f"{PORT}(/(tcp|udp))?")),
        "volumes": many(text(rf"(\.{{1,2}}(/[^\s:]*)?|{_PATH}|{_NAME}):{_PATH}(:(ro|rw))?")),
        "tmpfs": many(text(_PATH)),
        "read_only": TRUE_OR_FALSE,
        "cap_drop": many(text("ALL|[A-Z]+(_[A-Z]+)*")),
        "security_opt": many(one_of("no-new-privileges:true", "no-new-privileges:false")),
    }
)
_FILE = {
    "name": text("[a-z0-9][a-z0-9_-]*"),
    "services!": names(_NAME, SERVICE),
    "volumes": names(_NAME, {"type": "null"}),
}
#: Pieces named x-… are the writer's own.
COMPOSITION: Schema = {**fields(_FILE), "patternProperties": {"^x-": {}}}
