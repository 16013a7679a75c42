"""What a network of a kind that nobody foresaw meets while it is converted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from vistream.errors import VistreamError, told

FAULTS = (RuntimeError, TypeError, ValueError, LookupError, AttributeError, AssertionError)


@contextmanager
def in_one_sentence(network: str) -> Iterator[None]:
    """Turn such an error into a VistreamError that names the `network`; its cause stays in the chain.

    What has a line of its own, as the lack of memory has, passes.
    """
    try:
        yield
    except FAULTS as error:
        if told(error) is not None:
            raise
        cause = (str(error).splitlines() or [""])[0][:200]
        raise VistreamError(
            f"{network} can't be converted ({type(error).__name__}: {cause}): please report this network"
        ) from error
