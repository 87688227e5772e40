"""How kernels are compiled: once per machine, and anew whenever any line of this package changes."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np
from llvmlite import ir  # type: ignore[import-untyped]  # it has no types
from numba import from_dtype, njit, types
from numba.extending import intrinsic

Function = TypeVar("Function", bound=Callable[..., Any])

# A row of a structured array; numba knows its fields, mypy does not.
Record = Any


# Modules of this package that call kernels and hold none.
_PLAIN_PYTHON = {"simulate.py", "warm.py"}


def _source_version() -> int:
    digest = sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        if path.name not in _PLAIN_PYTHON:
            digest.update(path.read_bytes())
    return int.from_bytes(digest.digest()[:7], "big")


# numba's cache looks at the file of the cached function alone, so a kernel that calls functions of other files must
# carry their version in its closure, which is part of the cache's key.
SOURCE_VERSION = _source_version()


def part(function: Function) -> Function:
    """Compile a function that only kernels call. It has no cache of its own: it is compiled into theirs.

    Inlined always: as calls, the same rules take six times as long.
    """
    return cast(Function, njit(nogil=True, error_model="numpy", forceinline=True)(function))


def kernel(function: Function) -> Function:
    """Compile a function that Python calls, and keep the machine code on disk; it runs without the interpreter's lock."""
    return cast(Function, njit(nogil=True, cache=True, error_model="numpy")(function))


# Addresses instead of arrays let one compiled kernel walk any number of instruments where their data lie, without a
# copy, and cost no reference counting, which else takes longer than the rules themselves. Nothing checks the bounds.


def _numbers(number: Any, of_llvm: ir.Type) -> Callable[[int, int], Any]:
    def read(context: Any, address: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            pointer = builder.inttoptr(arguments[0], of_llvm.as_pointer())
            return builder.load(builder.gep(pointer, [arguments[1]]))

        return number(types.int64, types.int64), generate

    return cast(Callable[[int, int], Any], intrinsic(read))


def rows_of(dtype: np.dtype[Any]) -> Callable[[int, int], Record]:
    """Return a function for kernels: row `index`, to be read and written, of the structured array at `address`."""
    record = from_dtype(dtype)

    def read(context: Any, address: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            offset = builder.mul(arguments[1], ir.Constant(ir.IntType(64), dtype.itemsize))
            return builder.inttoptr(builder.add(arguments[0], offset), context.get_value_type(record))

        return record(types.int64, types.int64), generate

    return cast(Callable[[int, int], Record], intrinsic(read))


# Entry `index` of the contiguous array of float64, int64 or uint8 at `address`.
float_at = _numbers(types.float64, ir.DoubleType())
int_at = _numbers(types.int64, ir.IntType(64))
byte_at = _numbers(types.uint8, ir.IntType(8))


def _fetch(context: Any, address: Any, index: Any) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
        prefetch = builder.module.globals.get("llvm.prefetch.p0")
        if prefetch is None:
            kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
            prefetch = ir.Function(builder.module, kind, "llvm.prefetch.p0")
        offset = builder.mul(arguments[1], ir.Constant(ir.IntType(64), 8))
        pointer = builder.inttoptr(builder.add(arguments[0], offset), byte)
        builder.call(prefetch, [pointer, flag(0), flag(3), flag(1)])
        return context.get_dummy_value()

    return types.none(types.int64, types.int64), generate


# Ask the processor to bring entry `index` of an array of 8-byte numbers near, without waiting for it: candles that matter
# lie far apart, and waiting for memory took longer than the rules.
fetch = cast(Callable[[int, int], None], intrinsic(_fetch))
