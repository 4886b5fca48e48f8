"""Builds the worker's image without a daemon: `make image`, as root on Debian.

Needs mmdebstrap, buildah and podman. The base is made of Debian's packages, from where this machine has its own, and is
kept: `podman rmi localhost/kozamori-base` for a new one. Prints the image's name and size.
"""

import json
import platform
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path
from shutil import which

ROOT = Path(__file__).parents[1]
BASE, IMAGE = "localhost/kozamori-base:local", "localhost/kozamori:local"
TOOLS = ("mmdebstrap", "buildah", "podman")
PACKAGES = ("ca-certificates", "python3", "python3-venv", "tini")
#: What nobody reads in a container; licences stay.
LEFT_OUT = (
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
)
#: Where this machine has its packages from, in the new form or the old.
SOURCES = (Path("/etc/apt/sources.list.d/debian.sources"), Path("/etc/apt/sources.list"))


def main() -> int:
    """Build the base where there is none, then the image; the exit status."""
    if missing := [name for name in TOOLS if which(name) is None]:
        print(f"needs {', '.join(missing)}; Debian: apt-get install {' '.join(TOOLS)}", file=sys.stderr)  # noqa: T201
        return 2
    if subprocess.call(["podman", "image", "exists", BASE]):
        make_base()
    subprocess.run(build_command(), cwd=ROOT, check=True)
    print(f"{IMAGE}: {size_bytes() / 1e6:.0f} MB")  # noqa: T201
    return 0


def make_base() -> None:
    """Debian's smallest, of this machine's release, with Python and tini, as an image."""
    sources = [str(path) for path in SOURCES if path.exists()][:1]
    options = [f"--dpkgopt={option}" for option in LEFT_OUT]
    with tempfile.TemporaryDirectory() as folder:
        tar = f"{folder}/base.tar"
        # Where this machine has its packages from is not the image's business.
        forget = '--customize-hook=rm -rf "$1"/etc/apt/sources.list*'
        wanted = ["--variant=minbase", f"--include={','.join(PACKAGES)}", forget, *options]
        suite = platform.freedesktop_os_release()["VERSION_CODENAME"]
        subprocess.run(["mmdebstrap", *wanted, suite, tar, *sources], check=True)
        subprocess.run(["podman", "import", "--quiet", tar, BASE], check=True)


def build_command() -> list[str]:
    """The build as the Dockerfile says it, in a chroot; authorities that this machine trusts are trusted there."""
    certificates = "/etc/ssl/certs:/etc/ssl/certs:ro"
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    return [
        *("buildah", "build", "--isolation=chroot", "--network=host", "--layers"),
        "--format=docker",  # the other one has no health check
        *("--build-arg", f"BASE={BASE}", "--volume", certificates),
        *("--label", f"org.opencontainers.image.version={version}"),
        *("--file", "deploy/Dockerfile", "--ignorefile", "deploy/Dockerfile.dockerignore"),
        *("--tag", IMAGE, "."),
    ]


def size_bytes() -> int:
    """What the image takes, its base included."""
    shown = subprocess.run(["podman", "image", "inspect", IMAGE], check=True, capture_output=True)
    return int(json.loads(shown.stdout)[0]["Size"])


if __name__ == "__main__":
    sys.exit(main())
