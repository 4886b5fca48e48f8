"""The machine a figure was measured on, in one line."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from detector.local_kafka.jars import KAFKA_VERSION

#: What the figures depend on most.
LIBRARIES = ("numpy", "numba", "msgspec", "scikit-learn", "faust-streaming", "aiokafka", "confluent-kafka")

#: Of the cores; a bench itself needs two of them.
BUSY_SHARE = 0.5


def machine() -> str:
    """Cores, processor, memory, system, Python and library versions."""
    memory_gib = psutil.virtual_memory().total / 2**30
    libraries = ", ".join(f"{name} {found}" for name in LIBRARIES if (found := _version(name)))
    return (
        f"{usable_cores()} cores of {_processor()}, {memory_gib:.0f} GiB, {platform.system()} {platform.machine()},"
        f" Python {platform.python_version()}, {libraries}, Kafka {KAFKA_VERSION}"
    )


def usable_cores() -> int:
    """Cores this process may run on, which a container can make fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def busy() -> str:
    """A warning if other processes load this machine so much that figures will be too low, else ""."""
    load = psutil.getloadavg()[0]
    if load <= BUSY_SHARE * usable_cores():
        return ""
    return f"this machine is busy (load {load:.1f} on {usable_cores()} cores): figures will be too low"


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    if platform.system() == "Darwin":
        asked = subprocess.run(
            ["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=False
        )
        if asked.stdout.strip():
            return asked.stdout.strip()
    return platform.processor() or "an unknown processor"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
