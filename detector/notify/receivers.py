"""The table `[notify]` of the settings file: who gets what, refused here when senseless, with the setting's name."""

import re
import tomllib
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from detector.contract.alerts import Severity
from detector.errors import UserError
from detector.languages import Language
from detector.settings import NOTIFY_TABLE

#: One mailbox, without comments, quotes and lists: an `addr-spec` of RFC 5322 3.4.1.
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@([A-Za-z0-9.-]{1,253})")
_PLAIN = re.compile(r"[!-~]+")
_SERVER = re.compile(r"([A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]+\]):([0-9]{1,5})")


def is_local(host: str) -> bool:
    """Whether what is sent there stays on this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_name(host: str) -> bool:
    """Whether a host can be looked up: no label of it is empty or too long."""
    try:
        return bool(host.removesuffix(".").encode("idna"))
    except UnicodeError:
        return False


def _url(value: str) -> str:
    try:
        parts = urlsplit(value)
        fits = parts.scheme in {"http", "https"} and _is_name(parts.hostname or "") and parts.port != 0
    except ValueError:
        fits = False
    if not fits or parts.username is not None or parts.fragment or not _PLAIN.fullmatch(value):
        raise PydanticCustomError("url", "not a URL")
    return value


def _mail_address(value: str) -> str:
    match = _ADDRESS.fullmatch(value)
    if match is None or not _is_name(match[1]):
        raise PydanticCustomError("mail", "not an address")
    return value


def _server(value: str) -> str:
    match = _SERVER.fullmatch(value)
    if match is None or not 0 < int(match[2]) < 65_536 or not _is_name(match[1]):
        raise PydanticCustomError("server", "not a server")
    return value


def _is(expected: str, default: Any = ..., **limits: Any) -> Any:
    return Field(default, json_schema_extra={"expected": expected}, **limits)


_SECRET_FILE, _SECRET_ENV = "a path", "the name of an environment variable"


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class ReceiverSettings(_Table):
    """What webhooks and mails have in common: a name for logs and metrics, and which messages it gets."""

    name: str = _is("1 to 50 letters, digits, _ -", pattern=r"^[A-Za-z0-9_-]{1,50}$")
    messages: list[Literal["alerts", "bulletins"]] = _is('["alerts"], ["bulletins"] or both', ["alerts"], min_length=1)
    bank: str = _is("a four-digit bank code", "", pattern=r"^[0-9]{4}$")
    severity: Severity = _is("low, medium, high or critical", "low")
    events: list[Literal["link", "unlink", "debit", "open", "payment", "transfer", "payout"]] = _is(
        "kinds of event, such as debit", []
    )
    insecure: bool = _is("true or false", default=False)
    tls_ca: Path | None = _is("a PEM file of the authorities to trust instead of the system's", None, strict=False)


class WebhookSettings(ReceiverSettings):
    """A webhook; its secret from a file or the environment, one or several of the form whsec_…"""

    url: Annotated[str, AfterValidator(_url)] = _is("https://host/path in ASCII, no space, no user's name")
    secret_file: Path | None = _is(_SECRET_FILE, None, strict=False)
    secret_env: str | None = _is(_SECRET_ENV, None)

    @model_validator(mode="after")
    def _fits(self) -> "WebhookSettings":
        if (self.secret_file is None) == (self.secret_env is None):
            raise _together("secret_file", "secret_file or secret_env, one of them")
        parts = urlsplit(self.url)
        if parts.scheme == "http" and not self.insecure and not is_local(parts.hostname or ""):
            raise _together("url", "https, or insecure = true beside it, which sends alerts readable to the network")
        return self


class MailSettings(ReceiverSettings):
    """A mailbox, by a server that speaks SMTP with STARTTLS; one mail a message."""

    to: Annotated[str, AfterValidator(_mail_address)] = _is("one mail address")
    sender: Annotated[str, AfterValidator(_mail_address)] = _is("one mail address")
    server: Annotated[str, AfterValidator(_server)] = _is("host:port")
    lang: Language = _is("en or ja", "en")
    username: str = _is("a name in ASCII", "", pattern=r"^[!-~]+$")
    password_file: Path | None = _is(_SECRET_FILE, None, strict=False)
    password_env: str | None = _is(_SECRET_ENV, None)

    @model_validator(mode="after")
    def _fits(self) -> "MailSettings":
        secrets = (self.password_file is not None) + (self.password_env is not None)
        if secrets != bool(self.username):
            raise _together("username", "username with password_file or password_env, or none of them")
        if self.username and self.insecure:
            raise _together("insecure", "false where there is a password")
        return self


class NotifySettings(_Table):
    """The table. `parked`: file of what receivers refuse. `templates`: a folder whose files replace ours."""

    parked: Path = _is("a path", Path("parked.jsonl"), strict=False)
    templates: Path | None = _is("a folder", None, strict=False)
    webhooks: list[WebhookSettings] = _is("tables [[notify.webhooks]]", [])
    mails: list[MailSettings] = _is("tables [[notify.mails]]", [])

    @property
    def receivers(self) -> list[WebhookSettings | MailSettings]:
        """All of them."""
        return [*self.webhooks, *self.mails]

    @model_validator(mode="after")
    def _names(self) -> "NotifySettings":
        names = [receiver.name for receiver in self.receivers]
        if not names:
            raise _together("webhooks", "at least one [[notify.webhooks]] or [[notify.mails]]")
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise _together("name", f"each name once, not {', '.join(twice)} again")
        return self


def _together(name: str, expected: str) -> PydanticCustomError:
    return PydanticCustomError("together", "{name}\0{expected}", {"name": name, "expected": expected})


def load_receivers(path: Path) -> NotifySettings:
    """The table of a settings file; UserError with a line for each problem, without the value: it may be a secret."""
    try:
        table = tomllib.loads(path.read_text("utf-8")).get(NOTIFY_TABLE, {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UserError(f"settings file {path} cannot be read ({error}); expected a TOML file") from None
    try:
        return NotifySettings.model_validate(table)
    except ValidationError as error:
        raise UserError("\n".join(_problem(found, table) for found in error.errors())) from None


def _problem(found: ErrorDetails, table: dict[str, Any]) -> str:
    place = list(found["loc"])
    if found["type"] == "together":
        name, expected = found["msg"].split("\0")
        return f"setting {_path([*place, name], table)}: expected {expected}"
    model: type[BaseModel] = NotifySettings
    if place and place[0] in {"webhooks", "mails"} and len(place) > 1:
        model = WebhookSettings if place[0] == "webhooks" else MailSettings
    field = str(place[2] if model is not NotifySettings and len(place) > 2 else place[0] if place else NOTIFY_TABLE)
    if found["type"] == "extra_forbidden":
        return f"setting {_path(place, table)}: no such setting; expected one of {', '.join(model.model_fields)}"
    extra = model.model_fields[field].json_schema_extra if field in model.model_fields else None
    expected = str(extra["expected"]) if isinstance(extra, dict) else "a table"
    return f"setting {_path(place, table)}: {'is missing, ' if found['type'] == 'missing' else ''}expected {expected}"


def _path(place: list[int | str], table: dict[str, Any]) -> str:
    """`notify.webhooks.soc.url`: a receiver by its name, where it has one."""
    words = [NOTIFY_TABLE]
    at: Any = table
    for step in place:
        try:
            at = at[step]
        except (KeyError, IndexError, TypeError):
            at = None
        named = at.get("name") if isinstance(step, int) and isinstance(at, dict) else None
        words.append(str(named if isinstance(named, str) and named.isprintable() else step))
    return ".".join(words)
