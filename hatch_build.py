"""The build hook: compiles the kernels and puts the library into the wheel, which is then of one platform.

`VISTREAM_PLATFORM` names another platform than this computer's, see `vistream/kernels/build.py`.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class KernelsHook(BuildHookInterface[Any]):
    """For wheels, editable ones too: those run from the checkout, in which the library stays."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel":
            return
        kernels = _load(Path(self.root) / "vistream" / "kernels" / "build.py")
        platform = os.environ.get("VISTREAM_PLATFORM") or kernels.this_platform()
        if platform is None:
            self.app.display_warning("no kernels can be compiled for this computer: the wheel works in plain torch")
            return
        library = kernels.build(platform)
        inside = library.relative_to(self.root).as_posix()
        build_data["force_include"][str(library)] = inside
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{kernels.PLATFORMS[platform].tag}"


def _load(path: Path) -> ModuleType:
    """A module by its path: the package that it is in cannot be imported while it is being built."""
    spec = importlib.util.spec_from_file_location("kernels_build", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
