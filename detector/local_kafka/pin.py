"""Write the tables of the Kafka versions named in `jars.py`: `python -m detector.local_kafka.pin`.

For maintainers, when the version is raised: resolves the dependency graph and records what was downloaded.
"""

import csv
import tempfile
from pathlib import Path

import jgo

from detector.local_kafka.jars import EARLIER_VERSION, KAFKA_VERSION, Jar, download, sha256_of, table_name

LOG4J_VERSION = "2.26.1"

#: Before Kafka 4 the broker logs through reload4j, which comes along.
LOG4J = {
    KAFKA_VERSION: (
        f"org.apache.logging.log4j:log4j-core:{LOG4J_VERSION}",
        f"org.apache.logging.log4j:log4j-slf4j-impl:{LOG4J_VERSION}",
    ),
    EARLIER_VERSION: (),
}


def roots(version: str) -> tuple[str, ...]:
    """What to resolve.

    kafka-clients is named because the resolver otherwise picks the old one that a transitive dependency asks for;
    log4j because Kafka 4 only brings the API.
    """
    kafka = (f"org.apache.kafka:{name}:{version}" for name in ("kafka_2.13", "kafka-clients"))
    return (*kafka, *LOG4J[version])


def write_table(path: Path, version: str) -> int:
    """Resolve, download and hash every jar, write the table to `path`, return the number of rows."""
    rows = []
    with tempfile.TemporaryDirectory() as staging:
        for artifact in jgo.resolve("+".join(roots(version))):
            jar = Jar(artifact.groupId, artifact.artifactId, artifact.version, "")
            rows.append((jar.group, jar.artifact, jar.version, sha256_of(download(jar, Path(staging)))))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("group", "artifact", "version", "sha256"))
        writer.writerows(sorted(rows))
    return len(rows)


if __name__ == "__main__":
    for version in LOG4J:
        table = Path(__file__).with_name(table_name(version))
        print(f"{write_table(table, version)} jars written to {table}")  # noqa: T201  # a maintainer's script
