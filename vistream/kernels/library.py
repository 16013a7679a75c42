"""Loads the kernels' library, chooses the variant, and calls it.

The library is one file beside this one, made by `build.py`; nothing is compiled here. Before it is first trusted, a
child process runs the self-test of every variant; what comes of it is remembered for this CPU and this library, so that
a crash there costs one warning and not the user's process.
"""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from vistream.kernels.build import library_path, sources_digest, this_platform
from vistream.kernels.probe import passed
from vistream.kernels.structs import Deformable, Int64, Kernels, Past, Pointer, check_structs

CHOICE = "VISTREAM_KERNELS"  # the name of a variant, to be used instead of the best


class Unusable(RuntimeError):
    """Why there are no compiled kernels here: one line, with what to do."""


@dataclass(frozen=True, slots=True)
class Variant:
    """The kernels of one instruction set.

    `vector_bytes`: of the blocks in which depthwise weights lie. `tiles`: convolutions take rows of 64 bytes.
    `flips`: its dot products make signed levels unsigned first. `pairs`: it adds products of bytes in 16 bits, and may
    those of two quads, see `engine.stream.pairs`.
    """

    name: str
    vector_bytes: int
    tiles: bool
    flips: bool
    pairs: bool
    handle: int


@functools.cache
def library() -> ctypes.CDLL:
    """The library, loaded and checked; raises Unusable."""
    platform = this_platform()
    if platform is None:
        raise Unusable("there are no compiled kernels for this kind of computer")
    path = library_path(platform)
    if not path.exists():
        raise Unusable(f"{path} is missing: install vistream again, or run python -m vistream.kernels.build")
    if passed() == frozenset():  # it may crash whoever loads it
        raise Unusable(f"no variant in {path} passes its self-test here")
    try:
        loaded = ctypes.CDLL(str(path))
        _declare(loaded)
        check_structs(loaded)
    except (OSError, AttributeError, RuntimeError) as error:
        raise Unusable(f"{path} cannot be loaded ({error}): install vistream again") from None
    made_of = loaded.vistream_sources().decode()
    if (path.parents[2] / "src").is_dir() and made_of != sources_digest():
        raise Unusable(f"{path} is older than its sources: run python -m vistream.kernels.build")
    return loaded


@functools.cache
def brief() -> ctypes.PyDLL:
    """The same, for calls that take microseconds: they keep Python's lock, which would take longer to get back."""
    loaded = ctypes.PyDLL(library()._name)
    _declare(loaded)
    return loaded


def _declare(loaded: ctypes.CDLL | ctypes.PyDLL) -> None:
    pointers, past = ctypes.POINTER(Kernels), ctypes.POINTER(Past)
    signatures: dict[str, tuple[Any, list[Any]]] = {
        "fields": (ctypes.c_int, [ctypes.c_char_p, Pointer, Pointer]),
        "sources": (ctypes.c_char_p, []),
        "kernels": (pointers, [ctypes.c_int]),
        "next_frame": (None, [Pointer, ctypes.c_int]),
        "update": (None, [Pointer, Pointer, ctypes.c_int, Pointer, ctypes.c_int]),
        "read": (Int64, [Pointer, Pointer, Pointer, Pointer, Int64, Int64, ctypes.c_int]),
        "selftest": (ctypes.c_int, [Pointer, ctypes.c_int, ctypes.c_int, ctypes.c_int]),
        "similar": (None, [Pointer, past, Pointer, Pointer, Int64, Int64, Pointer, Pointer, ctypes.c_int]),
        "reconstruct": (None, [*[Pointer] * 2, Int64, Pointer, Int64, Pointer, Int64, *[Pointer] * 5]),
        "borrow": (None, [Int64]),
        "lend": (None, [Pointer]),
        "recall": (None, [Pointer]),
        "best_of_rows": (None, [Pointer, Int64, Int64, Int64, Pointer, Pointer, Pointer]),
        "expectations": (None, [Pointer, Int64, Int64, Pointer]),
        "normalise": (
            None,
            [Pointer, *[Int64] * 4, ctypes.c_double, Pointer, Int64, Pointer, Int64, *[Pointer] * 2],
        ),
        "sample": (None, [Pointer, *[Int64] * 3, *[Pointer] * 2, *[Int64] * 3, Pointer]),
        "cell_means": (None, [Pointer, *[Int64] * 2, Pointer, *[Int64] * 4, Pointer]),
        "despeckle": (None, [Pointer, Pointer, Pointer, Int64, Int64, Int64, Int64, Int64, Pointer]),
        "grey": (None, [Pointer, Pointer, Int64, Int64, Int64, Pointer, Pointer]),
        "shrink": (None, [*[Pointer] * 2, *[Int64] * 5, *[Pointer] * 5]),
        "slopes": (None, [Pointer, Pointer, Int64, Int64, Int64, Int64, Pointer]),
        "differences": (ctypes.c_int32, [Pointer, Pointer, Pointer, Int64, Int64, Int64, Int64, Pointer]),
        "deformable": (None, [Pointer, Pointer, ctypes.POINTER(Deformable), Pointer, Int64, Pointer, Pointer, Pointer]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(loaded, f"vistream_{name}")
        function.restype, function.argtypes = result, arguments


def variants() -> tuple[Variant, ...]:
    """Those that this computer can run, the best first; raises Unusable."""
    return tuple(_listed(library()))


def sound_variants() -> tuple[Variant, ...]:
    """Those of `variants` that passed their self-test here: at least one; raises Unusable."""
    here, sound = variants(), passed()
    return here if sound is None else tuple(one for one in here if one.name in sound)


def _listed(loaded: ctypes.CDLL) -> Iterator[Variant]:
    number = 0
    while found := loaded.vistream_kernels(number):
        kernels = found.contents
        address = ctypes.addressof(kernels)
        tiles, flips, pairs = (bool(flag) for flag in (kernels.tiles, kernels.flips, kernels.pairs))
        yield Variant(kernels.name.decode(), kernels.vector_bytes, tiles, flips, pairs, address)
        number += 1


def variant(name: str | None = None) -> Variant:
    """The variant of that name, else the one in `$VISTREAM_KERNELS`, else the best that passed its self-test.

    Raises Unusable, also where this computer cannot run what was asked for.
    """
    wanted = name or os.environ.get(CHOICE)
    if not wanted:
        return sound_variants()[0]
    here = variants()
    for one in here:
        if one.name == wanted:
            return one
    raise Unusable(f"this computer cannot run the kernels '{wanted}': it can run {', '.join(v.name for v in here)}")


def usable(chosen: Variant | None = None) -> Variant | None:
    """`chosen`, else the variant to be used here; None where there is none, and who asks computes without kernels."""
    try:
        return chosen or variant()
    except Unusable:
        return None


def kernels_in_use() -> str:
    """The name of the variant that runs here, or what runs instead: it has to stand beside every timing."""
    try:
        return variant().name
    except Unusable:
        return "in plain torch"
