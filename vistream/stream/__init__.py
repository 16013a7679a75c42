"""The event-driven engine: plan, state, step, kernels. Fast, and equal to the oracle.

`vistream.stream` is this package and also a function: calling it is `stream.model.stream_model`.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _CallablePackage(ModuleType):
    def __call__(self, *arguments: Any, **options: Any) -> Any:
        from vistream.stream.model import stream_model

        return stream_model(*arguments, **options)


sys.modules[__name__].__class__ = _CallablePackage
