"""Weights from the Hugging Face hub, through `huggingface_hub`, into Hugging Face's own cache.

The library does the transfer: progress bar, resumption after a dropped connection, tokens, proxies, and its
variables `HF_HOME`, `HF_ENDPOINT`, `HF_HUB_OFFLINE`. Added here: an answer within seconds where there is no
network, a look at the free space first, the SHA-256 check afterwards, and errors in plain words.
"""

from __future__ import annotations

import http.client
import os
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from vistream.errors import VistreamError
from vistream.models import store
from vistream.models.registry import HuggingFace, WeightsFile

T = TypeVar("T")

PATIENCE = 2.5
"""Seconds to wait for the hub's first answer, unless `HF_HUB_ETAG_TIMEOUT` says otherwise."""


def address(source: HuggingFace, file: WeightsFile) -> str:
    """The URL that a browser can download the file from."""
    from huggingface_hub import hf_hub_url

    return hf_hub_url(source.repo, file.name)


def transfer(source: HuggingFace, file: WeightsFile, progress: bool) -> Path:
    """Download one file and return its path in Hugging Face's cache.

    A copy that is not the published one is removed again. Where the registry has no hash, the hub's own is
    taken: for large files it announces the SHA-256 as the entity tag.

    Raises VistreamError: the hub cannot be reached, has no such file, does not give it; no space; damage.
    """
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_download

    patience = float(os.environ.get("HF_HUB_ETAG_TIMEOUT") or PATIENCE)
    with _in_plain_words(source, file):
        announced = _within(patience, lambda: get_hf_file_metadata(address(source, file), timeout=patience))
        store.check_room(Path(constants.HF_HUB_CACHE), announced.size or file.size or 0)
        with _progress_bars(progress):
            path = Path(hf_hub_download(source.repo, file.name))
    if file.sha256 is None and re.fullmatch("[0-9a-f]{64}", announced.etag or ""):
        file = replace(file, size=announced.size, sha256=announced.etag)
    if damage := store.damage(path, file):
        store.discard(path)
        raise VistreamError(f"what arrived is not the published file ({damage}) and was removed: try again")
    return path


def answers() -> bool:
    """Whether the hub can be reached, which is known within `PATIENCE` seconds."""
    from huggingface_hub import constants

    return answers_at(constants.ENDPOINT, PATIENCE)


def answers_at(address: str, seconds: float) -> bool:
    """Whether a web server answers, whatever it says, within so many seconds."""
    request = urllib.request.Request(address, method="HEAD")
    try:
        _within(seconds, lambda: urllib.request.urlopen(request, timeout=seconds).close())
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError, http.client.HTTPException):
        return False
    return True


def _within(seconds: float, ask: Callable[[], T]) -> T:
    """`ask()`, or TimeoutError after so many seconds: sockets' time-outs do not cover looking up names."""
    answers: list[T] = []
    errors: list[Exception] = []

    def work() -> None:
        try:
            answers.append(ask())
        except Exception as error:  # handed to the caller's thread, whatever it is
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not answers:
        raise TimeoutError(f"no answer in {seconds:g} s")
    return answers[0]


@contextmanager
def _progress_bars(shown: bool) -> Iterator[None]:
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    if shown or are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()


@contextmanager
def _in_plain_words(source: HuggingFace, file: WeightsFile) -> Iterator[None]:
    try:
        yield
    except VistreamError:
        raise
    except Exception as error:  # each version of the library has another HTTP client, with errors of its own
        raise VistreamError(_reason(error, source, file)) from error


def _reason(error: Exception, source: HuggingFace, file: WeightsFile) -> str:
    from huggingface_hub import constants, errors

    if isinstance(error, errors.OfflineModeIsEnabled):
        return "it is not here yet, and --offline or HF_HUB_OFFLINE forbids to fetch it"
    if isinstance(error, errors.GatedRepoError):
        return (
            f"access to {source.repo} is restricted: ask for it at {constants.ENDPOINT}/{source.repo}, "
            "then log in with `hf auth login` or set HF_TOKEN"
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return f"{constants.ENDPOINT} has no repository {source.repo}, or HF_TOKEN does not open it"
    if isinstance(error, errors.LocalEntryNotFoundError) and isinstance(error.__cause__, Exception):
        return _reason(error.__cause__, source, file)
    if isinstance(error, errors.EntryNotFoundError):
        return f"{source.repo} has no file {file.name} (any more)"
    first_line = (str(error).splitlines() or [""])[0].rstrip(".")
    if isinstance(error, errors.HfHubHTTPError):
        return f"{constants.ENDPOINT} answered: {first_line}"
    if isinstance(error, OSError) and error.strerror is not None and error.filename is not None:
        return f"{error.filename}: {error.strerror}"
    return f"no transfer from {constants.ENDPOINT} ({first_line or type(error).__name__})"
