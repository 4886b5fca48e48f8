"""Arrays in one file, `.npz` without pickle: the same arrays always give the same bytes."""

import io
import zipfile
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the earliest time a zip entry can have: file times must not change the bytes
SUFFIX = ".npy"
#: Unpacked; a model of a thousand trees has 20 MB. A file that claims more would fill a worker's memory.
MOST_BYTES = 2**30


def pack_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """As `numpy.savez_compressed`, but the same arrays always give the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in sorted(arrays.items()):
            entry = zipfile.ZipInfo(f"{name}{SUFFIX}", LONG_AGO)
            entry.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(entry, "w") as file:
                np.lib.format.write_array(file, array, allow_pickle=False)
    return out.getvalue()


def unpack_arrays(packed: bytes) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a file, in C order; raises ValueError if it holds anything else."""
    try:  # zipfile, zlib and numpy raise a dozen types for bytes that are no arrays
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            entries = archive.infolist()
            if sum(entry.file_size for entry in entries) > MOST_BYTES:
                raise ValueError(f"more than {MOST_BYTES:,} bytes when unpacked")
            return {entry.filename.removesuffix(SUFFIX): _array(archive.read(entry)) for entry in entries}
    except Exception as error:
        raise ValueError(f"not a file of arrays ({type(error).__name__}: {_one_line(error)})") from error


def _array(content: bytes) -> npt.NDArray[Any]:
    file = io.BytesIO(content)
    array = np.lib.format.read_array(file, allow_pickle=False)
    if file.tell() < len(content):
        raise ValueError("bytes behind an array")
    return np.asarray(array, order="C")


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
