"""The Dockerfile and what builds it, as far as they can be checked without building; `image.py` runs what was built."""

import re
import runpy
import sys
from itertools import pairwise
from pathlib import Path

import click
from support.container_files import DEPLOY, DOCKERFILE, arguments, images, instructions

from detector.cli.main import cli
from detector.contract.kernel_cache import SHIPPED

ROOT = Path(__file__).parents[2]
SECRET = re.compile(
    r"(?i)(password|passwd|secret|token|api[_-]?key)(?!_file|Name|TargetRef)\w*\s*[:=]\s*(?!\{secretName|false\b|/)\S"
)


def test_every_image_is_pinned_to_a_version() -> None:
    assert images()
    assert [] == [image for image in images() if not re.fullmatch(r"[\w./-]+:v?\d[\w.-]*", image)]


def test_the_image_is_built_in_two_stages_and_the_second_takes_only_the_environment() -> None:
    names = [name for name, _ in instructions()]
    assert names.count("FROM") == 2
    final = instructions()[len(names) - 1 - names[::-1].index("FROM") :]
    assert [text for name, text in final if name == "COPY"] == ["--from=build /opt/kozamori /opt/kozamori"]
    assert not [text for name, text in final if name == "RUN" and "pip" in text]


def test_the_container_does_not_run_as_root_and_says_so_by_number() -> None:
    users = [text for name, text in instructions() if name == "USER"]
    assert users == ["10001:10001"]
    after = [name for name, _ in instructions()][[name for name, _ in instructions()].index("USER") :]
    assert "RUN" not in after
    assert {"ENTRYPOINT", "HEALTHCHECK", "STOPSIGNAL"} <= set(after)


def test_everything_installed_comes_from_the_lock_with_hashes_or_from_the_wheel_built_here() -> None:
    installs = re.findall(r"pip (?:install|wheel) ([^&\n]*)", DOCKERFILE)
    assert len(installs) == 3
    locked, built, wheel = installs
    assert "--require-hashes --requirement ${LOCK}" in locked
    assert arguments()["LOCK"] == "requirements-worker.lock"
    assert "--no-deps --no-build-isolation" in built
    assert "--no-deps --no-index" in wheel


def test_what_the_dockerfile_copies_exists_and_reaches_the_builder() -> None:
    sources = [
        word
        for name, text in instructions()
        if name == "COPY" and not text.startswith("--from")
        for word in text.replace("${LOCK}", "requirements.lock requirements-worker.lock").split()[:-1]
    ]
    let_in = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    assert sources
    for source in sources:
        assert (ROOT / source).exists()
        assert f"!{source}" in let_in
    assert "*" in let_in


def test_no_file_holds_a_secret() -> None:
    files = [path for path in DEPLOY.rglob("*.*") if path.is_file() and "__pycache__" not in path.parts]
    assert len(files) > 10
    assert {} == {path.name: found for path in files if (found := SECRET.findall(path.read_text("utf-8", "replace")))}


def test_the_image_that_is_built_without_a_daemon_is_that_of_the_dockerfile() -> None:
    script = runpy.run_path(str(DEPLOY / "image.py"))
    words = script["build_command"]()
    given = dict(word.split("=", 1) for before, word in pairwise(words) if before == "--build-arg")
    assert set(given) <= set(arguments())
    for option in ("--file", "--ignorefile"):
        assert (ROOT / words[words.index(option) + 1]).is_file()
    assert {"python3", "python3-venv", "tini", "ca-certificates"} == set(script["PACKAGES"])
    assert "--format=docker" in words, "the other has no health check"


def test_kernels_are_compiled_for_the_cpu_that_the_image_says_where_they_are_looked_for() -> None:
    (compiled,) = [text for name, text in instructions() if name == "RUN" and "cache compile" in text]
    command = cli.get_command(click.Context(cli), "cache")
    assert isinstance(command, click.Group)
    assert "compile" in command.commands
    (folder,) = re.findall(r"NUMBA_CACHE_DIR=(\S+)", compiled)
    assert SHIPPED.relative_to(sys.prefix) == Path(folder).relative_to("/opt/kozamori")
    assert 2 == DOCKERFILE.count("NUMBA_CPU_NAME=generic")
