"""What numba lacks: several bytes of a buffer as one number; a row copied whole, which takes no time to compile."""

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.cgutils import raw_memcpy
from numba.extending import intrinsic

memcpy: Any = raw_memcpy


def _read8(_: Any, data: Any, _at: Any) -> Any:
    """Eight bytes of `data` (uint8) from `at` (int64) on, little-endian, uint64; not checked against its end."""
    return types.uint64(data, types.int64), _loads(64)


def _read4(_: Any, data: Any, _at: Any) -> Any:
    """Four bytes, as `read8`."""
    return types.uint64(data, types.int64), _loads(32)


def _loads(bits: int) -> Callable[..., Any]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        address = builder.gep(array.data, [arguments[1]])
        # Every processor that numba knows and Kafka runs on is little-endian.
        loaded = builder.load(builder.bitcast(address, ir.IntType(bits).as_pointer()), align=1)
        return builder.zext(loaded, ir.IntType(64)) if bits < 64 else loaded

    return generate


def _copy_row(_: Any, rows: Any, _to: Any, source: Any, _at: Any) -> Any:
    """`rows[to] = source[at]` of structured arrays of one dtype; numba makes instructions of every field."""
    if rows.dtype != source.dtype:
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        def address(array: int, index: int) -> Any:
            made = context.make_array(signature.args[array])(context, builder, arguments[array])
            return builder.gep(made.data, [arguments[index]])

        size = context.get_constant(types.intp, rows.dtype.size)
        memcpy(builder, address(0, 1), address(2, 3), size, 1)
        return context.get_dummy_value()

    return types.void(rows, types.int64, source, types.int64), generate


read8: Any = intrinsic(_read8)
read4: Any = intrinsic(_read4)
copy_row: Any = intrinsic(_copy_row)
