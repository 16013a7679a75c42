"""The command line as other users of the machine see it (`ps`), without the secrets in it."""

from __future__ import annotations

from collections.abc import Sequence

from vistream.addresses import without_secrets


def hide_secrets(arguments: Sequence[str]) -> None:
    """Replace the process's title where an address among `arguments` holds a secret; from then on it is not to be seen.

    Windows shows a command line to its own user alone.
    """
    shown = [without_secrets(argument) for argument in arguments]
    if shown == list(arguments):
        return
    from setproctitle import setproctitle

    setproctitle(" ".join(["vistream", *shown[1:]]))
