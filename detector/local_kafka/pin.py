"""Write `jars.csv` for the Kafka version named in `jars.py`: `python -m detector.local_kafka.pin`.

For maintainers, when the version is raised: resolves the dependency graph and records what was downloaded.
"""

import csv
import tempfile
from pathlib import Path

import jgo

from detector.local_kafka.jars import KAFKA_VERSION, Jar, download, sha256_of

LOG4J_VERSION = "2.26.1"

#: kafka-clients is named because the resolver otherwise picks the old one that a transitive dependency asks for;
#: log4j because Kafka itself only brings the API.
ROOTS = (
    f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}",
    f"org.apache.kafka:kafka-clients:{KAFKA_VERSION}",
    f"org.apache.logging.log4j:log4j-core:{LOG4J_VERSION}",
    f"org.apache.logging.log4j:log4j-slf4j-impl:{LOG4J_VERSION}",
)


def write_table(path: Path) -> int:
    """Resolve, download and hash every jar, write the table to `path`, return the number of rows."""
    rows = []
    with tempfile.TemporaryDirectory() as staging:
        for artifact in jgo.resolve("+".join(ROOTS)):
            jar = Jar(artifact.groupId, artifact.artifactId, artifact.version, "")
            rows.append((jar.group, jar.artifact, jar.version, sha256_of(download(jar, Path(staging)))))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("group", "artifact", "version", "sha256"))
        writer.writerows(sorted(rows))
    return len(rows)


if __name__ == "__main__":
    table = Path(__file__).with_name("jars.csv")
    print(f"{write_table(table)} jars written to {table}")  # noqa: T201  # a maintainer's script
