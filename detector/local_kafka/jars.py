"""The jars of Apache Kafka: pinned tables, fetched once with jgo, verified before every start."""

import csv
import hashlib
import logging
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from detector.errors import UserError

KAFKA_VERSION = "4.3.1"
#: The last of the line before, which clusters run that have not moved: the tests also run on it.
EARLIER_VERSION = "3.9.2"

#: Called as jars arrive: text, number done, total (0: unknown).
Progress = Callable[[str, int, int], None]

#: Fetches a jar into a folder and returns its path.
Fetch = Callable[["Jar", Path], Path]

#: Repositories answer a few requests at once well; more of them gain nothing on a home line.
PARALLEL_DOWNLOADS = 8


@dataclass(frozen=True, slots=True)
class Jar:
    """One row of a table: Maven coordinates and the SHA-256 (hex) of the file."""

    group: str
    artifact: str
    version: str
    sha256: str

    @property
    def file_name(self) -> str:
        """Name of the file in the cache folder."""
        return f"{self.artifact}-{self.version}.jar"


def pinned_jars(version: str = KAFKA_VERSION) -> tuple[Jar, ...]:
    """The checked-in table of a version, in class path order."""
    text = files("detector.local_kafka").joinpath(table_name(version)).read_text(encoding="utf-8")
    return tuple(Jar(**row) for row in csv.DictReader(text.splitlines()))


def table_name(version: str) -> str:
    """Name of the table beside this file."""
    return f"jars-{version}.csv"


def ensure_jars(folder: Path, jars: Sequence[Jar], fetch: Fetch, progress: Progress) -> list[Path]:
    """Paths of `jars` under `folder`, each checked against its SHA-256; missing ones are fetched first.

    Raises UserError when a fetch fails or a file is not the pinned one.
    """
    missing = [jar for jar in jars if not (folder / jar.file_name).exists()]
    if missing:
        _fetch_all(folder, missing, len(jars), fetch, progress)
    for jar in jars:
        _verify(jar, folder / jar.file_name)
    return [folder / jar.file_name for jar in jars]


def _fetch_all(folder: Path, missing: Sequence[Jar], total: int, fetch: Fetch, progress: Progress) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    text = "Downloading Apache Kafka"
    done = total - len(missing)
    progress(text, done, total)
    # Staged beside the folder and moved in when verified: an interrupted download leaves no half jar behind,
    # and two processes that start together do not disturb each other.
    with (
        tempfile.TemporaryDirectory(dir=folder, prefix=".staging-") as staging,
        ThreadPoolExecutor(PARALLEL_DOWNLOADS) as pool,
    ):
        for jar, path in zip(missing, pool.map(lambda jar: fetch(jar, Path(staging)), missing), strict=True):
            _verify(jar, path)
            path.replace(folder / jar.file_name)
            done += 1
            progress(text, done, total)


def download(jar: Jar, staging: Path) -> Path:
    """Fetch one jar from the repositories of the person's jgo settings, Maven Central first.

    Raises UserError when no repository has it or none can be reached.
    """
    # jgo and requests take half a second to import, and a warm start needs neither.
    from jgo.config import GlobalSettings
    from jgo.maven import MavenContext
    from jgo.maven._core import DEFAULT_REMOTE_REPOS
    from requests import RequestException

    repositories = DEFAULT_REMOTE_REPOS | GlobalSettings.load().repositories
    context = MavenContext(repo_cache=staging, remote_repos=repositories, timeout=30)
    try:
        path = context.project(jar.group, jar.artifact).at_version(jar.version).artifact().resolve()
    except (RequestException, OSError, RuntimeError) as error:
        logging.getLogger(__name__).debug("download failed", exc_info=error)
        raise UserError(
            f"could not download {jar.file_name} of Apache Kafka ({type(error).__name__}): "
            "check the network or proxy and run again; or give an existing cluster with --bootstrap"
        ) from error
    return Path(path)


def _verify(jar: Jar, path: Path) -> None:
    found = sha256_of(path)
    if found != jar.sha256:
        raise UserError(
            f"{path.name} is not the pinned file: SHA-256 {found}, expected {jar.sha256}; "
            "remove it with 'kozamori cache clear' and run again"
        )


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
