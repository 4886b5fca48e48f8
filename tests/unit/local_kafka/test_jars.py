import hashlib
from pathlib import Path

import pytest

from detector.errors import UserError
from detector.local_kafka.jars import EARLIER_VERSION, KAFKA_VERSION, Jar, download, ensure_jars, pinned_jars

CONTENT = b"not really a jar"
GOOD = Jar("org.example", "good", "1.0", hashlib.sha256(CONTENT).hexdigest())
OTHER = Jar("org.example", "other", "2.0", hashlib.sha256(CONTENT).hexdigest())


def silent(_text: str, _done: int, _total: int) -> None:
    pass


class Repository(dict[str, bytes]):
    """File name → content of the jars it has."""

    def fetch(self, jar: Jar, staging: Path) -> Path:
        if jar.file_name not in self:
            raise UserError(f"could not download {jar.file_name}")
        path = staging / jar.file_name
        path.write_bytes(self[jar.file_name])
        return path


@pytest.mark.parametrize(("version", "jars"), [("4.3.1", 46), ("3.9.2", 55)])
def test_a_table_pins_kafka_and_every_row_is_complete(version: str, jars: int) -> None:
    assert version in {KAFKA_VERSION, EARLIER_VERSION}
    table = pinned_jars(version)
    assert jars == len(table) == len({jar.file_name for jar in table})
    assert {f"kafka_2.13-{version}.jar", f"kafka-clients-{version}.jar"} <= {jar.file_name for jar in table}
    assert all(len(bytes.fromhex(jar.sha256)) == 32 for jar in table)


def test_missing_jars_are_fetched_once_with_progress(tmp_path: Path) -> None:
    repository = Repository({GOOD.file_name: CONTENT, OTHER.file_name: CONTENT})
    reported: list[tuple[int, int]] = []
    expected = [tmp_path / "good-1.0.jar", tmp_path / "other-2.0.jar"]
    assert expected == ensure_jars(
        tmp_path, [GOOD, OTHER], repository.fetch, lambda _, done, total: reported.append((done, total))
    )
    assert [(0, 2), (1, 2), (2, 2)] == reported
    assert expected == ensure_jars(tmp_path, [GOOD, OTHER], Repository().fetch, silent)


def test_a_download_that_is_not_the_pinned_file_is_refused_and_not_kept(tmp_path: Path) -> None:
    repository = Repository({GOOD.file_name: b"something else"})
    with pytest.raises(UserError, match=r"good-1\.0\.jar is not the pinned file"):
        ensure_jars(tmp_path, [GOOD], repository.fetch, silent)
    assert list(tmp_path.iterdir()) == []


def test_a_kept_jar_that_was_changed_is_refused(tmp_path: Path) -> None:
    (tmp_path / GOOD.file_name).write_bytes(CONTENT + b"!")
    with pytest.raises(UserError, match="kozamori cache clear"):
        ensure_jars(tmp_path, [GOOD], Repository().fetch, silent)


def test_what_was_verified_before_a_failed_download_is_kept(tmp_path: Path) -> None:
    repository = Repository({GOOD.file_name: CONTENT})
    with pytest.raises(UserError, match="could not download other"):
        ensure_jars(tmp_path, [GOOD, OTHER], repository.fetch, silent)
    assert [path.name for path in tmp_path.iterdir()] == [GOOD.file_name]


def test_a_repository_that_cannot_be_reached_is_one_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tmp_path / "jgo.conf"
    settings.write_text("[repositories]\ncentral = http://127.0.0.1:9\n")  # port 9: discard, nothing listens
    monkeypatch.setenv("JGO_CONFIG_FILE", str(settings))
    with pytest.raises(UserError, match=r"could not download good-1\.0\.jar .* check the network or proxy"):
        ensure_jars(tmp_path / "jars", [GOOD], download, silent)
