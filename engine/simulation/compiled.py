"""How kernels are compiled: once per machine, and anew whenever any line of this package changes."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar, cast

from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

Function = TypeVar("Function", bound=Callable[..., Any])

# A row of a structured array; numba knows its fields, mypy does not.
Record = Any


def _source_version() -> int:
    digest = sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return int.from_bytes(digest.digest()[:7], "big")


# numba's cache looks at the file of the cached function alone, so a kernel that calls functions of other files must
# carry their version in its closure, which is part of the cache's key.
SOURCE_VERSION = _source_version()


def part(function: Function) -> Function:
    """Compile a function that only kernels call. It has no cache of its own: it is compiled into theirs."""
    return cast(Function, njit(nogil=True, error_model="numpy")(function))


def kernel(function: Function) -> Function:
    """Compile a function that Python calls, and keep the machine code on disk; it runs without the interpreter's lock."""
    return cast(Function, njit(nogil=True, cache=True, error_model="numpy")(function))


def _reader(number: Any, type_of_llvm: ir.Type) -> Any:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], type_of_llvm.as_pointer())
        return builder.load(builder.gep(pointer, [arguments[1]]))

    return number(types.int64, types.int64), generate


@intrinsic
def float_at(context: Any, address: Any, index: Any) -> Any:
    """Read entry `index` of the contiguous float64 array at `address`. Nothing checks the bounds.

    Addresses let one compiled kernel walk any number of instruments' arrays where they lie, without copying them.
    """
    return _reader(types.float64, ir.DoubleType())


@intrinsic
def int_at(context: Any, address: Any, index: Any) -> Any:
    """Read entry `index` of the contiguous int64 array at `address`."""
    return _reader(types.int64, ir.IntType(64))


@intrinsic
def byte_at(context: Any, address: Any, index: Any) -> Any:
    """Read entry `index` of the contiguous uint8 array at `address`."""
    return _reader(types.uint8, ir.IntType(8))
