"""Several bytes of a buffer as one number, in one load of the processor; numba itself reads byte by byte."""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic


def _read8(_: Any, data: Any, at: Any) -> Any:
    """Eight bytes of `data` (uint8) from `at` (int64) on, little-endian, uint64; not checked against its end."""
    return types.uint64(data, at), _loads(64)


def _read4(_: Any, data: Any, at: Any) -> Any:
    """Four bytes, as `read8`."""
    return types.uint64(data, at), _loads(32)


def _loads(bits: int) -> Callable[..., Any]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        place = builder.gep(array.data, [arguments[1]])
        # Every processor that numba knows and Kafka runs on is little-endian.
        loaded = builder.load(builder.bitcast(place, ir.IntType(bits).as_pointer()), align=1)
        return builder.zext(loaded, ir.IntType(64)) if bits < 64 else loaded

    return generate


read8: Any = intrinsic(_read8)
read4: Any = intrinsic(_read4)
