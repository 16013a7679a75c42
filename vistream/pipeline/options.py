"""Which options mean something: for which tasks, and beside which outputs. Others are refused, not passed over."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields

from vistream.errors import VistreamError
from vistream.pipeline.output_paths import OPTIONS, OutputPaths
from vistream.pipeline.tasks import TASKS

REPEATED = {"lines": "--line", "zones": "--zone"}
"""Settings of options that may be given several times."""
TRACKING = tuple(TASKS)
DETECTING = ("mot", "mots", "pose")
OF_DETECTIONS = ("classes", "conf", "iou", "min_hits", "memory", "detector_size")
OF_TRACKS = ("interpolate", "zero_based", "mot_classes", "lines", "zones", "scale")
MEANT_FOR: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(OF_DETECTIONS, DETECTING),
    **dict.fromkeys((*OF_TRACKS, "style line", "style labels", "style trails"), TRACKING),
}
"""The tasks for which a setting means something, where it does not for all; see `Settings.changed` for the names."""

DRAWN = ("video", "report", "show")
FILLED = ("mot", "csv", "coco", "cvat", "label_studio", "coco_video")
SHOWN_IN: Mapping[str, tuple[str, ...]] = {
    "mot_classes": ("mot",),
    "zero_based": ("mot", "detections"),
    "work": ("jsonl",),
    "interpolate": FILLED,
    **dict.fromkeys(("style line", "style labels", "style trails", "style map"), DRAWN),
    "style sound": ("video",),
    "style blur": (*DRAWN, "crops", "heat_map"),
}
"""The outputs (or what is read) that a setting acts on, one of which must be there."""


def check_options(task: str, changed: Collection[str]) -> None:
    """Raise VistreamError for a setting that means nothing for the task; `changed`: those that are not the defaults.

    >>> check_options("mot", {"conf", "lines"})
    """
    for name in sorted(changed):
        tasks = MEANT_FOR.get(name, (task,))
        if task not in tasks:
            raise VistreamError(f"{option_of(name)} is for the tasks {', '.join(tasks)}, and means nothing for {task}")
    given = sorted(set(OF_DETECTIONS).intersection(changed))
    if task == "pose" and "init_poses" in changed and given:
        raise VistreamError(f"skeletons are carried on from --init-poses, and {option_of(given[0])} is for detections")


def check_outputs(changed: Collection[str], paths: OutputPaths, *, report: bool = False, show: bool = False) -> None:
    """Raise VistreamError for a setting that none of the wanted outputs would show.

    >>> from pathlib import Path
    >>> check_outputs({"work"}, OutputPaths(jsonl=Path("a.jsonl")))
    """
    there = {field.name for field in fields(paths) if getattr(paths, field.name) is not None}
    there |= {name for name, wanted in (("report", report), ("show", show)) if wanted} | {"detections"} & set(changed)
    for name in sorted(changed):
        outputs = SHOWN_IN.get(name, ())
        if outputs and not there.intersection(outputs):
            known = [OPTIONS.get(output, f"--{output}") for output in outputs]
            raise VistreamError(f"{option_of(name)} acts on {' or '.join(known)}: ask for that too, or leave it out")


def option_of(name: str) -> str:
    """What a setting, or a part of the style, is called on the command line.

    >>> option_of("min_hits"), option_of("lines"), option_of("style blur")
    ('--min-hits', '--line', '--style blur=')
    """
    if name.startswith("style "):
        return f"--{name}="
    return REPEATED.get(name, f"--{name.replace('_', '-')}")
