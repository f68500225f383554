"""The whole pass over a block of series in one call that never asks for the interpreter.

Threads that share blocks would otherwise meet at the interpreter's lock between the parts of every tile, and waiting
for it costs more than the parts of a tile take. The parts stay compiled one by one, in files of their own: the pass is
handed their entry points as numbers, so its own machine code holds no copy of theirs that could be stale or that would
have to be compiled a second time.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import numba
import numpy as np
from numba.core import errors, types
from numba.extending import intrinsic

from quant_lib.indicators import _pass_moves, _pass_rows, _pass_votes, _pass_windows

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]
    IntArray = npt.NDArray[np.int64]

_Kernel = TypeVar("_Kernel", bound=Callable[..., Any])

_VALUES: Final = types.float64[::1]
_WHOLE: Final = types.int64[::1]
_ROWS: Final = types.float64[:, ::1]
_BARS: Final = (_VALUES, _VALUES, _VALUES)
_WINDOWS: Final = (*_BARS, _VALUES, _WHOLE, _WHOLE, _ROWS)
_MOVES: Final = (*_BARS, _WHOLE, _WHOLE, _VALUES, _ROWS, _ROWS)
_VOTES: Final = (*_BARS, _WHOLE, types.boolean, _ROWS)
_PARTS: Final = ((_pass_windows.windows, _WINDOWS), (_pass_moves.moves, _MOVES), (_pass_votes.votes, _VOTES))
_MA: Final = _pass_rows.MA


@functools.cache
def entry_points() -> IntArray:
    """Addresses of the compiled parts, valid as long as the process; compiles or loads what is not there yet."""
    return np.array([_address(kernel, arguments) for kernel, arguments in _PARTS], np.int64)


def _address(kernel: Any, arguments: tuple[types.Type, ...]) -> int:
    signature = types.void(*arguments)
    kernel.compile(signature)
    compiled = kernel.get_compile_result(signature)
    return int(compiled.library.get_pointer_to_function(compiled.fndesc.llvm_func_name))


def _caller(arguments: tuple[types.Type, ...]) -> Callable[..., None]:
    """Call of a part by its address; arguments of other types than the part was compiled for do not compile."""

    def call(_context: Any, address: types.Type, values: types.Tuple) -> tuple[Any, Callable[..., Any]]:
        if values.types != arguments:
            raise errors.TypingError(f"a part of the pass takes {arguments}, was given {values.types}")

        def generate(context: Any, builder: Any, _signature: Any, given: tuple[Any, Any]) -> Any:
            shape = context.call_conv.get_function_type(types.none, arguments)
            pointer = builder.inttoptr(given[0], shape.as_pointer())
            passed = [builder.extract_value(given[1], k) for k in range(len(arguments))]
            status, _ = context.call_conv.call_function(builder, pointer, types.none, arguments, passed)
            with builder.if_then(status.is_error, likely=False):
                context.call_conv.return_status_propagate(builder, status)
            return context.get_dummy_value()

        return types.none(address, values), generate

    return cast("Callable[..., None]", intrinsic(call))


_windows, _moves, _votes = _caller(_WINDOWS), _caller(_MOVES), _caller(_VOTES)


def _compiled(kernel: _Kernel) -> _Kernel:
    """Compile on first call, release the GIL, keep the machine code beside the source; x / 0 is IEEE, as in numpy."""
    options: dict[str, Any] = {"nogil": True, "cache": True, "fastmath": False, "error_model": "numpy"}
    return cast("_Kernel", numba.njit(**options | {"no_cfunc_wrapper": True})(kernel))


@_compiled
def run(
    entry: IntArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    volume: FloatArray,
    offsets: IntArray,
    tile: int,
    lengths: IntArray,
    recursions: IntArray,
    alphas: FloatArray,
    modern: bool,
    bounds: IntArray,
    state: FloatArray,
    rows: FloatArray,
    made: FloatArray,
) -> None:
    """Fill ``rows`` for a few series at a time, about ``tile`` bars.

    Where ``made`` (4, n_bars) holds bars, it receives the ratings and ``rows`` is used again for every tile; otherwise
    ``rows`` (n_rows, n_bars) is the result. ``bounds`` is room for the offsets of a tile.
    """
    kept = made.shape[1] == 0
    first = 0
    while first < offsets.size - 1:
        last = first + 1
        while last < offsets.size - 1 and offsets[last + 1] - offsets[first] <= tile:
            last += 1
        base = 0 if kept else offsets[first]
        at, end = bounds[: last - first + 1], offsets[last]
        for s in range(at.size):
            at[s] = offsets[first + s] - base
        h, lo, c, v = high[base:end], low[base:end], close[base:end], volume[base:end]
        _windows(entry[0], (h, lo, c, v, at, lengths, rows))
        _moves(entry[1], (h, lo, c, at, recursions, alphas, state, rows))
        _votes(entry[2], (h, lo, c, at, modern, rows))
        if not kept:
            for k in range(made.shape[0]):
                for i in range(end - base):
                    made[k, base + i] = rows[_MA + k, i]
        first = last
